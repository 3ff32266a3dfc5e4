// The process that is killed: trains with the built library and prints each event as a line of JSON.
//   node scripts/kill/child.js '{ "options": …, "spare": FOLDER, "end": … }'
// `end` says how the run ends early, if it reaches that point; scripts/kill.js kills it from outside
// too.

const { writeSync } = require('node:fs')
const { join } = require('node:path')
const { kill, watchFiles } = require('./files')

const { options, spare, end } = JSON.parse(process.argv[2])
const operations = watchFiles(spare, end)
const { train } = require(join(__dirname, '..', '..', 'dist', 'index.js'))

/** Writes at once: a killed process loses nothing that it reported. */
const tell = (event) => writeSync(1, `${JSON.stringify(event)}\n`)

async function main() {
  const aborter = new AbortController()
  const run = train({ ...options, ...(end?.how === 'abort' && { signal: aborter.signal }) })
  const ends = { event: kill, stop: () => run.stop(), abort: () => aborter.abort() }
  const act = ends[end?.how]
  let seen = 0
  const look = (type) => {
    if (!act || type !== end.type || ++seen !== end.nth) return
    if (end.wait === null) act()
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

main().catch((error) => {
  if (end?.how === 'abort' && error.name === 'AbortError') return tell({ type: 'aborted' })
  console.error(error.stack)
  process.exitCode = 1
})
