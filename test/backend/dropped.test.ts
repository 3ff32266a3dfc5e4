// Sessions and models that are dropped without being disposed. The garbage collector knows what
// they hold, so it collects them in time.

import { once } from 'node:events'
import { runChild, startWorker } from '../support/child'
import { onEveryDevice, onNative } from '../support/devices'

/** The JSON that a child prints. */
async function output(body: string, flags: readonly string[] = []): Promise<number[]> {
  const { stdout, stderr, code } = await runChild(body, {}, flags)
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return JSON.parse(stdout)
}

const opening = `
  const { openSession } = require('./lib/backend/devices.ts')
  const open = () => openSession({ device: 'cpu', threads: 1 })
`

onNative('dropped sessions', () => {
  test.each([
    ['as Node runs by default', []],
    ['with a garbage collection after each', ['--expose-gc']],
  ])(
    '40 of 100 MB each: %s',
    async (_, flags) => {
      const [most] = await output(
        `${opening}
      const data = new Float32Array(25e6).fill(1)
      let most = 0
      for (let i = 0; i < 40; i++) {
        const session = await open()
        await session.allocate('w', 'f32', [data.length])
        await session.write('w', data)
        globalThis.gc?.()
        most = Math.max(most, process.memoryUsage().rss)
      }
      console.log(JSON.stringify([most]))`,
        flags,
      )
      // The array, its copy on the way, and a few of the sessions.
      expect(most).toBeLessThan(1e9)
    },
    60_000,
  )

  test('the reported memory is what a session holds, in a worker too', async () => {
    const body = `${opening}
      const { addon } = require('./lib/backend/native/addon.ts').loadAddon()
      const { externalBytes } = addon.info()
      const megabytes = () => Math.round((addon.info().externalBytes - externalBytes) / 1e6) || 0
      const said = [megabytes()]
      const session = await open()
      await session.allocate('w', 'f32', [25e6])
      said.push(megabytes())
      await session.allocate('w', 'f32', [25e6]).catch(() => {})
      await session.allocate('v', 'f32', [50e6])
      said.push(megabytes())
      await session.dispose()
      said.push(megabytes())
      await session.dispose()
      said.push(megabytes())
      const lost = await open()
      await lost.allocate('w', 'f32', [25e6])`
    const [before, one, two, after, again] = await output(`${body}
      console.log(JSON.stringify(said))`)
    expect([before, after, again]).toEqual([0, 0, 0])
    expect(one).toBeGreaterThanOrEqual(100)
    expect(one).toBeLessThan(110)
    expect(two).toBeGreaterThanOrEqual(300)
    expect(two).toBeLessThan(310)
    // A worker ends with a session that it has not disposed.
    const worker = startWorker(`${body}
      post(said)`)
    const [message] = await once(worker, 'message')
    expect(message).toEqual([before, one, two, after, again])
    await worker.terminate()
  })

  test('large tensors with small ones between them take little more than their size', async () => {
    const [reserved] = await output(`${opening}
      const { addon } = require('./lib/backend/native/addon.ts').loadAddon()
      const { externalBytes } = addon.info()
      const session = await open()
      for (let i = 0; i < 8; i++) {
        await session.allocate('large' + i, 'f32', [2048, 2048])
        await session.allocate('small' + i, 'f32', [2048])
      }
      console.log(JSON.stringify([addon.info().externalBytes - externalBytes]))
      await session.dispose()`)
    const needed = 8 * 4 * (2048 * 2048 + 2048)
    expect(reserved).toBeGreaterThanOrEqual(needed)
    // Together, each large one and a small one would leave half of a chunk of 32 MiB unused.
    expect(reserved).toBeLessThan(1.4 * needed)
  })
})

onEveryDevice('dropped models', ({ name: device }) => {
  test('1,000 of them', async () => {
    const [early, most] = await output(`
      const { mkdtempSync, rmSync } = require('node:fs')
      const out = mkdtempSync(require('node:os').tmpdir() + '/nano-gpt-test-')
      const sizes = { preset: 'decoder', embed: 32, heads: 2, layers: 1, blockSize: 16, batchSize: 2 }
      const data = { text }
      await (await nano.train({ ...sizes, data, steps: 1, evalInterval: 1, evalBatches: 1, device: '${device}', out })).dispose()
      let [early, most] = [0, 0]
      for (let i = 0; i < 1000; i++) {
        const model = await nano.load(out, { device: '${device}' })
        if (i % 50 === 0) await model.generate({ maxTokens: 2 })
        const { rss } = process.memoryUsage()
        if (i < 200) early = Math.max(early, rss)
        else most = Math.max(most, rss)
      }
      rmSync(out, { recursive: true })
      console.log(JSON.stringify([early, most].map((bytes) => Math.round(bytes / 1e6))))`)
    expect(most).toBeLessThan(early + 100)
  })
})
