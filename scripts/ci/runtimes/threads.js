// Trains in a worker thread while the main thread trains too, then terminates a worker in the middle
// of a run: threads.js PACKAGE
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')

const name = isMainThread ? process.argv[2] : workerData.name
const options = {
  data: { text: 'to be or not to be, that is the question. '.repeat(50) },
  preset: 'bigram',
  evalBatches: 2,
  seed: 5,
  device: 'cpu',
}

async function textOf(steps) {
  const model = await require(name).train({ ...options, steps })
  return model.generate({ maxTokens: 20, seed: 1 })
}

async function work() {
  if (!workerData.isEndless) return parentPort.postMessage(await textOf(300))
  const run = require(name).train({ ...options, steps: 1e9, evalInterval: 1e9 })
  for await (const { type } of run) if (type === 'step') parentPort.postMessage('training')
}

/** The first message of a worker. */
function messageOf(worker) {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`a worker ended with ${code}`)))
  })
}

async function main() {
  const start = (isEndless) => new Worker(__filename, { workerData: { name, isEndless } })
  const [here, there] = await Promise.all([textOf(300), messageOf(start(false))])
  if (here !== there) throw new Error(`the worker's text is "${there}", not "${here}"`)
  const endless = start(true)
  await messageOf(endless)
  await endless.terminate()
  if ((await textOf(300)) !== here) throw new Error('another text after a worker was terminated')
  console.log('threads: ok')
}

if (isMainThread) {
  main().catch((error) => {
    console.log(`threads: ${error.stack}`)
    process.exit(1)
  })
} else {
  work()
}
