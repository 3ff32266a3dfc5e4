// The gpt with selectable parts: with the defaults it equals the decoder; with each variant it
// trains, saves and resumes.

import { mkdir, writeFile } from 'node:fs/promises'
import { load } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import { readCheckpoint, writeCheckpoint } from '../../lib/checkpoint/checkpoint'
import { type GptConfig, variantNames } from '../../lib/model/config'
import { initialValues, type TensorState } from '../../lib/model/weights'
import { defaultVariants } from '../../lib/nn'
import type { TrainOptions } from '../../lib/options'
import { seedFrom } from '../../lib/random/philox'
import { train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { decoder, eventsOf, lossesOf, ofType, parametersOf, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const textFile = () => folder.path('some.txt')
beforeAll(() => writeFile(textFile(), someText()))

async function whole(options: TrainOptions) {
  const run = train(options)
  const events = await eventsOf(run)
  await using model = await run
  const norms = ofType(events, 'step').flatMap(({ gradientNorms }) => gradientNorms)
  const text = await model.generate({ prompt: 'The cat', maxTokens: 30, seed: 3 })
  const weights = await parametersOf(model)
  return { losses: lossesOf(events), norms, text, weights, info: model.info, model: model.config }
}

/** A gpt with these variants, at the sizes of the tests' decoder. */
function gptOf(variants: Partial<GptConfig>): GptConfig {
  const sizes = { vocabSize: 65, blockSize: 11, embed: 24, heads: 4, layers: 2, dropout: 0, ...variants }
  return { ...defaultVariants(sizes), ...sizes, kind: 'gpt' }
}

onEveryDevice('a gpt with default variants', ({ name: device }) => {
  test('equals the decoder bit for bit', async () => {
    const [ours, theirs] = await Promise.all(
      (['gpt', 'decoder'] as const).map((preset) => whole({ ...decoder, preset, steps: 6, device })),
    )
    expect(ours.model.kind).toBe('gpt')
    expect(theirs.model.kind).toBe('decoder')
    expect(ours.losses).toHaveLength(6)
    expect(ours.losses).toEqual(theirs.losses)
    expect(ours.norms).toEqual(theirs.norms)
    // In the same order, too.
    expectSameBits(ours.weights, theirs.weights)
    expect(ours.text).toBe(theirs.text)
  })
})

/** Together these cover every option with a value that isn't the default. */
const variants: Record<string, TrainOptions> = {
  'rope, bare rms norms, relu², capped logits': {
    ...{ positions: 'rope', norm: 'rms', normAffine: false, activation: 'relu-squared', logitSoftcap: 3 },
    ...{ embed: 18, heads: 3 },
  },
  'swiglu, shared key heads, qk norm, torch': {
    activation: 'swiglu',
    embed: 16,
    heads: 4,
    kvHeads: 2,
    qkNorm: true,
  },
  'gelu, tied, no bias, gpt2': {
    ...{ activation: 'gelu', tiedEmbeddings: true, bias: false, init: 'gpt2', embeddingDropout: 0.1 },
  },
  'tanh gelu, normed embeddings, zero residual': {
    ...{ activation: 'gelu-tanh', embeddingNorm: true, init: 'zero-residual', attentionDropout: 0 },
  },
}

onEveryDevice('variants', ({ name: device }) => {
  describe.each(Object.keys(variants))('%s', (name) => {
    const options: TrainOptions = { ...decoder, ...variants[name], device, steps: 6, evalInterval: 3 }

    test('config.json repeats the run; resuming gives the same bits; load() generates the same text', async () => {
      const [out, again, parts] = ['out', 'again', 'parts'].map((part) =>
        folder.path(`${device}-${name}-${part}`),
      )
      const first = await whole({ ...options, data: textFile(), out })
      expect(first.model).toMatchObject({ kind: 'gpt', ...variants[name] })
      expect(first.losses.every(Number.isFinite)).toBe(true)
      const second = await whole({ config: out, out: again })
      expect(second.info).toEqual(first.info)
      expect(second.losses).toEqual(first.losses)
      expectSameBits(second.weights, first.weights)

      const begun = await whole({ ...options, data: textFile(), steps: 2, out: parts })
      const resumed = await whole({ resume: parts, steps: 6, device })
      expect([...begun.losses, ...resumed.losses]).toEqual(first.losses)
      expectSameBits(resumed.weights, first.weights)

      await using loaded = await load(out, { checkpoint: 'last', device })
      expect(loaded.config).toEqual(first.model)
      expectSameBits(await parametersOf(loaded), first.weights)
      expect(await loaded.generate({ prompt: 'The cat', maxTokens: 30, seed: 3 })).toBe(first.text)
    })
  })

  test('each gives a different model', async () => {
    const base: TrainOptions = { ...decoder, embed: 24, heads: 4, attentionDropout: 0.2, device, steps: 3 }
    const changes: TrainOptions[] = [
      ...(['relu-squared', 'gelu', 'gelu-tanh', 'swiglu'] as const).map((activation) => ({ activation })),
      ...[{ positions: 'rope' } as const, { norm: 'rms' } as const, { normAffine: false }, { qkNorm: true }],
      ...[
        { kvHeads: 2 },
        { tiedEmbeddings: true },
        { logitSoftcap: 1 },
        { bias: false },
        { embeddingNorm: true },
      ],
      ...[
        { positions: 'rope', ropeBase: 50 } as const,
        ...[{ normEpsilon: 0.1 }, { feedForwardWidth: 40 }, { headSize: 5 }],
        ...[{ qkvBias: true }, { outputBias: false }],
      ],
      ...[{ attentionDropout: 0.1 }, { embeddingDropout: 0.1 }],
      ...(['gpt2', 'zero-residual'] as const).map((init) => ({ init })),
    ]
    expect(new Set(changes.flatMap((change) => Object.keys(change)))).toEqual(new Set(variantNames))
    const results: string[] = []
    for (const change of [{}, ...changes]) {
      const { losses, info } = await whole({ ...base, ...change })
      expect(info.model).toMatchObject({ kind: 'gpt', ...change })
      expect(losses.every(Number.isFinite)).toBe(true)
      results.push(String(losses))
    }
    expect(new Set(results).size).toBe(results.length)
  })
})

describe('the model for a preset and options', () => {
  const modelOf = async (options: TrainOptions) => {
    await using model = await train({ ...short, preset: undefined, device: 'js', steps: 1, ...options })
    return model.config
  }
  const small = { embed: 12, layers: 1, blockSize: 8 }

  test('a variant turns the decoder into a gpt, and nothing else changes', async () => {
    const given = await modelOf({ ...small, preset: 'decoder', heads: 2, activation: 'gelu' })
    const { kind, ...sizes } = await modelOf({ ...small, preset: 'decoder', heads: 2 })
    expect(kind).toBe('decoder')
    expect(given).toEqual({ ...sizes, ...defaultVariants(sizes), kind: 'gpt', activation: 'gelu' })
    // Even if the variant is the default.
    expect((await modelOf({ ...small, preset: 'auto', heads: 2, bias: true })).kind).toBe('gpt')
  })

  test('kvHeads and dropouts default to the options they derive from', async () => {
    expect(await modelOf({ ...small, preset: 'cpu', heads: 3 })).toMatchObject({ heads: 3, kvHeads: 3 })
    expect(await modelOf({ ...small, preset: 'cpu', heads: 6, kvHeads: 2 })).toMatchObject({ kvHeads: 2 })
    expect(await modelOf({ ...small, preset: 'baby' })).toMatchObject({
      ...{ dropout: 0.2, attentionDropout: 0.2, embeddingDropout: 0.2 },
    })
    expect(await modelOf({ ...small, preset: 'baby', dropout: 0.1 })).toMatchObject({
      ...{ attentionDropout: 0.1, embeddingDropout: 0.1 },
    })
    expect(await modelOf({ ...small, preset: 'speedrun', embed: 16, dropout: 0.05 })).toMatchObject({
      ...{ dropout: 0.05, attentionDropout: 0, embeddingDropout: 0.05 },
    })
    expect(await modelOf({ ...small, preset: 'gpt', heads: 2, dropout: 0.1 })).toMatchObject({
      ...{ attentionDropout: 0.1, embeddingDropout: 0 },
    })
  })

  test('`from` allows other dropouts, but no other architecture', async () => {
    const base = folder.path('base')
    await whole({
      ...decoder,
      ...variants['swiglu, shared key heads, qk norm, torch'],
      device: 'js',
      steps: 1,
      out: base,
    })
    const from = { from: base, data: short.data, device: 'js', steps: 1 } as const
    const { model, weights } = await whole({ ...from, dropout: 0.5, embeddingDropout: 0.1 })
    expect(model).toMatchObject({
      dropout: 0.5,
      attentionDropout: 0.5,
      embeddingDropout: 0.1,
      activation: 'swiglu',
    })
    expect(Object.keys(weights)).toContain('blocks.0.feedForward.gate.weight')
    for (const [name, value] of Object.entries({ ...model, kind: undefined })) {
      if (!variantNames.some((variant) => variant === name) || name.endsWith('Dropout')) continue
      const error = await failureOf(() => train({ ...from, [name]: value }))
      expect(error.message).toMatch(
        new RegExp(`^train: ${name} is .*: the weights of \`from\` fit no other model`),
      )
    }
    // A gpt can use a decoder's weights.
    const plain = folder.path('plain')
    await whole({ ...decoder, device: 'js', steps: 1, out: plain })
    const varied = await whole({ ...from, from: plain, attentionDropout: 0 })
    expect(varied.model).toMatchObject({
      kind: 'gpt',
      dropout: 0.2,
      attentionDropout: 0,
      embeddingDropout: 0,
    })
  })

  test('a resumed run keeps its variants', async () => {
    const base = folder.path('resumed')
    await whole({ ...decoder, activation: 'gelu', device: 'js', steps: 1, out: base })
    for (const name of variantNames) {
      const value = name === 'kvHeads' ? 1 : defaultVariants({ heads: 3, dropout: 0 })[name]
      const error = await failureOf(() =>
        train({ resume: base, data: short.data, device: 'js', [name]: value }),
      )
      expect(error.message).toMatch(new RegExp(`^train: ${name} is .*: a resumed run keeps its own`))
    }
  })
})

test('variants missing from a checkpoint get their defaults', async () => {
  await mkdir(folder.path('old'), { recursive: true })
  const { info } = await whole({
    ...decoder,
    positions: 'learned',
    device: 'js',
    steps: 1,
    out: folder.path('old'),
  })
  const checkpoint = await readCheckpoint(folder.path('old'), 'last')
  const { kind, vocabSize, blockSize, embed, heads, layers, dropout } = info.model
  const model = { kind, vocabSize, blockSize, embed, heads, layers, dropout } as GptConfig
  const path = folder.path('old', 'older.safetensors')
  await writeCheckpoint(path, { ...info, model }, [...checkpoint.tensors.values()] as TensorState[])
  expect((await readCheckpoint(path)).info.model).toEqual(info.model)
  await writeCheckpoint(path, { ...info, model: { ...model, activation: 'tanh' as 'gelu' } }, [])
  const error = await failureOf(() => readCheckpoint(path))
  expect(error.message).toMatch(/older\.safetensors is damaged: model\.activation is /)
})

describe('initial weights', () => {
  const config = gptOf({ embed: 96, layers: 3, activation: 'swiglu' })
  const moments = (variants: Partial<GptConfig>, path: string) => {
    const { parameters } = createModel({ ...config, ...variants })
    const values = initialValues(parameters.find((parameter) => parameter.path === path)!, seedFrom(3))
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length)
    return { deviation, largest: values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) }
  }
  const inner = [
    'attention.query',
    'attention.key',
    'attention.value',
    'feedForward.expand',
    'feedForward.gate',
  ]
  const residual = ['attention.projection', 'feedForward.contract']
  const weightsOf = (names: string[]) => names.map((name) => `blocks.1.${name}.weight`)

  test('gpt2: N(0, 0.02), smaller for residual projections, biases 0', () => {
    const init = 'gpt2'
    for (const path of [
      ...weightsOf(inner),
      'head.weight',
      'tokenEmbedding.weight',
      'positionEmbedding.weight',
    ])
      expect(moments({ init }, path).deviation / 0.02).toBeCloseTo(1, 1)
    for (const path of weightsOf(residual))
      expect((moments({ init }, path).deviation * Math.sqrt(6)) / 0.02).toBeCloseTo(1, 1)
    for (const path of ['head.bias', 'blocks.2.feedForward.gate.bias', 'blocks.2.attention.projection.bias'])
      expect(moments({ init }, path).largest).toBe(0)
    expect(moments({ init }, 'finalNorm.weight').largest).toBe(1)
  })

  test('zero-residual: residual projections and the logits are 0; other matrices U(±√(3/C))', () => {
    const init = 'zero-residual'
    for (const path of weightsOf(inner)) {
      const { deviation, largest } = moments({ init }, path)
      expect(largest).toBeLessThanOrEqual(Math.sqrt(3 / 96))
      expect(largest).toBeGreaterThan(0.99 * Math.sqrt(3 / 96))
      expect(deviation * Math.sqrt(96)).toBeCloseTo(1, 1)
    }
    for (const path of [...weightsOf(residual), 'head.weight', 'head.bias'])
      expect(moments({ init }, path).largest).toBe(0)
    expect(moments({ init }, 'tokenEmbedding.weight').deviation).toBeCloseTo(1, 1)
  })
})

