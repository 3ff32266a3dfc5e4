// Adapters (LoRA): what is trained, what is saved, and that it computes the same when it is merged,
// loaded or resumed.

import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import { readCheckpoint, writeCheckpoint } from '../../lib/checkpoint/checkpoint'
import { files } from '../../lib/checkpoint/folder'
import { sizeOf } from '../../lib/graph/dtype'
import { type ModelConfig, modelKinds } from '../../lib/model/config'
import { addProduct } from '../../lib/model/lora'
import { gradientProgram } from '../../lib/model/programs'
import type { TensorState } from '../../lib/model/weights'
import { adaptableNames, defaultVariants } from '../../lib/nn'
import { updateProgram } from '../../lib/optim/update'
import type { TrainOptions } from '../../lib/options'
import { memoryOf } from '../../lib/train/memory'
import { plan, train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { training } from '../support/models'
import { decoder, eventsOf, lossesOf, parametersOf, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const { data } = short
const prompt = 'The cat'
const isAdapter = (path: string) => /\.lora[AB]$/.test(path)

/** A trained model with the layer `gate` and shared key/value heads. */
const gpt: TrainOptions = { ...decoder, preset: 'gpt', activation: 'swiglu', embed: 24, heads: 4, kvHeads: 2 }
const adapted: TrainOptions = {
  data,
  loraRank: 3,
  loraAlpha: 5,
  learningRate: 0.02,
  steps: 6,
  evalInterval: 3,
}

async function whole(options: TrainOptions) {
  const run = train(options)
  const events = await eventsOf(run)
  await using model = await run
  return { losses: lossesOf(events), weights: await parametersOf(model), info: model.info, events }
}

/** The largest difference of two lists of numbers. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
}

onEveryDevice('a run that trains adapters', ({ name: device }) => {
  const base = () => folder.path(`base-${device}`)
  const out = () => folder.path(`adapters-${device}`)
  let trained: Awaited<ReturnType<typeof whole>>
  beforeAll(async () => {
    await whole({ ...gpt, device, steps: 4, out: base() })
    trained = await whole({ ...adapted, from: base(), device, out: out() })
  })

  test('starts with the logits of its base, to the bit', async () => {
    const run = train({ ...adapted, from: base(), device, steps: 1, learningRate: 1e-30, weightDecay: 0 })
    await using model = await run
    await using before = await load(base(), { device })
    expectSameBits(
      { logits: (await model.logits(prompt)).data },
      { logits: (await before.logits(prompt)).data },
    )
  })

  test('changes the adapters, and no bit of the base', async () => {
    await using before = await load(base(), { device })
    const theirs = await parametersOf(before)
    const ours = Object.entries(trained.weights)
    expectSameBits(Object.fromEntries(ours.filter(([path]) => !isAdapter(path))), theirs)
    const adapters = ours.filter(([path]) => isAdapter(path))
    // Seven layers in each of two blocks, A and B each.
    expect(adapters).toHaveLength(28)
    for (const [, values] of adapters) expect(Array.from(values).some((value) => value !== 0)).toBe(true)
    expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0])
  })

  test('its checkpoints contain the adapters alone', async () => {
    const { tensors, info } = await readCheckpoint(out(), 'last')
    const paths = [...tensors.keys()].map((name) => name.replace(/^adamw\/[mv]\//, ''))
    expect(new Set(paths)).toEqual(new Set(Object.keys(trained.weights).filter(isAdapter)))
    expect(info.base!.path).toBe(`${base()}/${files.best}`)
    expect((await stat(`${out()}/${files.last}`)).size).toBeLessThan(
      (await stat(`${base()}/${files.last}`)).size,
    )
  })

  test('load() gives the same model; save() merges the adapters', async () => {
    await using loaded = await load(out(), { device, checkpoint: 'last' })
    expectSameBits(await parametersOf(loaded), trained.weights)
    expect(loaded.config.lora).toEqual({ rank: 3, alpha: 5, targets: adaptableNames })
    const file = folder.path(`merged-${device}.safetensors`)
    await loaded.save(file)
    await using merged = await load(file, { device })
    expect(merged.config).not.toHaveProperty('lora')
    expect(merged.info).not.toHaveProperty('base')
    expect(merged.info.step).toBe(6)
    expect((await merged.parameters()).has('blocks.0.attention.query.loraA')).toBe(false)
    const logits = await loaded.logits(prompt)
    expect(apart(logits.data, (await merged.logits(prompt)).data)).toBeLessThan(1e-5)
    // The adapters do something.
    await using before = await load(base(), { device })
    expect(apart(logits.data, (await before.logits(prompt)).data)).toBeGreaterThan(1e-2)
    const sampling = { prompt, maxTokens: 20, temperature: 0 }
    expect(await loaded.generate(sampling)).toBe(await merged.generate(sampling))
  })

  test.each([
    ['AdamW', {}],
    ['Muon and averages', { optimizer: 'muon', emaDecay: 0.8 } as const],
  ])('with %s: resumed, it writes the same bytes as uninterrupted', async (name, more) => {
    const [a, b] = ['a', 'b'].map((part) => folder.path(`${part}-${device}-${name}`))
    const uninterrupted = await whole({ ...adapted, ...more, from: base(), device, out: a })
    const first = await whole({ ...adapted, ...more, from: base(), device, out: b, steps: 2 })
    const second = await whole({ resume: b, device, data, steps: 6 })
    expect([...first.losses, ...second.losses]).toEqual(uninterrupted.losses)
    expectSameBits(second.weights, uninterrupted.weights)
    const bytes = await Promise.all([a, b].map((run) => readFile(`${run}/${files.last}`)))
    expect(bytes[0].equals(bytes[1])).toBe(true)
    await using loaded = await load(b, { device, checkpoint: 'last' })
    expectSameBits(await parametersOf(loaded), uninterrupted.weights)
    // config.json repeats the run, also that of a resumed one.
    const again = await whole({ config: b, data, out: folder.path(`again-${device}-${name}`) })
    expect(again.losses.slice(0, 2)).toEqual(uninterrupted.losses.slice(0, 2))
    expect(again.info.model).toEqual(uninterrupted.info.model)
  })

  test('a run from it begins with the merged weights, and may have adapters of its own', async () => {
    const second = folder.path(`second-${device}`)
    const more = await whole({
      data,
      from: out(),
      device,
      steps: 2,
      loraRank: 2,
      loraTargets: 'value',
      out: second,
    })
    expect(more.info.model.lora).toEqual({ rank: 2, alpha: 4, targets: ['value'] })
    await using first = await load(out(), { device })
    await using next = await load(second, { device })
    expect(apart((await first.logits(prompt)).data, (await next.logits(prompt)).data)).toBeLessThan(0.5)
    // All of these weights are trained again.
    const full = await whole({ data, from: second, device, steps: 1 })
    expect(full.info.model).not.toHaveProperty('lora')
    expect(Object.keys(full.weights).some(isAdapter)).toBe(false)
  })

  test('inspection names the adapters, and gives the gradients of all weights', async () => {
    await using model = await load(out(), { device })
    const gradients = await model.gradients('The cat sat on the mat.')
    expect([...gradients.keys()]).toEqual([...(await model.parameters()).keys()])
    expect(gradients.get('blocks.1.feedForward.gate.loraB')!.shape).toEqual([96, 3])
    expect(model.activationNames).toContain('blocks.0.attention.query')
    // With B at 0, the adapter is off.
    const path = 'blocks.0.attention.query.loraB'
    const before = await model.activations(prompt, 'blocks.0.attention.query')
    await model.setParameter(path, new Float32Array(24 * 3))
    const after = await model.activations(prompt, 'blocks.0.attention.query')
    const [x, y] = [before, after].map((all) => all.get('blocks.0.attention.query')!.data)
    expect(apart(x, y)).toBeGreaterThan(0)
  })
})

describe('the base of adapters', () => {
  const at = (name: string) => folder.path('bases', name)
  beforeAll(async () => {
    await mkdir(folder.path('bases'))
    await whole({ ...decoder, device: 'js', steps: 2, out: at('first') })
    await whole({ ...adapted, from: at('first'), device: 'js', steps: 2, out: at('adapters') })
    await whole({ ...decoder, device: 'js', steps: 3, out: at('other') })
  })

  test('may move, if its new place is given', async () => {
    await cp(at('first'), at('copy'), { recursive: true })
    await cp(at('adapters'), at('moved'), { recursive: true })
    await rename(at('first'), at('away'))
    try {
      const error = await failureOf(() => load(at('adapters'), { device: 'js' }))
      expect(error.code).toBe('checkpoint')
      expect(error.message).toMatch(
        /adapters-?.*: it has adapters for the model in .*first.*, which is not there\. .*`base`/,
      )
      await using model = await load(at('adapters'), { device: 'js', base: at('copy') })
      // The checkpoint in that folder, as in a new run.
      expect(model.info.base!.path).toBe(join(at('copy'), files.best))
      const resumed = await whole({ resume: at('moved'), base: at('away'), device: 'js', data, steps: 3 })
      expect(resumed.info.base!.path).toBe(join(at('away'), files.best))
      // From now on it is found there.
      await using again = await load(at('moved'), { device: 'js', checkpoint: 'last' })
      expect(again.info.step).toBe(3)
    } finally {
      await rename(at('away'), at('first'))
    }
  })

  test('must have the same weights', async () => {
    const error = await failureOf(() =>
      load(at('adapters'), { device: 'js', base: at('other'), checkpoint: 'last' }),
    )
    expect(error.message).toMatch(
      /adapters for another model than the one in .*other: the weights are not the same/,
    )
    await whole({ ...decoder, embed: 30, device: 'js', steps: 1, out: at('wide') })
    const wide = await failureOf(() => load(at('adapters'), { device: 'js', base: at('wide') }))
    expect(wide.message).toMatch(/adapters for another model/)
    const short = await failureOf(async () => {
      await whole({ ...decoder, blockSize: 5, device: 'js', steps: 1, out: at('short') })
      await load(at('adapters'), { device: 'js', base: at('short') })
    })
    expect(short.message).toMatch(/adapters for another model/)
  })

  test('is not needed by other models', async () => {
    const error = await failureOf(() => load(at('other'), { device: 'js', base: at('first') }))
    expect(error).toMatchObject({ code: 'option', option: 'base' })
    expect(error.message).toMatch(/has no adapters, so it has no base\. Leave it out/i)
  })

  test('a file that names itself is refused', async () => {
    const { info, tensors } = await readCheckpoint(at('adapters'), 'last')
    const file = at('self.safetensors')
    await writeCheckpoint(file, { ...info, base: { ...info.base!, path: file } }, [
      ...tensors.values(),
    ] as TensorState[])
    const error = await failureOf(() => load(file, { device: 'js' }))
    expect(error).toMatchObject({ code: 'damaged_checkpoint' })
    expect(error.message).toMatch(/more than 16 models, each the base of the next/)
  })

  test.each([
    ['no rank', { rank: 0 }, /model\.lora\.rank is 0: must be at least 1/],
    ['a fractional rank', { rank: 1.5 }, /model\.lora\.rank is 1\.5/],
    ['no alpha', { alpha: 0 }, /model\.lora\.alpha is 0/],
    ['a strange layer', { targets: ['head'] }, /model\.lora\.targets\.0 is "head"/],
    ['no layers', { targets: [] }, /model\.lora\.targets is .*: must be a list that is not empty/],
    ['another rank than its tensors', { rank: 4 }, /loraA should be f32 \[4, 15\], but it is f32 \[3, 15\]/],
    ['fewer layers than its tensors', { targets: ['query'] }, /belongs to no part of the model/],
  ])('hostile metadata: %s', async (_, change, message) => {
    const { info, tensors } = await readCheckpoint(at('adapters'), 'last')
    const lora = { ...info.model.lora!, ...change } as never
    const file = at('hostile.safetensors')
    await writeCheckpoint(file, { ...info, model: { ...info.model, lora } }, [
      ...tensors.values(),
    ] as TensorState[])
    const error = await failureOf(() => load(file, { device: 'js' }))
    expect(error.message).toMatch(message)
  })

  test('is not overwritten by the run that needs it', async () => {
    const given: TrainOptions = {
      ...adapted,
      from: at('first'),
      out: at('first'),
      overwrite: true,
      device: 'js',
    }
    const error = await failureOf(() => train(given))
    expect(error).toMatchObject({ code: 'run_exists', option: 'out' })
    expect(error.message).toMatch(/it contains the model that the adapters are trained on/)
    expect((await readCheckpoint(at('first'))).info.step).toBe(2)
  })
})

describe('the options of adapters', () => {
  const from = () => folder.path('options')
  beforeAll(async () => {
    await whole({ ...decoder, device: 'js', steps: 1, out: from() })
    await whole({ ...short, device: 'js', steps: 1, out: folder.path('bigram') })
    await writeFile(folder.path('lora.json'), JSON.stringify({ loraRank: 2, data: 'shakespeare' }))
  })
  const failure = (options: TrainOptions) => failureOf(() => train({ data, device: 'js', ...options }))

  test('need a model to start from', async () => {
    const error = await failure({ loraRank: 4 })
    expect(error).toMatchObject({ code: 'option', option: 'loraRank', value: 4 })
    expect(error.message).toMatch(
      /adapters change a model that is trained already\. Give that model as `from`/,
    )
    const inFile = await failureOf(() => train({ config: folder.path('lora.json'), device: 'js' }))
    expect(inFile).toMatchObject({ option: 'loraRank' })
  })

  test.each([{ loraAlpha: 4 }, { loraTargets: 'query' as const }, { loraAlpha: 4, loraRank: 0 }])(
    'need a rank: %j',
    async (options) => {
      const error = await failure({ from: from(), ...options })
      expect(error.message).toMatch(/it applies only with a `loraRank` above 0/)
    },
  )

  test('name layers that the model has', async () => {
    const error = await failure({ from: from(), loraRank: 4, loraTargets: ['query', 'gate'] })
    expect(error.message).toBe(
      'train: loraTargets is "gate": the model has no layer of that name. It has query, key, value, projection, expand, contract',
    )
    const bigram = await failure({ from: folder.path('bigram'), loraRank: 4 })
    expect(bigram.message).toMatch(/a model of kind 'bigram' has no layers for adapters/)
    const typo = await failure({ from: from(), loraRank: 4, loraTargets: ['quary'] as never })
    expect(typo.message).toMatch(/loraTargets is "quary".*Did you mean .*query/)
  })

  test('of a file do not matter to a run without adapters', async () => {
    const out = folder.path('in-file')
    await whole({ ...adapted, from: from(), device: 'js', steps: 1, out })
    const full = await whole({ config: out, data, loraRank: 0, device: 'js' })
    expect(full.info.model).not.toHaveProperty('lora')
  })

  test('are those of the run when it is resumed', async () => {
    const out = folder.path('kept')
    await whole({ ...adapted, from: from(), device: 'js', steps: 1, out })
    for (const given of [{ loraRank: 8 }, { loraAlpha: 8 }, { loraTargets: 'query' as const }]) {
      const error = await failure({ resume: out, steps: 2, ...given })
      expect(error.message).toMatch(/a resumed run keeps its own/)
    }
  })

  test('the plan counts what is trained', async () => {
    const planned = await plan({ ...adapted, from: from(), loraTargets: ['query', 'contract'], device: 'js' })
    // Two blocks; the layers are 15 × 15 and 60 × 15.
    expect(planned.trainedParameters).toBe(2 * 3 * (15 + 15 + (60 + 15)))
    expect(planned.base).toBe(`${from()}/${files.best}`)
    const full = await plan({ data, from: from(), device: 'js' })
    expect(full.trainedParameters).toBe(full.parameters)
    expect(planned.parameters).toBe(full.parameters + planned.trainedParameters)
    expect(full.base).toBeNull()
  })

  test('a base of another program is fine-tuned with a higher learning rate than all weights', async () => {
    const golden = join(__dirname, '..', 'golden', 'hugging-face')
    const gpt2 = folder.path('gpt2')
    await cp(join(golden, 'gpt2'), gpt2, { recursive: true })
    await cp(join(golden, 'tokenizer.json'), join(gpt2, 'tokenizer.json'))
    const rate = async (options: TrainOptions) =>
      (await plan({ from: gpt2, data: { text: 'the cat '.repeat(400) }, device: 'js', ...options })).training
        .learningRate
    expect(await rate({ loraRank: 2 })).toBe(10 * (await rate({})))
  })
})

describe('gradients and state', () => {
  const sizes = { vocabSize: 65, blockSize: 11, embed: 24, heads: 4, layers: 2, dropout: 0.1 }
  const config: ModelConfig = {
    ...{ kind: 'gpt', ...defaultVariants(sizes), ...sizes },
    lora: { rank: 2, alpha: 4, targets: ['value'] },
  }
  const { model, trained, parameters } = createModel(config)
  const settings = { ...training, gradientClip: 0.5, emaDecay: 0.9 }

  test('only adapters have them', () => {
    const corpus = { dtype: 'u16', length: 100 } as const
    const gradient = gradientProgram(model, trained, corpus, { batchSize: 2, gradientAccumulationSteps: 1 })
    const update = updateProgram(trained, settings)
    const written = [gradient, update].map(({ ops, buffers }) => {
      const outputs = new Set(ops.flatMap(({ outputs }) => outputs))
      return buffers.filter(({ role }, id) => role === 'store' && outputs.has(id)).map(({ name }) => name)
    })
    for (const names of written) for (const name of names) expect(name).toMatch(/\.lora[AB]$/)
    expect(written[0]).toEqual(trained.map(({ path }) => `gradient/${path}`))
    // The norm that clipping uses is theirs.
    const norm = update.ops.find(({ op }) => op === 'global_norm')!
    expect(norm.inputs).toHaveLength(trained.length)
  })

  test('nothing below the first adapter is differentiated', () => {
    const corpus = { dtype: 'u16', length: 100 } as const
    const { ops } = gradientProgram(model, trained, corpus, { batchSize: 2, gradientAccumulationSteps: 1 })
    const count = (name: string) => ops.filter(({ op }) => op === name).length
    expect(count('embedding_backward')).toBe(0)
    // Five norms; that of the first attention is below the adapter.
    expect(count('layer_norm')).toBe(5)
    expect(count('layer_norm_backward')).toBe(4)
    expect(count('sum_leading')).toBe(0)
  })

  test('memory falls by the gradients and moments of the base', () => {
    const { lora: _, ...full } = config
    const [ours, theirs] = [config, full].map((each) => memoryOf(each, training, 0))
    const count = (all: typeof parameters) => all.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    expect(ours.weights).toBe(4 * count(parameters))
    expect(ours.gradients).toBe(4 * count(trained))
    expect(ours.optimizer).toBe(8 * count(trained))
    expect(theirs.optimizer).toBe(2 * theirs.gradients)
    expect(ours.total).toBeLessThan(theirs.total)
  })

  test.each(modelKinds.filter((kind) => kind !== 'bigram'))('a model of kind %s has adapters', (kind) => {
    const heads = kind === 'single-head' ? 1 : 4
    const of = { ...sizes, heads }
    const lora = { rank: 2, alpha: 4, targets: [...adaptableNames] }
    const config = { ...defaultVariants(of), ...of, kind, lora } as ModelConfig
    const paths = createModel(config).trained.map(({ path }) => path)
    expect(paths.length).toBeGreaterThan(0)
    expect(paths.every(isAdapter)).toBe(true)
  })
})

test('a product of low rank is added', () => {
  const weight = Float32Array.of(1, 2, 3, 4, 5, 6)
  // B [2, 2], A [2, 3].
  const b = Float32Array.of(1, -1, 0, 2)
  const a = Float32Array.of(1, 0, 2, 3, 4, 5)
  const sums = addProduct(weight, { a, b }, { rank: 2, factor: 0.5 })
  expect(Array.from(sums)).toEqual([0, 0, 1.5, 7, 9, 11])
  expect(Array.from(weight)).toEqual([1, 2, 3, 4, 5, 6])
})

afterAll(() => rm(folder.path('bases'), { recursive: true, force: true }))
