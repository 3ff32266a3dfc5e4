// Fine-tunes a trained model: a new run starts from its weights and learns another text.
//
//   node fine_tune.mjs runs/own-text letters.txt
//   node fine_tune.mjs runs/own-text letters.txt 200 runs/letters
//
// The first argument is a run folder, a checkpoint or a Hugging Face folder, the second a text file, the
// third a number of steps, and the fourth the folder for the new run.

import { load, train } from 'nano-gpt'

const [from, data, steps = '200', out = 'runs/fine-tuned'] = process.argv.slice(2)
if (from === undefined || data === undefined) {
  console.error('usage: node fine_tune.mjs <model> <file> [steps] [run folder]')
  process.exit(2)
}

// A model whose tokenizer is 'char' knows only the characters of its own text. train() names the first
// one that is new to it.
const run = train({
  from,
  data,
  steps: Number(steps),
  out,
  overwrite: true,
  // The model knows much already. Small steps change less of it.
  learningRate: 1e-4,
  warmup: 0,
  // The first evaluation is before the first step. Training longer on a short text makes the loss rise
  // again; the best checkpoint is from before that.
  evalInterval: Math.max(1, Math.floor(Number(steps) / 5)),
})
for await (const event of run) {
  if (event.type === 'evaluation') {
    const { step, trainLoss, valLoss, best } = event
    console.log(
      `step ${step}: training ${trainLoss.toFixed(3)}, validation ${valLoss.toFixed(3)}${best ? ' (best)' : ''}`,
    )
  }
}
await (await run).dispose()

// The same prompt and seed, before and after.
for (const path of [from, out]) {
  const model = await load(path)
  console.log(`\n${path}:`)
  console.log(await model.generate({ maxTokens: 200, temperature: 0.8, seed: 7 }))
  await model.dispose()
}
