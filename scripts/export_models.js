// Trains small models for a second each, exports them, and writes what nano-gpt computes with them, for
// scripts/ci/gguf/judge.mjs and scripts/torch/export_check.py.
//
//   node scripts/export_models.js FOLDER FORMAT

const { mkdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { train } = require('..')

const [, , folder, format] = process.argv
const text =
  'The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs!\nHow vexingly quick daft zebras jump; 1,234 of 56,789 sphinxes of black quartz.\n'.repeat(
    40,
  )
const wide = `${text}${'naïve café — “quoted” 😀 ça\n'.repeat(40)}`
const sizes = { embed: 64, heads: 4, layers: 2, blockSize: 48 }
const training = {
  steps: 100,
  evalInterval: 100,
  evalBatches: 1,
  batchSize: 8,
  learningRate: 3e-3,
  seed: 3,
  threads: 1,
}
const llama = {
  ...{ preset: 'speedrun', activation: 'swiglu', qkNorm: false, logitSoftcap: 0, embeddingNorm: false },
  normAffine: true,
}

const nanochat = { preset: 'speedrun' }
const bpe = { tokenizer: 'bpe', vocabSize: 320, data: { text: wide } }

/** By name: the options in which a model differs. */
const models = {
  'gpt2, char': { preset: 'cpu' },
  'gpt2, char, output bias': { preset: 'gpt', activation: 'gelu-tanh', dropout: 0 },
  'gpt2, wide char': { preset: 'cpu', activation: 'gelu-tanh', data: { text: wide } },
  'gpt2, byte': { preset: 'cpu', activation: 'gelu-tanh', tokenizer: 'byte', normEpsilon: 1e-3 },
  'gpt2, bpe': { preset: 'cpu', activation: 'gelu-tanh', ...bpe },
  'gpt2, gpt2': { preset: 'cpu', activation: 'gelu-tanh', tokenizer: 'gpt2', steps: 60 },
  'llama, char': llama,
  'llama, byte, wide heads, biases': {
    ...{ ...llama, tokenizer: 'byte', headSize: 24, qkvBias: true, bias: true, outputBias: false },
    ...{ tiedEmbeddings: true, ropeBase: 1000 },
  },
  'llama, bpe, grouped heads': { ...llama, ...bpe, kvHeads: 2 },
  // Rows of 40 elements, which have no Q8_0.
  'llama, odd width': { ...llama, embed: 40, feedForwardWidth: 100, normEpsilon: 1e-4 },
  'llama, norms without gains': { ...llama, normAffine: false, tokenizer: 'byte' },
}

/** llama.cpp cannot express these. */
const onlyHuggingFace = {
  'gpt2, decoder': { preset: 'decoder', dropout: 0 },
  'gpt2, norms without gains': {
    ...{ preset: 'gpt', normAffine: false, activation: 'relu-squared', outputBias: false, dropout: 0 },
  },
  'nanochat, char': nanochat,
  'nanochat, bpe, grouped heads': { ...nanochat, ...bpe, kvHeads: 2 },
  'nanochat, uncapped': { ...nanochat, logitSoftcap: 0, activation: 'gelu' },
  'nanochat, tied': { ...nanochat, tiedEmbeddings: true, headSize: 24, ropeBase: 1000 },
  'nanochat, byte': { ...nanochat, tokenizer: 'byte', feedForwardWidth: 100 },
}

const dtypes = { huggingface: ['f32', 'f16', 'bf16'], gguf: ['f32', 'f16', 'q8_0'] }

const prompt = 'The quick brown'
const samples = [
  prompt,
  "  Pack, my\n\n\nbox:   don't we'll 12,345!?\n",
  ' ',
  'naïve café — “quoted” 😀😀 ça va, ñandú №5 中文\n',
]

function encodable(tokenizer, sample) {
  return [...sample].filter((character) => {
    try {
      return tokenizer.encode(character).length > 0
    } catch {
      return false // not in the vocabulary
    }
  })
}

async function write(name, options) {
  const model = await train({ data: { text }, ...sizes, ...training, ...options, device: 'cpu' })
  const own = join(folder, name)
  mkdirSync(own, { recursive: true })
  for (const dtype of dtypes[format]) {
    const { notes } = await model.export(join(own, dtype), { format, dtype })
    if (/odd/.test(name) && dtype === 'q8_0' && !notes.some((note) => /multiple of 32/.test(note)))
      throw new Error('rows of 40 elements are not mentioned')
  }
  const { tokenizer } = model
  const tokens = [...tokenizer.encode(prompt)]
  const maxTokens = sizes.blockSize - tokens.length
  const [{ tokens: greedy, text: continued }] = await model.complete({ prompt, temperature: 0, maxTokens })
  const all = [...tokens, ...greedy].slice(0, sizes.blockSize)
  const { data } = await model.logits(Uint32Array.from(all))
  const texts = samples.map((sample) => {
    const given = encodable(tokenizer, sample).join('')
    return { text: given, tokens: [...tokenizer.encode(given)] }
  })
  const expected = { prompt, tokens, greedy: [...greedy], continued, all, logits: [...data], texts }
  writeFileSync(join(own, 'expected.json'), JSON.stringify({ ...expected, vocabSize: tokenizer.vocabSize }))
  await model.dispose()
  console.log(`${name}: ${model.parameterCount.toLocaleString('en')} parameters`)
}

async function main() {
  const all = format === 'gguf' ? models : { ...models, ...onlyHuggingFace }
  for (const [name, options] of Object.entries(all)) await write(name, options)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
