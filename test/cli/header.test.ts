// The header of a run, which describes its plan with the names from the option tables.

import { needs } from '../../lib/cli/dry_run'
import { flagsThatDiffer, header } from '../../lib/cli/header'
import { defaultVariants } from '../../lib/nn'
import { namesWhere, rowOf, type TrainingConfig, trainOptions } from '../../lib/options'
import { isDefaultBy, isWords } from '../../lib/options/row'
import type { Plan } from '../../lib/train/plan'

/** A training config of default values, and fixed numbers for the options that presets set. */
function usual(changes: Partial<TrainingConfig> = {}): TrainingConfig {
  const required = { steps: 3000, batchSize: 12, learningRate: 0.001, evalInterval: 250, evalBatches: 20 }
  const all: Record<string, unknown> = {}
  for (const name of namesWhere(({ stored }) => stored === 'training')) {
    const { default: value, unused, follows, applies } = rowOf(trainOptions, name)
    if (follows) all[name] = required[follows as keyof typeof required]
    else if (applies) all[name] = unused
    else if (value !== undefined && !isWords(value) && !isDefaultBy(value)) all[name] = value
  }
  return { ...all, ...required, ...changes } as TrainingConfig
}

const sizes = { heads: 4, dropout: 0 }
const plan: Plan = {
  begins: 'new',
  checkpoint: null,
  step: 0,
  model: {
    kind: 'gpt',
    vocabSize: 65,
    blockSize: 64,
    embed: 128,
    layers: 4,
    ...sizes,
    ...defaultVariants(sizes),
  },
  parameters: 809_123,
  trainedParameters: 809_123,
  base: null,
  tokenizer: 'char',
  training: usual(),
  seed: 1337,
  data: {
    name: 'some.txt',
    digest: '',
    source: '/texts/some.txt',
    lineEndings: 'normalize',
    trainTokens: 2700,
    validationTokens: 300,
    bytesPerToken: { train: 1, validation: 1 },
  },
  device: 'cpu',
  threads: null,
  instructionSet: null,
  out: null,
  stepsPerCall: null,
}

/** The header as printed without line breaks. */
const shown = (given: Plan, out?: string) =>
  header(given, given.device, out).map(([name, value]) => `${name}: ${value.replaceAll('\u00a0', ' ')}`)

test('the bytes per token, unless each token is a byte', () => {
  const data = { ...plan.data, bytesPerToken: { train: 3.24, validation: 3.1 } }
  const groups = { ...plan, tokenizer: 'bpe' as const, data, model: { ...plan.model, vocabSize: 4096 } }
  expect(shown(groups)).toContain('tokenizer: bpe: a vocabulary of 4,096 tokens, 3.2 bytes per token')
  expect(shown(plan)).toContain('tokenizer: char: a vocabulary of 65 characters')
})

test('a run with defaults', () => {
  expect(shown(plan, 'runs/a')).toEqual([
    'device: cpu',
    'text: some.txt: 3,000 tokens, 300 of them for validation',
    'tokenizer: char: a vocabulary of 65 characters',
    'model: gpt, 0.81 million parameters, 4 layers, 4 heads, 128 channels, block size 64 tokens, dropout 0',
    'training: 3,000 steps of 12 sequences × 64 tokens, seed 1337',
    'optimizer: adamw --learning-rate 0.001',
    'evaluation: every 250 steps, on 20 batches of each split',
    'saving: to runs/a',
  ])
})

test('adapters: how many parameters are trained, and where', () => {
  const lora = { rank: 8, alpha: 16, targets: ['query', 'value'] as const }
  const adapted: Plan = { ...plan, model: { ...plan.model, lora }, trainedParameters: 16_384 }
  expect(shown(adapted)).toContain(
    'adapters: 16,384 parameters are trained (2.02 %), rank 8, alpha 16, in query, value',
  )
  expect(shown(plan).some((line) => line.startsWith('adapters'))).toBe(false)
})

