// Runs exported models in llama.cpp, and compares with what scripts/export_models.js has written.
//
//   node judge.mjs FOLDER

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GgmlType, getLlama, LlamaLogLevel } from 'node-llama-cpp'

const [, , folder] = process.argv
/**
 * The largest difference of a probability, by the format of the weights. llama.cpp rounds GPT-2's GELU to
 * f16, and numbers to Q8_0 before it multiplies them by such weights.
 */
const limits = {
  gpt2: { f32: 1e-3, f16: 5e-3, q8_0: 0.1 },
  llama: { f32: 1e-4, f16: 5e-3, q8_0: 0.1 },
}
// Threads wait for each other by spinning, so more than one would be slow on a busy machine.
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
const bad = []
const expect = (isRight, what) => {
  if (!isRight) bad.push(what)
}
const same = (a, b) => JSON.stringify([...a]) === JSON.stringify([...b])

/** The softmax of the row of logits. */
function probabilities(row) {
  const most = Math.max(...row)
  const powers = row.map((logit) => Math.exp(logit - most))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

async function judge(name, dtype) {
  const want = JSON.parse(readFileSync(join(folder, name, 'expected.json'), 'utf8'))
  const model = await llama.loadModel({ modelPath: join(folder, name, dtype, 'model.gguf') })
  for (const { text, tokens } of want.texts) {
    const found = model.tokenize(text)
    expect(
      same(found, tokens),
      `${name}, ${dtype}: the tokens of ${JSON.stringify(text)} are ${found}, not ${tokens}`,
    )
  }
  // It must not end the process.
  model.detokenize(model.tokenize('☃ è Ω 😃'))
  const context = await model.createContext({
    // In a full context, node-llama-cpp would drop tokens.
    ...{ contextSize: want.all.length + 8, sequences: 1, threads: 1, flashAttention: false },
    ...{ experimentalKvCacheKeyType: GgmlType.F32, experimentalKvCacheValueType: GgmlType.F32 },
  })
  const sequence = context.getSequence()
  const inputs = want.all.map((token) => [token, { generateNext: { probabilities: true } }])
  const outputs = await sequence.controlledEvaluate(inputs)
  const { vocabSize } = want
  let worst = 0
  outputs.forEach(({ next }, at) => {
    const row = probabilities(want.logits.slice(at * vocabSize, (at + 1) * vocabSize))
    row.forEach((p, token) => {
      worst = Math.max(worst, Math.abs(p - (next.probabilities.get(token) ?? 0)))
    })
  })
  expect(worst <= limits[name.split(',')[0]][dtype], `${name}, ${dtype}: a probability differs by ${worst}`)
  await sequence.clearHistory()
  const greedy = []
  for await (const token of sequence.evaluate(want.tokens, { temperature: 0 })) {
    greedy.push(token)
    if (greedy.length === want.greedy.length) break
  }
  const text = model.detokenize(greedy)
  const equal = same(greedy, want.greedy)
  if (dtype === 'f32') {
    expect(
      equal,
      `${name}: llama.cpp continues with ${JSON.stringify(text)}, not ${JSON.stringify(want.continued)}`,
    )
    console.log(
      `${name}\n  nano-gpt   ${JSON.stringify(want.continued)}\n  llama.cpp  ${JSON.stringify(text)}`,
    )
  }
  console.log(
    `  ${dtype.padEnd(5)} probabilities differ by at most ${worst.toExponential(1)}; greedy text ${equal ? 'equal' : 'differs'}`,
  )
  await context.dispose()
  await model.dispose()
}

const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'expected.json')))
expect(names.length >= 11, `only ${names.length} models`)
for (const name of names) for (const dtype of Object.keys(limits.gpt2)) await judge(name, dtype)
for (const what of bad) console.log(`FAILED: ${what}`)
process.exit(bad.length > 0 ? 1 : 0)
