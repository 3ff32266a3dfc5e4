// The process that is killed: trains with the built library and prints each event as a line of JSON.
//   node scripts/kill/child.js '{ "options": …, "spare": FOLDER, "end": …, "hasLinks": … }'
// `end` says how the run ends early, if it reaches that point; scripts/kill.js kills it from outside
// too. With `end.how` 'terminate', the run is in a worker thread.

const { writeSync } = require('node:fs')
const { join } = require('node:path')
const { isMainThread, parentPort, Worker } = require('node:worker_threads')
const { kill, watchFiles } = require('./files')

const { options, spare, end, hasLinks = true } = JSON.parse(process.argv[2])

/** Writes at once: a killed process loses nothing that it reported. */
const tell = (event) => writeSync(1, `${JSON.stringify(event)}\n`)

async function trainHere() {
  const operations = watchFiles(spare, end, hasLinks)
  const { train } = require(join(__dirname, '..', '..', 'dist', 'index.js'))
  const aborter = new AbortController()
  const run = train({ ...options, ...(end?.how === 'abort' && { signal: aborter.signal }) })
  const ends = {
    event: kill,
    stop: () => run.stop(),
    abort: () => aborter.abort(),
    exit: () => process.exit(7),
    throw: () => {
      throw new Error('thrown on purpose')
    },
    terminate: () => parentPort.postMessage('now'),
  }
  const act = ends[end?.how]
  let seen = 0
  const look = (type) => {
    if (!act || type !== end.type || ++seen !== end.nth) return
    // An exception must not reject the promise of main().
    if (end.wait === null && end.how !== 'throw') act()
    else setTimeout(act, end.wait)
  }
  look('call')
  for await (const event of run) {
    tell(event)
    look(event.type)
  }
  await (await run).dispose()
  tell({ type: 'operations', count: operations.count })
}

/** Trains in a worker thread, and terminates it when it says so. */
async function trainInWorker() {
  const worker = new Worker(__filename, { argv: process.argv.slice(2) })
  const ended = new Promise((resolve, reject) => {
    worker.once('exit', resolve)
    worker.once('error', reject)
  })
  worker.once('message', () => {
    worker.terminate().then(() => tell({ type: 'terminated' }))
  })
  await ended
}

const main = isMainThread && end?.how === 'terminate' ? trainInWorker : trainHere
main().catch((error) => {
  if (end?.how === 'abort' && error.name === 'AbortError') return tell({ type: 'aborted' })
  console.error(error.stack)
  process.exitCode = 1
})
