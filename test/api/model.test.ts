// Models: parameter names, sizes and initial values; reading, setting, saving and loading weights.

import { load, type Model } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import type { ModelConfig } from '../../lib/model/config'
import { initialValues } from '../../lib/model/weights'
import { presets } from '../../lib/presets'
import { seedFrom } from '../../lib/random/philox'
import { train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { decoder, parametersOf, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

const countOf = (config: ModelConfig) =>
  createModel(config).parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)

test.each([
  ['notebook', 4_225],
  ['bigram', 4_225],
  ['single-head', 7_553],
  ['multi-head', 7_553],
  ['feed-forward', 8_609],
  ['blocks', 16_865],
  ['residual', 41_921],
  ['layer-norm', 42_369],
  ['gpt', 10_788_929],
  // Tied embeddings, one weight vector in each of 2·layers + 1 norms, no biases.
  ['cpu', 16_512 + 4 * (12 * 128 ** 2 + 256) + 128],
  ['baby', (65 + 256) * 384 + 6 * (12 * 384 ** 2 + 2 * 384) + 384],
  ['speedrun', 2 * 65 * 256 + 4 * 12 * 256 ** 2],
  ['decoder', 10_788_929],
] as const)('%s has %i parameters', (name, count) => {
  expect(countOf({ ...presets[name].model, vocabSize: 65 })).toBe(count)
})

test('parameters have unique names: the paths of the properties that hold them', () => {
  const { parameters } = createModel({ ...presets.decoder.model, vocabSize: 65, layers: 2 })
  const names = parameters.map(({ path }) => path)
  expect(new Set(names).size).toBe(names.length)
  const block = [
    'attentionNorm.weight',
    'attentionNorm.bias',
    'attention.query.weight',
    'attention.key.weight',
    'attention.value.weight',
    'attention.projection.weight',
    'attention.projection.bias',
    'feedForwardNorm.weight',
    'feedForwardNorm.bias',
    'feedForward.expand.weight',
    'feedForward.expand.bias',
    'feedForward.contract.weight',
    'feedForward.contract.bias',
  ]
  expect(names).toEqual([
    'tokenEmbedding.weight',
    'positionEmbedding.weight',
    'head.weight',
    'head.bias',
    ...[0, 1].flatMap((i) => block.map((name) => `blocks.${i}.${name}`)),
    'finalNorm.weight',
    'finalNorm.bias',
  ])
})

test('weights are initialized as in PyTorch: N(0, 1), U(±1/√inputs), ones and zeros', () => {
  const { parameters } = createModel({ ...presets.decoder.model, vocabSize: 65, layers: 1, embed: 96 })
  const values = (path: string) =>
    initialValues(parameters.find((parameter) => parameter.path === path)!, seedFrom(3))
  const moments = (path: string) => {
    const found = values(path)
    const mean = found.reduce((a, b) => a + b, 0) / found.length
    return { mean, deviation: Math.sqrt(found.reduce((sum, x) => sum + (x - mean) ** 2, 0) / found.length) }
  }
  expect(moments('tokenEmbedding.weight').mean).toBeCloseTo(0, 1)
  expect(moments('tokenEmbedding.weight').deviation).toBeCloseTo(1, 1)
  for (const [path, inputs] of [
    ['blocks.0.feedForward.contract.weight', 384],
    ['blocks.0.attention.query.weight', 96],
  ] as const) {
    const bound = 1 / Math.sqrt(inputs)
    const largest = Math.max(...values(path).map(Math.abs))
    expect(largest).toBeLessThanOrEqual(bound)
    expect(largest).toBeGreaterThan(0.99 * bound)
    expect(moments(path).deviation).toBeCloseTo(bound / Math.sqrt(3), 3)
  }
  expect(new Set(values('finalNorm.weight'))).toEqual(new Set([1]))
  expect(new Set(values('finalNorm.bias'))).toEqual(new Set([0]))
})

test('an initial value depends on its path and the seed, not on the rest of the model', () => {
  const small = createModel({ ...presets.decoder.model, vocabSize: 65, layers: 1 }).parameters
  const large = createModel({
    ...presets.decoder.model,
    vocabSize: 65,
    layers: 3,
    dropout: 0,
    blockSize: 64,
  }).parameters
  const of = (parameters: typeof small, path: string, seed = 1) =>
    initialValues(parameters.find((parameter) => parameter.path === path)!, seedFrom(seed))
  const path = 'blocks.0.attention.query.weight'
  expectSameBits({ path: of(large, path) }, { path: of(small, path) })
  expect(of(large, path)[0]).not.toBe(of(large, 'blocks.1.attention.query.weight')[0])
  expect(of(large, path)[0]).not.toBe(of(large, path, 2)[0])
})

onEveryDevice('a model', ({ name: device }) => {
  let model: Model
  beforeAll(async () => {
    model = await train({ ...decoder, device, steps: 3 })
  })
  afterAll(() => model.dispose())

  test('exposes its device, config, size, tokenizer and info', () => {
    expect(model.device).toBe(device)
    expect(model.config).toMatchObject({ kind: 'decoder', embed: 15, layers: 2 })
    expect(model.parameterCount).toBe(countOf(model.config))
    expect(model.tokenizer.decode(model.tokenizer.encode('The cat.'))).toBe('The cat.')
    expect(model.info).toMatchObject({ step: 3, device, seed: '7', training: { batchSize: 3 } })
  })

  test('parameters() of every size can be changed and transferred', async () => {
    await using other = await train({ ...decoder, embed: 64, heads: 2, device, steps: 1 })
    const sizes = new Set<boolean>()
    for (const [path, { data }] of await other.parameters()) {
      const copy = data.slice()
      sizes.add(copy.byteLength >= 2 ** 16) // Larger tensors take another way out of the engine.
      const { [path]: moved } = structuredClone({ [path]: data }, { transfer: [data.buffer as ArrayBuffer] })
      expectSameBits({ [path]: moved }, { [path]: copy })
      expect(data.length).toBe(0)
    }
    expect(sizes.size).toBe(2)
  })

  test('parameters() returns copies; setParameter() changes the model', async () => {
    await using other = await train({ ...short, device, steps: 1 })
    const path = 'tokenEmbedding.weight'
    const { data, shape } = (await other.parameters()).get(path)!
    expect(shape).toEqual([other.config.vocabSize, other.config.vocabSize])
    const before = data.slice()
    data.fill(0)
    expectSameBits(await parametersOf(other), { [path]: before })
    // Makes token i + 1 follow token i, and the first follow the last.
    const size = other.config.vocabSize
    const next = Float32Array.from({ length: size * size }, (_, i) =>
      i % size === (Math.floor(i / size) + 1) % size ? 50 : 0,
    )
    await other.setParameter(path, next)
    next.fill(0)
    const characters = other.tokenizer.decode(Array.from({ length: size }, (_, i) => i))
    expect(await other.generate({ prompt: characters[0], maxTokens: size, seed: 1 })).toBe(
      characters.slice(1) + characters[0],
    )
    expect((await failureOf(() => other.setParameter('tokenEmbedding', next))).message).toMatch(
      /path is "tokenEmbedding": there is no such parameter\. Did you mean tokenEmbedding\.weight\?/,
    )
    expect((await failureOf(() => other.setParameter(path, next.subarray(1)))).message).toContain(path)
  })

  test('save and load give the same weights and the same text', async () => {
    const path = folder.path(`saved-${device}.safetensors`)
    await model.save(path)
    await using loaded = await load(path, { device })
    expectSameBits(await parametersOf(loaded), await parametersOf(model))
    expect(loaded.info).toEqual(model.info)
    const ask = { prompt: 'The cat', maxTokens: 20, seed: 1 }
    expect(await loaded.generate(ask)).toBe(await model.generate(ask))
  })

  test('loaded on js: the same weights and the same greedy text', async () => {
    const path = folder.path(`across-${device}.safetensors`)
    await model.save(path)
    await using loaded = await load(path, { device: 'js' })
    expectSameBits(await parametersOf(loaded), await parametersOf(model))
    const greedy = { prompt: 'The cat', maxTokens: 20, temperature: 0 }
    expect(await loaded.generate(greedy)).toBe(await model.generate(greedy))
  })
})

test('load() checks its options', async () => {
  const wrong = (options: object) =>
    failureOf(() => load(folder.path('nowhere'), options)).then(({ message }) => message)
  expect(await wrong({ checkpoint: 'latest' })).toMatch(
    /^load: checkpoint is "latest": must be 'best' or 'last'/,
  )
  expect(await wrong({ chekpoint: 'last' })).toMatch(
    /^load: there is no option chekpoint. Did you mean `checkpoint`/,
  )
  expect(await wrong({ threads: 0 })).toMatch(/threads is 0: must be at least 1/)
  expect(await wrong({ device: 7 })).toMatch(/device is 7/)
  expect(await wrong({})).toMatch(/there is no checkpoint at/)
})
