// A process that may use little memory: training that needs more says how much, and leaves the process
// usable.

import { runLimited } from '../support/child'

const linux = process.platform === 'linux' ? test : test.skip

linux('out of memory in training: an error with the size, and a smaller run succeeds', async () => {
  const { code, stdout, stderr } = await runLimited(
    'ulimit -v 2500000',
    `const options = { data: { text }, preset: 'decoder', layers: 1, blockSize: 64, device: 'cpu', steps: 1, evalBatches: 1 }
    const failure = (promise) => promise.then(() => 'none', ({ code, message }) => code + ' ' + message)
    console.log(await failure(nano.train({ ...options, batchSize: 3000 })))
    const model = await nano.train({ ...options, batchSize: 1 })
    console.log((await model.generate({ maxTokens: 3 })).length)`,
  )
  expect(stderr).toBe('')
  const [training, after] = stdout.split('\n')
  const size =
    'out of memory: \\d+ MiB more are needed, \\d+ MiB are in use, and this process may use 2441 MiB in all'
  expect(training).toMatch(
    new RegExp(`^out_of_memory the arena for temporaries: ${size}\\. A smaller \`batchSize\` .* needs less$`),
  )
  expect(after).toBe('3')
  expect(code).toBe(0)
})
