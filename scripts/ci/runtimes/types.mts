// Compiled by several versions of TypeScript, and never run.
import {
  CharTokenizer,
  type Device,
  devices,
  load,
  type Model,
  NanoGptError,
  nn,
  ops,
  type PresetName,
  presets,
  type Run,
  type TrainEvent,
  type TrainOptions,
  tensor,
  train,
  version,
} from 'nano-gpt'

const options: TrainOptions = { data: { text: 'to be' }, preset: 'bigram', steps: 2 }
const run: Run<Model> = train(options)
for await (const event of run) {
  const type: TrainEvent['type'] = event.type
  if (event.type === 'evaluation') console.log(type, event.valLoss.toFixed(2))
}
const model: Model = await run
const text: string = await model.generate({ maxTokens: 3 })
const names: Device['name'][] = devices().map((device) => device.name)
const preset = Object.keys(presets)[0] as PresetName
console.log(text, names, preset, version.length, nn, ops, tensor, CharTokenizer)
try {
  await using loaded = await load('runs/first')
  console.log(loaded.device)
} catch (error) {
  if (error instanceof NanoGptError) console.log(error.code, error.option)
}
// @ts-expect-error proves that the declarations are used, not `any`.
train({ steps: 'many' })
