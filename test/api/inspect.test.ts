// A look inside a model: logits, attention, activations, gradients and the loss of each token agree
// with each other, with float64, and with the Programs of training.

import type { Model, ModelParts } from '../../lib/api/model'
import { JsSession } from '../../lib/backend/js/session'
import { print } from '../../lib/graph/program'
import { Inspector } from '../../lib/model/inspect'
import { corpusName, gradientProgram, lossProgram } from '../../lib/model/programs'
import { gradientName } from '../../lib/optim/update'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { allocateStores, compiled, configs, prepare, weightsOf } from '../support/models'
import { relativeDifference } from '../support/numeric'
import { untrainedModel } from '../support/untrained'

const text = 'The dog sat.'.slice(0, 9)
/** Models without attention, with plain heads, and with all that changes queries and keys. */
const kinds = ['bigram', 'multi-head', 'residual', 'decoder', 'gpt with swiglu', 'gpt as speedrun'] as const
const noDropout = { blockSize: 8, dropout: 0, embeddingDropout: 0 }
/** Private in Model. */
const partsOf = (model: Model) => (model as unknown as { parts: ModelParts }).parts
const largest = (values: Iterable<number>) => Math.max(...Array.from(values, Math.abs))
const differ = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  largest(Array.from({ length: Math.max(a.length, b.length) }, (_, i) => a[i] - b[i]))

/** −log softmax(row)[target] of each row but the last. */
function lossesFrom(logits: Float32Array, tokens: ArrayLike<number>, V: number): number[] {
  return Array.from({ length: tokens.length - 1 }, (_, t) => {
    const row = Array.from(logits.subarray(t * V, (t + 1) * V))
    const max = Math.max(...row)
    return max + Math.log(row.reduce((sum, x) => sum + Math.exp(x - max), 0)) - row[tokens[t + 1]]
  })
}

