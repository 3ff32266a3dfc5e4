// Shared by scripts that start programs: command-line options, and running several programs at a
// time.

const { execFile } = require('node:child_process')

/** The value after an option such as "--jobs". */
function argument(name, otherwise) {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : process.argv[at + 1]
}

const jobs = Number(argument('--jobs', 2))

/** Runs a program. Returns its output and how it ended: an exit code, a signal or 'timeout'. */
function run(command, args, { env = {}, timeout = 600_000 } = {}) {
  return new Promise((done) => {
    const options = { env: { ...process.env, ...env }, timeout, maxBuffer: 2 ** 28, killSignal: 'SIGKILL' }
    execFile(command, args, options, (error, stdout, stderr) => {
      const end = error ? (error.killed ? 'timeout' : (error.code ?? error.signal)) : 0
      done({ end, stdout, stderr })
    })
  })
}

/** Calls `work(item)` for all items, with up to --jobs at a time. */
async function parallel(items, work) {
  const queue = [...items.entries()]
  const results = []
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return results
}

module.exports = { argument, parallel, run }
