// Disposes a model that generates, and ends processes in the middle of a step: lifetimes.js PACKAGE
// [HOW]. With HOW it is the process that ends.
const { spawnSync } = require('node:child_process')

const [name, how] = process.argv.slice(2)
const { train } = require(name)
const options = { data: { text: 'to be or not to be, that is the question. '.repeat(50) }, device: 'cpu' }

const ends = {
  exit: () => process.exit(7),
  throw: () => {
    setTimeout(() => {
      throw new Error('thrown on purpose')
    })
  },
  signal: () => process.kill(process.pid, 'SIGTERM'),
}

async function end() {
  const sizes = { preset: 'decoder', blockSize: 32, embed: 64, heads: 2, layers: 2, batchSize: 8 }
  const run = train({ ...options, ...sizes, steps: 1e9, evalInterval: 1e9, evalBatches: 1 })
  for await (const { type } of run) if (type === 'step') ends[how]()
}

/** How a process with HOW ended. */
function endOf(how) {
  const { status, signal, stderr } = spawnSync(process.execPath, [__filename, name, how], {
    encoding: 'utf8',
  })
  return `${how}: ${status ?? signal}, ${/thrown on purpose/.exec(stderr) ?? JSON.stringify(stderr)}`
}

async function main() {
  const model = await train({ ...options, preset: 'bigram', steps: 2, evalBatches: 1 })
  const generating = model.generate({ maxTokens: 1e6 }).then(
    () => 'ended',
    ({ code }) => code,
  )
  setImmediate(() => model.dispose())
  const code = await generating
  if (!['disposed', 'cancelled'].includes(code)) throw new Error(`generate() of a disposed model: ${code}`)
  const found = Object.keys(ends).map(endOf)
  const wanted = ['exit: 7, ""', 'throw: 1, thrown on purpose', 'signal: SIGTERM, ""']
  if (String(found) !== String(wanted)) throw new Error(`processes ended with ${found.join('; ')}`)
  console.log('lifetimes: ok')
}

if (how) end()
else {
  main().catch((error) => {
    console.log(`lifetimes: ${error.stack}`)
    process.exit(1)
  })
}
