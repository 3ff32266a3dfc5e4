// Trains in a worker thread, and shows the progress in the main thread.
//
//   node worker.mjs my-notes.txt
//   node worker.mjs my-notes.txt 500 runs/worker
//
// The native engine computes in threads of its own, so train() alone keeps the event loop free. A worker
// also takes the rest off it: reading and encoding a large text, and everything on the device 'js'.
// Ctrl-C saves the run and stops.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { train } from 'nano-gpt'

async function main() {
  const [data, steps = '500', out = 'runs/worker'] = process.argv.slice(2)
  if (data === undefined) {
    console.error('usage: node worker.mjs <file> [steps] [run folder]')
    process.exit(2)
  }
  const options = { data, steps: Number(steps), out, overwrite: true }
  const worker = new Worker(new URL(import.meta.url), { workerData: options })
  worker.on('message', ({ step, loss, text }) => {
    if (text !== undefined) console.log(`\n${text}`)
    else console.log(`step ${step} of ${steps}: loss ${loss.toFixed(3)}`)
  })
  // A worker that fails ends the process with its error.
  worker.on('error', (error) => {
    throw error
  })
  process.once('SIGINT', () => worker.postMessage('stop'))
  await once(worker, 'exit')
}

async function work() {
  const run = train(workerData)
  parentPort?.on('message', () => run.stop())
  let shown = -Infinity
  for await (const event of run) {
    // An event covers several steps. A message per second is enough.
    if (event.type !== 'step' || performance.now() - shown < 1000) continue
    shown = performance.now()
    parentPort?.postMessage({ step: event.to, loss: event.losses.at(-1) })
  }
  // Models stay in their thread. Their results are plain data, which can be posted.
  const model = await run
  parentPort?.postMessage({ text: await model.generate({ maxTokens: 200 }) })
  await model.dispose()
  parentPort?.close()
}

await (isMainThread ? main() : work())
