// Compares learning rates on a text of your own, with three seeds each.
//
//   node sweep.mjs my-notes.txt
//   node sweep.mjs my-notes.txt 300 sweeps/notes
//
// The first argument is a text file or a folder of them, the second a number of steps, and the third the
// folder for the runs. Run it again after Ctrl-C: it continues.

import { sweep } from 'nano-gpt'

const [data, steps = '300', out = 'sweeps/learning-rate'] = process.argv.slice(2)
if (data === undefined) {
  console.error('usage: node sweep.mjs <file or folder> [steps] [folder]')
  process.exit(2)
}

// Every combination of the values in `vary` is trained. All other options are those of train().
const run = sweep({
  vary: { learningRate: [1e-3, 3e-3], seed: [1, 2, 3] },
  data,
  steps: Number(steps),
  evalInterval: Math.max(1, Math.floor(Number(steps) / 3)),
  out,
})
process.once('SIGINT', () => run.stop())

for await (const event of run) {
  if (event.type !== 'result') continue
  const { name, best, error } = event.run
  console.log(
    `${event.number} of ${event.total}: ${name}: ${best ? best.valLoss.toFixed(3) : error?.message}`,
  )
}

// One row for each learning rate, the best first. The seeds show how much of a difference is chance.
console.log()
for (const { options, best, comparison } of (await run).configurations) {
  const loss = best ? `${best.mean.toFixed(3)} ± ${best.deviation?.toFixed(3) ?? '?'}` : 'no result'
  const verdict = comparison === null ? '' : comparison.exceedsNoise ? 'worse' : 'perhaps worse'
  console.log(`learning rate ${options.learningRate}: validation loss ${loss}  ${verdict}`)
}