test('values that differ from the defaults are shown as flags', () => {
  const model = {
    ...plan.model,
    activation: 'gelu',
    bias: false,
    tiedEmbeddings: true,
    init: 'gpt2',
    kvHeads: 2,
  } as Plan['model']
  const training = usual({
    gradientAccumulationSteps: 2,
    optimizer: 'muon',
    momentum: 0.9,
    momentumWarmup: 7,
    schedule: 'wsd',
    warmup: 2,
    emaDecay: 0.9,
    gradientClip: 0.5,
    precision: 'bf16',
    exactEvaluation: true,
    checkpointInterval: 100,
  })
  const lines = shown({ ...plan, model, training, seed: '18446744073709551615' })
  expect(lines).toContain('variants: --activation gelu --kv-heads 2 --tied-embeddings --no-bias')
  expect(lines).toContain(
    'training: 3,000 steps of 2 micro-batches × 12 sequences × 64 tokens, seed 18446744073709551615 --precision bf16',
  )
  expect(lines).toContain(
    'optimizer: muon --learning-rate 0.001 --gradient-clip 0.5 --momentum 0.9 --momentum-warmup 7 --ema-decay 0.9',
  )
  expect(lines).toContain('schedule: --schedule wsd --warmup 2')
  expect(lines).toContain(
    'evaluation: every 250 steps, on 20 batches of each split --exact-evaluation --checkpoint-interval 100',
  )
})

test('options that do not apply are omitted, whatever their values in the plan', () => {
  const training = usual({ momentum: 0.5, nesterov: true, decayFraction: 0.9 })
  expect(flagsThatDiffer({ ...plan, training }, 'optimizer')).toEqual(['--learning-rate\u00a00.001'])
  const sgd = usual({ optimizer: 'sgd', momentum: 0.9, nesterov: true })
  expect(flagsThatDiffer({ ...plan, training: sgd }, 'optimizer')).toEqual([
    '--learning-rate\u00a00.001',
    '--nesterov',
  ])
})

test('a bigram has no channels', () => {
  const model = {
    kind: 'bigram',
    vocabSize: 65,
    blockSize: 8,
    embed: 32,
    heads: 1,
    layers: 1,
    dropout: 0,
  } as const
  expect(shown({ ...plan, model })).toContain('model: bigram, 0.81 million parameters, block size 8 tokens')
})

test('where the run and its text are saved', () => {
  const saving = (source: Plan['data']['source'], out?: string) =>
    shown({ ...plan, data: { ...plan.data, source } }, out).find((line) => line.startsWith('saving'))
  expect(saving(null)).toBe('saving: off; the run cannot be resumed')
  expect(saving(['shakespeare', 'text.txt'], 'a')).toBe('saving: to a, with a copy of the text')
  expect(saving(['shakespeare', '/x/y.txt'], 'a')).toBe('saving: to a')
})

test('resumed steps, and the checkpoint of initial weights', () => {
  expect(shown({ ...plan, begins: 'resume', step: 20 })).toContain('resuming: after 20 steps')
  expect(shown({ ...plan, begins: 'from', checkpoint: 'runs/a/best.safetensors' })).toContain(
    'weights: from runs/a/best.safetensors',
  )
})

test('a dry run adds memory and time', () => {
  const memory = {
    weights: 3.2e6,
    optimizer: 6.4e6,
    gradients: 3.2e6,
    activations: 3e7,
    corpus: 6e3,
    total: 42_806_000,
  }
  const estimate = { memory, secondsPerStep: 0.0124 }
  expect(needs({ ...plan, step: 1000 }, estimate)).toEqual([
    [
      'memory',
      '42.8 MB: weights 3.2 MB, optimizer 6.4 MB, gradients 3.2 MB, activations 30.0 MB, corpus 6.0 KB',
    ],
    ['time', '12.4 ms per step, about 0:25 min for 2,000 steps, plus evaluations'],
  ])
})
