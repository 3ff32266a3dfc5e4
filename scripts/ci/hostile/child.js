// Runs rounds of one target, each from its own seed:
//   node child.js TARGET SEED FIRST SECONDS [ROUNDS]
// Each round's number is written to file descriptor 3 before it begins, so that the parent knows the
// last one, whatever happens. With OUTCOMES=1 it prints how often each outcome occurred.

const { writeSync } = require('node:fs')
const { outcomes, Random } = require('./random')

const [target, seed, first, seconds, rounds = Infinity] = process.argv.slice(2)
const { round, end } = require(`./${target}.js`)

async function main() {
  const until = performance.now() + 1000 * Number(seconds)
  let number = Number(first)
  for (let done = 0; done < Number(rounds) && performance.now() < until; done++, number++) {
    writeSync(3, `${number}\n`)
    await round(new Random(target, seed, number))
  }
  await end()
  writeSync(3, 'end\n')
  if (process.env.OUTCOMES) console.log(outcomes)
}

process.on('unhandledRejection', (error) => {
  throw error
})
main()