test('parameters: omitted ones, shared ones, and those that Muon updates', () => {
  const of = (variants: Partial<GptConfig>) => createModel(gptOf({ layers: 1, ...variants })).parameters
  const paths = (variants: Partial<GptConfig>) => of(variants).map(({ path }) => path)
  const all = paths({})
  const without = (variants: Partial<GptConfig>) => all.filter((path) => !paths(variants).includes(path))
  expect(without({ positions: 'rope' })).toEqual(['positionEmbedding.weight'])
  expect(without({ tiedEmbeddings: true })).toEqual(['head.weight'])
  expect(without({ normAffine: false })).toEqual(all.filter((path) => /Norm\./.test(path)))
  expect(without({ norm: 'rms' })).toEqual(all.filter((path) => /Norm\.bias/.test(path)))
  expect(without({ bias: false })).toEqual(all.filter((path) => path.endsWith('.bias')))
  expect(paths({ embeddingNorm: true }).filter((path) => !all.includes(path))).toEqual([
    'embeddingNorm.weight',
    'embeddingNorm.bias',
  ])
  const key = of({ kvHeads: 2 }).find(({ path }) => path === 'blocks.0.attention.key.weight')
  expect(key!.shape).toEqual([12, 24])
  const hidden = of({ activation: 'swiglu', tiedEmbeddings: true }).filter(
    (parameter) => parameter.isHiddenMatrix,
  )
  expect(hidden.map(({ path }) => path)).toEqual(
    ['attention.query', 'attention.key', 'attention.value', 'attention.projection']
      .concat(['feedForward.expand', 'feedForward.gate', 'feedForward.contract'])
      .map((name) => `blocks.0.${name}.weight`),
  )
})
