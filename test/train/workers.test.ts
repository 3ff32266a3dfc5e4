// Worker threads share the native engine, and can start and end at any time. The process exits when
// told to, whatever is being computed.

import { once } from 'node:events'
import { train } from '../../lib/train/train'
import { runChild, startWorker } from '../support/child'
import { onNative } from '../support/devices'
import { eventsOf, lossesOf, short } from '../support/runs'

/** Trains in a worker and posts the losses. */
const training = (seed: number) => `
  const run = nano.train({ data: { text }, preset: 'bigram', batchSize: 4, steps: 300, evalInterval: 300, evalBatches: 1, device: 'cpu', seed: ${seed} })
  const losses = []
  for await (const event of run) if (event.type === 'step') losses.push(...event.losses)
  await (await run).dispose()
  post(losses)
`

/**
 * Trains with steps of some milliseconds until it is ended. Posts a message for each step event.
 */
const endless = `
  const run = nano.train({ data: { text }, preset: 'decoder', blockSize: 64, embed: 96, heads: 2, layers: 2, batchSize: 8, steps: 1000000, evalInterval: 1000000, evalBatches: 1, device: 'cpu' })
  for await (const event of run) if (event.type === 'step') post('training')
`

async function lossesHere(seed: number): Promise<number[]> {
  const run = train({ ...short, steps: 300, evalInterval: 300, evalBatches: 1, device: 'cpu', seed })
  const losses = lossesOf(await eventsOf(run))
  await (await run).dispose()
  return losses
}

onNative('worker threads', () => {
  test('two workers and the main thread train at once, each as if alone', async () => {
    const workers = [startWorker(training(1)), startWorker(training(2))]
    const posted = workers.map((worker) => once(worker, 'message'))
    const exits = workers.map((worker) => once(worker, 'exit'))
    const here = await lossesHere(1)
    const [[one], [two]] = await Promise.all(posted)
    expect(here).toHaveLength(300)
    expect(one).toEqual(here)
    expect(two).toEqual(await lossesHere(2))
    expect(await Promise.all(exits)).toEqual([[0], [0]])
  }, 30_000)

  test('terminating workers during a step does not affect the main thread', async () => {
    const expected = await lossesHere(3)
    for (let round = 0; round < 6; round++) {
      const worker = startWorker(endless)
      await once(worker, 'message')
      // In every other round, the main thread trains at the same time.
      const here = round % 2 === 0 ? lossesHere(3) : undefined
      expect(await worker.terminate()).toBe(1)
      expect((await here) ?? expected).toEqual(expected)
    }
    expect(await lossesHere(3)).toEqual(expected)
  }, 60_000)

  test('a worker can exit during a run without being terminated', async () => {
    const worker = startWorker(`setTimeout(() => process.exit(5), 400);${endless}`)
    expect(await once(worker, 'exit')).toEqual([5])
    expect(await lossesHere(4)).toHaveLength(300)
  }, 30_000)
})

onNative('the end of the process', () => {
  const begun = endless.replace("post('training')", 'END')
  const child = (end: string) => runChild(begun.replace('END', end))

  test('process.exit() during a run exits with its code', async () => {
    expect(await child('process.exit(7)')).toMatchObject({ code: 7, signal: null, stderr: '' })
  }, 30_000)

  test('an uncaught error during a run exits with code 1', async () => {
    const { code, signal, stderr } = await child(
      `setTimeout(() => { throw new Error('from a timer') }); await new Promise(() => {})`,
    )
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(stderr).toContain('from a timer')
  }, 30_000)

  test('a signal during a run ends the process', async () => {
    expect(await child(`process.kill(process.pid, 'SIGTERM'); await new Promise(() => {})`)).toMatchObject({
      signal: 'SIGTERM',
    })
  }, 30_000)

  test('process.exit() works while worker threads train', async () => {
    const { code, signal } = await runChild(`
      const { Worker } = require('node:worker_threads')
      const { startWorker } = require('./test/support/child.ts')
      const workers = [startWorker(${JSON.stringify(endless)}), startWorker(${JSON.stringify(endless)})]
      await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
      process.exit(9)
    `)
    expect({ code, signal }).toEqual({ code: 9, signal: null })
  }, 30_000)

  test('a session that was not disposed does not keep the process alive', async () => {
    const ended = await runChild(`
      const model = await nano.train({ data: { text }, preset: 'bigram', steps: 2, evalBatches: 1, device: 'cpu' })
      console.log(model.device)
    `)
    expect(ended).toMatchObject({ code: 0, stdout: 'cpu\n' })
  }, 30_000)
})
