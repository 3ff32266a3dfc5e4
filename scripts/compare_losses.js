// Compares two training runs step by step: node scripts/compare_losses.js LOG LOG BOUND
//
// LOG is the output of `nano-gpt train --json`. Fails if the runs have different numbers of steps,
// or if two losses of one step differ by more than BOUND. Both runs need the same seed: then they
// have the same batches and dropout masks in every precision, because random numbers depend only on
// the seed, the place in the model, the step and the element.

const { readFileSync } = require('node:fs')

/** The loss of each step. */
function lossesOf(log) {
  const events = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"type":"step"'))
    .map((line) => JSON.parse(line))
  return events.flatMap(({ losses }) => losses)
}

function main() {
  const [, , first, second, text] = process.argv
  const bound = Number(text)
  if (!(bound > 0)) {
    console.error('usage: node scripts/compare_losses.js LOG LOG BOUND')
    return 2
  }
  const [a, b] = [first, second].map(lossesOf)
  if (a.length === 0 || a.length !== b.length) {
    console.log(`the runs have ${a.length} and ${b.length} steps`)
    return 1
  }
  const differences = a.map((loss, step) => loss - b[step])
  const sizes = differences.map(Math.abs)
  const worst = sizes.reduce((at, size, step) => (size <= sizes[at] ? at : step), 0) // a NaN is the worst
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / a.length
  const digits = (value) => value.toFixed(4)
  console.log(
    `${a.length} steps: at most ${sizes[worst].toFixed(5)} apart (bound ${bound}), in step ${worst + 1}: ${digits(a[worst])} and ` +
      `${digits(b[worst])}; ${mean.toFixed(5)} on average; ${digits(a[0])} to ${digits(a.at(-1))}`,
  )
  return sizes[worst] <= bound ? 0 : 1
}

process.exitCode = main()
