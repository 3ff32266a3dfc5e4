// Runs rounds of one target:
//   node child.js TARGET SEED SECONDS INPUTS
// A round is determined by its input, some bytes. First come those in the file INPUTS, as base64, one
// per line; then, for SECONDS, mutations of them and new ones. Where the target counts which code is
// reached, inputs that reach more are mutated too. File descriptor 3 gets, before each round, `run` and
// the input, so that the parent knows the last one, whatever happens; `new` and the input, if it
// reached more; and `end`. With OUTCOMES=1 it prints how often each outcome occurred.

const { readFileSync, writeSync } = require('node:fs')
const { Choices, Random, outcomes } = require('./random')

const [target, seed, seconds, inputs] = process.argv.slice(2)
const { round, end, counters } = require(`./${target}.js`)
const random = new Random(target, seed)

const longest = 400
/** Inputs that are worth mutating. */
const kept = []
const isFuzzing = Number(seconds) > 0
/**
 * For each counter the numbers of times that were seen, as bits: 1, 2, 3, 4-7, 8-15, …, 128 and more.
 * When only the shortest inputs are chosen, all numbers are the same.
 */
const seen = new Uint8Array(counters?.length ?? 0)
const bitOf = Uint8Array.from({ length: 256 }, (_, n) => {
  if (!isFuzzing) return n > 0 ? 1 : 0
  if (n < 4) return n === 0 ? 0 : 1 << (n - 1)
  return n < 32 ? 1 << (1 + Math.floor(Math.log2(n))) : n < 128 ? 64 : 128
})

/** Whether the last round reached code, or reached it as often, as none before. */
function reachedMore() {
  let more = false
  for (let i = 0; i < seen.length; i++) {
    if (counters[i] === 0) continue
    const bit = bitOf[counters[i]]
    if ((seen[i] & bit) === 0) {
      seen[i] |= bit
      more = true
    }
  }
  return more
}

async function run(input) {
  const text = Buffer.from(input).toString('base64')
  writeSync(3, `run ${text}\n`)
  counters?.fill(0)
  await round(new Choices(input))
  if (!reachedMore()) return
  kept.push(input)
  writeSync(3, `new ${text}\n`)
}

/** Changes, inserts, removes or copies bytes. */
function mutated(input) {
  let bytes = [...input]
  for (let i = 0; i <= random.below(4); i++) {
    const at = random.below(bytes.length + 1)
    const length = 1 + random.below(random.pick([2, 8, 32]))
    const edits = [
      () => (bytes[Math.min(at, bytes.length - 1)] = random.below(256)),
      () => bytes.splice(at, 0, ...random.bytes(length)),
      () => bytes.splice(at, length),
      () => bytes.splice(at, 0, ...bytes.slice(random.below(bytes.length + 1)).slice(0, length)),
      () => {
        const other = random.pick(kept)
        bytes.splice(at, longest, ...other.slice(random.below(other.length + 1)))
      },
    ]
    random.pick(edits)()
  }
  bytes = bytes.slice(0, longest)
  return Uint8Array.from(bytes)
}

function next() {
  if (kept.length === 0 || random.oneIn(20)) return random.bytes(8 + random.below(120))
  // Half of the time a recent one.
  return mutated(random.oneIn(2) ? random.pick(kept) : random.pick(kept.slice(-50)))
}

async function main() {
  const lines = readFileSync(inputs, 'utf8').split('\n').filter(Boolean)
  for (const line of lines) await run(Buffer.from(line, 'base64'))
  const until = performance.now() + 1000 * Number(seconds)
  while (performance.now() < until) await run(next())
  await end()
  writeSync(3, `reached ${seen.reduce((sum, bits) => sum + (bits > 0), 0)} of ${seen.length}\nend\n`)
  if (process.env.OUTCOMES) console.log(outcomes)
}

process.on('unhandledRejection', (error) => {
  throw error
})
main()