onEveryDevice('inspection', ({ open }) => {
  const models: Model[] = []
  const make = async (kind: string, session = open()) => {
    const model = await untrainedModel(session, { ...configs[kind], blockSize: 9 })
    models.push(model)
    return model
  }
  afterEach(async () => {
    for (const model of models.splice(0)) await model.dispose()
  })

  test.each(kinds)('%s: results agree with float64, and with each other', async (kind) => {
    const model = await make(kind)
    const exact = await make(kind, new JsSession({ precision: 'f64' }))
    const V = model.config.vocabSize
    const logits = await model.logits(text)
    expect(logits.shape).toEqual([9, V])
    expect(differ(logits.data, (await exact.logits(text)).data)).toBeLessThan(2e-5)
    const tokens = model.tokenizer.encode(text)
    expect(await model.logits(tokens)).toEqual(logits)

    const losses = await model.tokenLosses(text)
    expect(losses).toHaveLength(8)
    expect(differ(losses, lossesFrom(logits.data, tokens, V))).toBeLessThan(1e-5)
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 8
    expect(mean).toBeCloseTo(await model.loss(text), 5)

    const here = await model.activations(text, model.activationNames)
    const there = await exact.activations(text, model.activationNames)
    expect([...here.keys()]).toEqual(model.activationNames)
    for (const [name, { shape, data }] of here) {
      expect(shape).toEqual([9, there.get(name)!.data.length / 9])
      expect([name, differ(data, there.get(name)!.data) < 2e-5]).toEqual([name, true])
    }
    const weights = await model.attention(text)
    expect(differ(weights.data, (await exact.attention(text)).data)).toBeLessThan(1e-5)
    const table = (await model.parameters()).get('tokenEmbedding.weight')!
    expect(await model.embeddings()).toEqual(table)
  })

  test.each(kinds.slice(1))(
    '%s: attention is causal, and gives the results of the fused op',
    async (kind) => {
      const model = await make(kind)
      const { shape, data } = await model.attention(text)
      const { heads } = model.config
      const groups = 'kvHeads' in model.config ? model.config.kvHeads : heads
      expect(shape).toEqual([model.config.layers, heads, 9, 9])
      const paths = model.activationNames.filter((name) => name.endsWith('.heads'))
      expect(paths).toHaveLength(shape[0])
      for (const [l, path] of paths.entries()) {
        const module = path.slice(0, -'.heads'.length)
        const found = await model.activations(text, [path, `${module}.value`])
        const [result, value] = [found.get(path)!, found.get(`${module}.value`)!]
        const [C, Cv] = [result.shape[1], value.shape[1]]
        const D = C / heads
        for (let h = 0; h < heads; h++) {
          for (let t = 0; t < 9; t++) {
            const row = data.subarray(((l * heads + h) * 9 + t) * 9, ((l * heads + h) * 9 + t + 1) * 9)
            expect(Math.abs(row.reduce((sum, weight) => sum + weight, 0) - 1)).toBeLessThan(1e-6)
            expect(Array.from(row.subarray(t + 1))).toEqual(Array(8 - t).fill(0))
            for (let d = 0; d < D; d++) {
              const v = Math.floor((h * groups) / heads) * D + d
              const sum = row.reduce((sum, weight, s) => sum + weight * value.data[s * Cv + v], 0)
              expect(Math.abs(sum - result.data[t * C + h * D + d])).toBeLessThan(1e-5)
            }
          }
        }
      }
      const last = await model.attention(text, { layers: shape[0] - 1 })
      expect(last.shape).toEqual([1, ...shape.slice(1)])
      expect(last.data).toEqual(data.slice(-last.data.length))
    },
  )

  test('a long text is cut into the windows of loss()', async () => {
    const model = await make('decoder')
    // Full batches of 28 windows, windows that are left, and a shorter one.
    const long = 'The cat sat on a mat and saw what the dog had done.\n'.repeat(6)
    const losses = await model.tokenLosses(long)
    const tokens = model.tokenizer.encode(long)
    expect(losses).toHaveLength(tokens.length - 1)
    expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo(await model.loss(long), 5)
    for (const first of [0, 252, 297, tokens.length - ((tokens.length - 1) % 9) - 1]) {
      const window = tokens.slice(first, first + 10)
      const alone = await model.tokenLosses(window)
      expect(differ(losses.slice(first, first + alone.length), alone)).toBeLessThan(1e-5)
    }
  })

  test.each(['decoder', 'gpt as speedrun'])('%s: gradients are those of training', async (kind) => {
    const model = await untrainedModel(open(), { ...configs[kind], ...noDropout })
    models.push(model)
    const { session, architecture, parameters } = partsOf(model)
    const found = await model.gradients(text)
    expect([...found.keys()]).toEqual([...(await model.parameters()).keys()])
    const tokens = Uint16Array.from(model.tokenizer.encode(text))
    const corpus = { dtype: 'u16', length: tokens.length } as const
    const sizes = { batchSize: 1, gradientAccumulationSteps: 1 }
    const program = gradientProgram(architecture, parameters, corpus, sizes)
    await allocateStores(session, program, new Set(parameters.map(({ name }) => name)))
    await session.write(corpusName, tokens)
    const { run } = await compiled(session, program)
    await run({ offsets: [0] })
    for (const [path, { shape, data }] of found) {
      const wanted = await session.read(gradientName(path))
      expect(shape).toEqual(parameters.find((each) => each.path === path)!.shape)
      expect([path, relativeDifference(data, wanted) < 1e-5]).toEqual([path, true])
    }
  })

  test('gradients of several windows: central differences of the loss', async () => {
    const model = await make('gpt with qk norm')
    const long = text.repeat(3)
    const found = await model.gradients(long)
    for (const path of ['blocks.0.attention.query.weight', 'head.bias', 'positionEmbedding.weight']) {
      const { data } = (await model.parameters()).get(path)!
      const gradient = found.get(path)!.data
      const i = gradient.findIndex((each) => Math.abs(each) === largest(gradient))
      const lossAt = async (change: number) => {
        await model.setParameter(
          path,
          data.map((value, j) => (i === j ? value + change : value)),
        )
        return model.loss(long)
      }
      const slope = ((await lossAt(0.02)) - (await lossAt(-0.02))) / 0.04
      await model.setParameter(path, data)
      expect([path, Math.abs(slope / gradient[i] - 1) < 0.01]).toEqual([path, true])
    }
  })

  test('heads are switched off, activations replaced', async () => {
    const model = await make('gpt with shared key heads')
    const { heads } = model.config
    const usual = await model.logits(text)
    const off = Array.from({ length: heads }, (_, head) => ({ layer: 1, head }))
    const path = 'blocks.1.attention'
    const bias = (await model.parameters()).get(`${path}.projection.bias`)!.data
    const replace = {
      [path]: Float32Array.from({ length: 9 * bias.length }, (_, i) => bias[i % bias.length]),
    }
    const without = await model.logits(text, { without: off })
    expect(differ(without.data, (await model.logits(text, { replace })).data)).toBeLessThan(1e-5)
    expect(differ(without.data, usual.data)).toBeGreaterThan(0.01)

    // One head: its channels are 0, those of the others stay.
    const name = `${path}.heads`
    const before = (await model.activations(text, name)).get(name)!
    const after = (await model.activations(text, name, { without: { layer: 1, head: 2 } })).get(name)!
    const [C, D] = [before.shape[1], before.shape[1] / heads]
    expect(Array.from(after.data)).toEqual(Array.from(before.data, (x, i) => (i % C >= 2 * D ? 0 : x)))
    expect(await model.loss(text, { without: [] })).toBe(await model.loss(text))
    const loss = await model.loss(text, { without: off })
    expect(loss).toBeCloseTo(await model.loss(text, { replace }), 5)
    const mean = lossesFrom(without.data, model.tokenizer.encode(text), model.config.vocabSize)
    expect(loss).toBeCloseTo(mean.reduce((a, b) => a + b) / 8, 5)

    // Every activation of a text, put into another, gives the logits of the first from there on.
    const end = (await model.activations(text, 'blocks.1')).get('blocks.1')!.data
    const other = await model.logits('aaaaaaaaa', { replace: { 'blocks.1': end } })
    expect(differ(other.data, usual.data)).toBeLessThan(1e-5)
    const same = await model.activations('aaaaaaaaa', ['blocks.1', 'head'], { replace: { 'blocks.1': end } })
    expect(same.get('blocks.1')!.data).toEqual(end)
    expect(differ(same.get('head')!.data, usual.data)).toBeLessThan(1e-5)
    const attention = await model.attention(text, { without: { layer: 0, head: 0 } })
    const plain = await model.attention(text)
    const half = plain.data.length / 2
    expect(attention.data.slice(0, half)).toEqual(plain.data.slice(0, half))
    expect(differ(attention.data.slice(half), plain.data.slice(half))).toBeGreaterThan(1e-4)
  })

  test('training computes the same bits, inspected or not', async () => {
    const trained = async (isInspected: boolean) => {
      const { session, model, parameters, trainer } = await prepare(open(), configs['decoder with dropout'])
      const inspector = new Inspector(session, model, parameters)
      const tokens = Uint8Array.of(1, 2, 3, 4)
      const losses: number[] = []
      for (let step = 0; step < 4; step++) {
        losses.push(...(await trainer.steps(step, 1)).losses)
        if (!isInspected) continue
        await inspector.gradients(tokens, { where: 'test' })
        await inspector.attention(tokens, undefined, { where: 'test', without: [{ layer: 0, head: 1 }] })
        await inspector.losses(tokens, { where: 'test' })
      }
      const weights = await weightsOf({ session, parameters })
      await session.dispose()
      return { losses, weights }
    }
    expect(await trained(true)).toEqual(await trained(false))
  })

  test('leaves no trace in the model and the session', async () => {
    const model = await make('decoder')
    const { session, architecture } = partsOf(model)
    const before = [
      await model.loss(text),
      print(lossProgram(architecture, 1, 8)),
      (await session.memory()).store,
    ]
    const [compiled, released] = [jest.spyOn(session, 'compile'), jest.spyOn(session, 'release')]
    await model.activations(text, model.activationNames, { without: { layer: 0, head: 1 } })
    await model.attention(text)
    await model.gradients(text)
    await model.tokenLosses(text)
    await model.logits(Uint8Array.of(255)).catch(() => {})
    const handles = await Promise.all(compiled.mock.results.map(({ value }) => value))
    expect(handles).toHaveLength(5)
    // Nothing after the last queries and keys is computed: neither later norms nor the head.
    const [, [attention]] = compiled.mock.calls
    expect(attention.ops.filter(({ op }) => op === 'layer_norm')).toHaveLength(3)
    expect(released.mock.calls).toEqual(handles.map((handle) => [handle]))
    expect([
      await model.loss(text),
      print(lossProgram(architecture, 1, 8)),
      (await session.memory()).store,
    ]).toEqual(before)
  })
})

