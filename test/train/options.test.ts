// Options of train(). An error names the option, its value and what is accepted.

import type { TrainOptions } from '../../lib/options'
import { checkTrainOptions, resolveNew } from '../../lib/train/resolve'
import { train } from '../../lib/train/train'
import { failureOf } from '../support/errors'
import { short, unusedTraining } from '../support/runs'

const refused = (options: object) =>
  failureOf(() => train({ ...short, device: 'js', ...options } as TrainOptions))

const counts = [
  ...['blockSize', 'embed', 'heads', 'layers', 'steps', 'batchSize', 'gradientAccumulationSteps'],
  ...['evalInterval', 'evalBatches', 'sampleTokens', 'checkpointInterval', 'threads', 'kvHeads'],
]

test.each(counts)('%s must be a whole number of at least 1', async (name) => {
  for (const value of [0, -1, 1.5, Number.NaN, Infinity, '8', null, true, {}, 2 ** 31, 10n]) {
    const error = await refused({ [name]: value })
    expect([value, error.code]).toEqual([value, 'option'])
    expect(error.message).toMatch(new RegExp(`^train: ${name} is .*: must be `))
  }
})

test.each(['learningRate', 'matrixLearningRate', 'epsilon', 'gradientClip'])(
  '%s must be more than 0',
  async (name) => {
    // JSON has no Infinity, so null means no clipping.
    const others = name === 'gradientClip' ? [] : [null]
    for (const value of [0, -1, Number.NaN, '1', ...others]) {
      expect((await refused({ [name]: value })).message).toMatch(
        new RegExp(`^train: ${name} is .*: must be `),
      )
    }
  },
)

test.each(['dropout', 'attentionDropout', 'embeddingDropout', 'beta1', 'beta2', 'momentum', 'emaDecay'])(
  '%s must be in [0, 1)',
  async (name) => {
    for (const value of [-0.1, 1, 1.5, Number.NaN, '0.5', null]) {
      expect((await refused({ [name]: value })).message).toMatch(
        new RegExp(`^train: ${name} is .*: must be `),
      )
    }
  },
)

test.each(['normAffine', 'qkNorm', 'tiedEmbeddings', 'bias', 'embeddingNorm'])(
  '%s must be true or false',
  async (name) => {
    for (const value of [0, 1, 'true', null])
      expect((await refused({ [name]: value })).message).toMatch(
        new RegExp(`^train: ${name} is .*: must be true or false$`),
      )
  },
)

