// Trains a model on a text of your own, and writes with it.
//
//   node own_text.mjs my-notes.txt
//   node own_text.mjs my-notes.txt 10 runs/notes
//
// The first argument is a text file or a folder of them, the second a number of minutes, and the third
// the folder for the run.

import { train } from 'nano-gpt'

const [data, minutes = '3', out = 'runs/own-text'] = process.argv.slice(2)
if (data === undefined) {
  console.error('usage: node own_text.mjs <file or folder> [minutes] [run folder]')
  process.exit(2)
}

// 'auto' chooses the sizes of the model, the number of steps and the tokenizer, by the text, the speed
// of this machine and the minutes. `overwrite` replaces an earlier run in the folder.
const run = train({ data, preset: 'auto', minutes: Number(minutes), out, overwrite: true })

// A run is a stream of events. It trains even if nobody reads them.
for await (const event of run) {
  if (event.type === 'start') {
    const { model, training } = event.plan
    console.log(`${model.layers} layers of ${model.embed} channels, ${training.steps} steps`)
  }
  // The validation loss is that of a part of the text from which the model does not learn.
  if (event.type === 'evaluation') {
    console.log(`step ${event.step}: validation loss ${event.valLoss.toFixed(3)} nats per token`)
  }
}

// Awaiting the run returns the model. Its best checkpoint is in the folder, for load() and for
// `nano-gpt generate`.
const model = await run
console.log(`\nIn the style of ${data}:`)
for await (const piece of model.stream({ maxTokens: 300, temperature: 0.8 })) process.stdout.write(piece)
console.log(`\n\nTo write more: npx nano-gpt generate --model ${out}`)
await model.dispose()