describe('errors', () => {
  let model: Model
  beforeAll(async () => {
    model = await untrainedModel()
  })
  afterAll(() => model.dispose())
  const wrong = (value: unknown) => value as never

  test.each<[string, () => unknown, string]>([
    [
      'a long text',
      () => model.logits('The dog sat.'),
      'logits: text: it has 12 tokens, and the model reads at most 8 at a time, its block size. Give a part of it: tokenizer.encode(text).slice(0, 8) are tokens that fit',
    ],
    ['no text', () => model.attention(''), 'attention: text: it has no tokens. Give at least 1'],
    [
      'one token',
      () => model.gradients('T'),
      'gradients: text is "T": it has too few tokens, 1. Give at least 2: one to predict from and one to predict',
    ],
    [
      'no string',
      () => model.activations(wrong(7), 'head'),
      'activations: text is 7: must be a string, or its tokens as a Uint8Array, Uint16Array or Uint32Array. tokenizer.encode(text) returns the tokens of a string',
    ],
    [
      'a layer',
      () => model.attention('a', { layers: [0, 2] }),
      'attention: layers: the model has the attention layers 0 to 1, not 2',
    ],
    [
      'a head',
      () => model.loss('at', { without: { layer: 1, head: 2 } }),
      'loss: without: layer 1 has the heads 0 to 1, not 2',
    ],
    [
      'heads',
      () => model.loss('at', { without: wrong([[0, 1]]) }),
      'loss: without is an array: must be { layer, head } or an array of them, with whole numbers from 0',
    ],
    [
      'a name',
      () => model.activations('a', 'block.0'),
      'activations: names is "block.0": no module of the model has this name. Did you mean blocks.0?',
    ],
    [
      'another name',
      () => model.logits('a', { replace: { nothing: new Float32Array(1) } }),
      'logits: replace is "nothing": no module of the model has this name. activationNames lists them',
    ],
    [
      'a size',
      () => model.logits('at', { replace: { 'blocks.0': new Float32Array(12) } }),
      'logits: replace is "blocks.0": its shape is [2, 12], which 12 values do not fit. Give 24 values: 12 for each token of the text',
    ],
    [
      'values',
      () => model.logits('at', { replace: wrong(new Map()) }),
      'logits: replace is an object: must be an object with Float32Arrays by name',
    ],
    [
      'several windows',
      () => model.tokenLosses('The dog sat.', { replace: { 'blocks.0': new Float32Array(144) } }),
      'tokenLosses: text: it has 12 tokens, and replaced values are those of one window, of at most 9. Give a shorter text',
    ],
  ])('%s', async (_, call, message) => {
    expect((await failureOf(call)).message).toBe(message)
  })

  test('a result of more than 1 GiB; weights that are not finite; a signal', async () => {
    const large = await untrainedModel(new JsSession(), { blockSize: 12_000, heads: 1, layers: 2, embed: 1 })
    expect((await failureOf(() => large.attention(new Uint8Array(12_000)))).message).toBe(
      'attention: the result would take 1099 MiB, more than the limit of 1024 MiB. Give a shorter text, or fewer `layers`',
    )
    await large.dispose()
    const spoiled = await untrainedModel()
    await spoiled.setParameter('head.bias', new Float32Array(spoiled.config.vocabSize).fill(Number.NaN))
    expect(await failureOf(() => spoiled.tokenLosses('at'))).toMatchObject({ code: 'non_finite' })
    await spoiled.dispose()
    await expect(model.logits('a', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await expect(spoiled.logits('a')).rejects.toMatchObject({ code: 'disposed' })
  })

  test('a model without attention has no layers', async () => {
    const bigram = await untrainedModel(new JsSession(), configs.bigram)
    expect(await bigram.attention('The')).toEqual({ shape: [0, 0, 3, 3], data: new Float32Array(0) })
    expect(bigram.activationNames).toEqual(['tokenEmbedding'])
    await bigram.dispose()
  })
})