test.each([
  [{ weightDecay: -0.1 }, /weightDecay is -0.1: must be at least 0/],
  [{ weightDecay: Infinity }, /weightDecay is Infinity: must be finite/],
  [{ learningRate: Infinity }, /learningRate is Infinity: must be finite/],
  [{ sampleInterval: -1 }, /sampleInterval is -1: must be at least 0/],
  [{ sampleInterval: 0.5 }, /sampleInterval is 0.5: must be a whole number/],
  [{ optimizer: 'adam' }, /optimizer is "adam": must be 'adamw', 'muon' or 'sgd'/],
  [{ schedule: 'cosin' }, /schedule is "cosin": must be 'constant', 'cosine', 'linear' or 'wsd'/],
  [{ nesterov: 1 }, /nesterov is 1: must be true or false/],
  [{ warmup: -1 }, /warmup is -1: must be at least 0/],
  [{ warmup: 0.5 }, /warmup is 0.5: must be a whole number/],
  [{ momentumWarmup: 1.5 }, /momentumWarmup is 1.5: must be a whole number/],
  [{ finalLearningRateFraction: 1.1 }, /finalLearningRateFraction is 1.1: must be at most 1/],
  [{ finalLearningRateFraction: -0.1 }, /finalLearningRateFraction is -0.1: must be at least 0/],
  [{ decayFraction: 0 }, /decayFraction is 0: must be more than 0/],
  [{ decayFraction: 1.5 }, /decayFraction is 1.5: must be at most 1/],
  [{ seed: -1 }, /seed is -1: must be a whole number from 0/],
  [{ seed: 0.5 }, /seed is 0.5/],
  [{ seed: 2 ** 53 }, /seed is/],
  [{ seed: 2n ** 64n }, /seed is 18446744073709551616: /],
  [{ seed: '0x7' }, /seed is "0x7": must be a whole number from 0/],
  [{ data: 7 }, /data is 7: must be a corpus, the path of a text file or folder, \{ text \}/],
  [{ data: {} }, /data.*\{ text \}/],
  [{ data: { text: 7 } }, /data.*\{ text \}/],
  [{ data: null }, /data is null/],
  [{ out: 7 }, /out is 7/],
  [{ resume: 7 }, /resume is 7/],
  [{ device: 7 }, /device is 7/],
  [{ preset: 7 }, /preset is 7/],
  [{ instructionSet: 7 }, /instructionSet is 7/],
  [{ signal: {} }, /signal is an object: must be an AbortSignal/],
  [{ preset: 'decodre' }, /Did you mean `preset: 'decoder'`\?$/],
  [{ preset: 'toString' }, /preset is "toString": there is no such preset/],
  [{ device: 'cup' }, /Did you mean `device: 'cpu'`\?$/],
  [{ device: 'js ' }, /device is "js ": there is no such device/],
  [{ preset: '' }, /layer-norm, decoder, gpt, cpu, baby, speedrun, auto$/],
  [
    { positions: 'RoPE' },
    /^train: positions is "RoPE": must be 'learned' or 'rope'\. Did you mean `positions: 'rope'`\?$/,
  ],
  [{ norm: 'batch' }, /^train: norm is "batch": must be 'layer' or 'rms'$/],
  [
    { activation: 'silu' },
    /activation is "silu": must be 'relu', 'relu-squared', 'gelu', 'gelu-tanh' or 'swiglu'/,
  ],
  [{ init: 0 }, /^train: init is 0: must be 'torch', 'gpt2' or 'zero-residual'$/],
  [{ logitSoftcap: -1 }, /^train: logitSoftcap is -1: must be at least 0$/],
  [{ logitSoftcap: Infinity }, /^train: logitSoftcap is Infinity: must be finite$/],
  [{ kvheads: 2 }, /Did you mean `kvHeads`\?/],
  [
    { preset: 'decoder', embed: 24, heads: 4, kvHeads: 3 },
    /^train: kvHeads is 3: it must divide `heads`, which is 4$/,
  ],
  [{ preset: 'cpu', heads: 4, kvHeads: 8 }, /^train: kvHeads is 8: it must divide `heads`, which is 4$/],
  [{ preset: 'speedrun', heads: 2, kvHeads: 4 }, /^train: kvHeads is 4: it must divide `heads`, which is 2$/],
  [
    { preset: 'decoder', embed: 15, heads: 3, positions: 'rope' },
    /^train: positions is "rope": .* a head has 5, which is odd \(`embed` 15 \/ `heads` 3\)\. Take another `embed` or `heads`/,
  ],
  [
    { preset: 'bigram', tiedEmbeddings: true },
    /^train: tiedEmbeddings is true: the course's model 'bigram' has no variants\. .*: decoder, gpt, cpu, baby, speedrun, auto$/,
  ],
  [{ preset: '08', norm: 'rms' }, /^train: norm is "rms": the course's model 'layer-norm' has no variants/],
  [{ preset: 'decoder', heads: 5 }, /heads is 5: it must divide `embed`, which is 384/],
  [{ batchsize: 4 }, /^train: there is no option batchsize. Did you mean `batchSize`\?/],
  [{ lr: 4 }, /^train: there is no option lr. Did you mean `learningRate`\?/],
  [{ zzz: 4 }, /^train: there is no option zzz. The options are data, lineEndings, /],
  [{ learning_rate: 4 }, /Did you mean `learningRate`\?/],
  [{ constructor: 4 }, /there is no option constructor/],
  [{ blockSize: 5000 }, /too short for `blockSize: 5000`/],
])('%p', async (options, message) => {
  expect((await refused(options)).message).toMatch(message)
})

test('the options must be an object', async () => {
  for (const options of [null, 7, 'shakespeare', () => ({})]) {
    expect((await failureOf(() => train(options as TrainOptions))).message).toMatch(
      /^train: the options must be an object, not /,
    )
  }
})

test('train() itself throws nothing; the run rejects', () => {
  const run = train({ steps: -1 })
  return expect(run).rejects.toMatchObject({ code: 'option' })
})

test('an undefined option counts as not given', async () => {
  const options = Object.fromEntries(
    ['blockSize', 'seed', 'out', 'signal', 'gradientClip'].map((name) => [name, undefined]),
  )
  await using model = await train({ ...options, ...short, device: 'js', steps: 1 })
  expect(model.config.blockSize).toBe(8)
})

test('each option takes effect', async () => {
  const sizes = { blockSize: 9, embed: 12, heads: 2, layers: 3, dropout: 0.25 }
  const optimizer = {
    batchSize: 2,
    gradientAccumulationSteps: 3,
    learningRate: 0.002,
    beta1: 0.8,
    beta2: 0.9,
    epsilon: 1e-6,
    weightDecay: 0.5,
    precision: 'tf32' as const,
  }
  const rest = { gradientClip: 0.1, evalInterval: 4, evalBatches: 1, seed: 2n ** 63n }
  await using model = await train({
    data: short.data,
    preset: 'decoder',
    device: 'js',
    steps: 1,
    ...sizes,
    ...optimizer,
    ...rest,
  })
  const { model: config, training, seed } = model.info
  expect(config).toMatchObject({ kind: 'decoder', ...sizes })
  expect(training).toEqual({
    ...unusedTraining,
    ...{ steps: 1, ...optimizer, gradientClip: 0.1, evalInterval: 4, evalBatches: 1 },

    checkpointInterval: 4,
  })
  expect(seed).toBe('9223372036854775808')
  await using open = await train({ ...short, device: 'js', steps: 1, gradientClip: Infinity })
  expect(open.info.training!.gradientClip).toBeNull()
  expect(open.info.training!.precision).toBe('f32')
})

test('each option of the optimizers and schedules changes the trained weights', async () => {
  const weight = async (options: TrainOptions) => {
    await using model = await train({ ...short, device: 'js', steps: 3, ...options })
    return String((await model.parameters()).get('tokenEmbedding.weight')!.data.subarray(0, 2000))
  }
  const changes: TrainOptions[] = [
    {},
    { learningRate: 0.02 },
    { beta1: 0.5 },
    { beta2: 0.5 },
    { epsilon: 0.1 },
    { weightDecay: 0.5 },
    { gradientClip: 1e-8 },
    { gradientAccumulationSteps: 2 },
    { batchSize: 5 },
    { seed: 8 },
    { optimizer: 'sgd' },
    { optimizer: 'sgd', momentum: 0.5 },
    { optimizer: 'sgd', nesterov: true },
    { optimizer: 'sgd', weightDecay: 0.5 },
    { optimizer: 'sgd', gradientClip: 1e-3 },
    { schedule: 'linear' },
    { schedule: 'linear', finalLearningRateFraction: 0.5 },
    { schedule: 'cosine' },
    { schedule: 'wsd', decayFraction: 0.4 },
    { schedule: 'wsd', decayFraction: 0.7 },
    { warmup: 2 },
    { emaDecay: 0.5 },
    { emaDecay: 0.9 },
  ]
  const results = await Promise.all(changes.map(weight))
  expect(new Set(results).size).toBe(changes.length)
})

test('each option of Muon changes the trained weights', async () => {
  const model = { preset: 'decoder', blockSize: 5, embed: 6, heads: 1, layers: 1, dropout: 0 }
  const weight = async (options: TrainOptions) => {
    const all: TrainOptions = { ...short, ...model, device: 'js', steps: 3, optimizer: 'muon', ...options }
    await using model_ = await train(all)
    const weights = await model_.parameters()
    return ['tokenEmbedding', 'blocks.0.attention.key']
      .map((name) => String(weights.get(`${name}.weight`)!.data))
      .join()
  }
  const changes: TrainOptions[] = [
    {},
    { learningRate: 0.02 },
    { matrixLearningRate: 0.01 },
    { momentum: 0.5 },
    { momentumWarmup: 2 },
    { beta1: 0.5 },
    { weightDecay: 0.5 },
    { schedule: 'linear' },
    { emaDecay: 0.5 },
  ]
  const results = await Promise.all(changes.map(weight))
  expect(new Set(results).size).toBe(changes.length)
})

describe('options that apply only to some optimizers or schedules', () => {
  test.each<[TrainOptions, string]>([
    [
      { momentum: 0.5 },
      "momentum is 0.5: it applies only to the optimizers 'muon' and 'sgd', but the optimizer is 'adamw'",
    ],
    [{ optimizer: 'muon', nesterov: true }, "nesterov is true: it applies only to the optimizer 'sgd'"],
    [{ optimizer: 'sgd', momentumWarmup: 3 }, "momentumWarmup is 3: it applies only to the optimizer 'muon'"],
    [{ matrixLearningRate: 0.1 }, "matrixLearningRate is 0.1: it applies only to the optimizer 'muon'"],
    [
      { finalLearningRateFraction: 0.1 },
      "finalLearningRateFraction is 0.1: it applies only to the schedules 'cosine', 'linear' and 'wsd'",
    ],
    [
      { schedule: 'linear', decayFraction: 0.5 },
      "decayFraction is 0.5: it applies only to the schedule 'wsd', but the schedule is 'linear'",
    ],
  ])('%j', async (options, message) => {
    const error = await refused(options)
    expect(error.code).toBe('option')
    expect(error.message).toContain(`train: ${message}`)
    expect(error.message).toMatch(/\. Leave it out, or choose another (optimizer|schedule)$/)
  })

  test('have a default for each optimizer', async () => {
    const resolved = async (options: TrainOptions) => {
      await using model = await train({ ...short, device: 'js', steps: 1, ...options })
      return model.info.training
    }
    expect(await resolved({ optimizer: 'sgd' })).toMatchObject({
      ...unusedTraining,
      optimizer: 'sgd',
      momentum: 0.9,
    })
    expect(await resolved({ optimizer: 'muon', schedule: 'wsd' })).toMatchObject({
      ...unusedTraining,
      optimizer: 'muon',
      momentum: 0.95,
      schedule: 'wsd',
    })
  })

  test('of a preset do not carry over to another optimizer or schedule, except a final learning rate', () => {
    const { training } = resolveNew(
      checkTrainOptions({ preset: 'speedrun', optimizer: 'adamw', schedule: 'cosine' }),
    )
    expect(training).toMatchObject({ ...unusedTraining, optimizer: 'adamw', schedule: 'cosine', warmup: 50 })
    const { training: linear } = resolveNew(checkTrainOptions({ preset: 'cpu', schedule: 'linear' }))
    expect(linear).toMatchObject({ schedule: 'linear', warmup: 100, finalLearningRateFraction: 0.1 })
    const { training: constant } = resolveNew(checkTrainOptions({ preset: 'cpu', schedule: 'constant' }))
    expect(constant).toMatchObject({ schedule: 'constant', warmup: 100, finalLearningRateFraction: 0 })
    expect(resolveNew(checkTrainOptions({ preset: 'speedrun', optimizer: 'sgd' })).training.momentum).toBe(
      0.9,
    )
  })
})
