// Generation with heads switched off: the same text as choosing each token by the logits of the whole
// window, and no effect on anything else.

import type { Model, ModelParts } from '../../lib/api/model'
import { generate } from '../../lib/api/model'
import { JsSession } from '../../lib/backend/js/session'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { configs } from '../support/models'
import { temporaryFolder } from '../support/runs'
import { untrainedModel } from '../support/untrained'

const folder = temporaryFolder()
const prompt = 'The dog s'
const [one, several] = [
  { layer: 0, head: 1 },
  [
    { layer: 1, head: 0 },
    { layer: 0, head: 0 },
    { layer: 1, head: 2 },
  ],
]
type Without = typeof one | typeof several
/** Private in Model. */
const sessionOf = (model: Model) => (model as unknown as { parts: ModelParts }).parts.session

/** The most likely text, each token from the logits of the window before it. */
async function chosenByLogits(model: Model, text: string, count: number, without?: Without): Promise<string> {
  const { blockSize, vocabSize } = model.config
  const tokens = Array.from(model.tokenizer.encode(text))
  for (let i = 0; i < count; i++) {
    const { data } = await model.logits(Uint16Array.from(tokens.slice(-blockSize)), { without })
    const last = data.subarray(-vocabSize)
    tokens.push(last.indexOf(Math.max(...last)))
  }
  return model.tokenizer.decode(tokens).slice(text.length)
}

onEveryDevice('generation without heads', ({ open }) => {
  const models: Model[] = []
  const make = async (kind = 'decoder') => {
    const model = await untrainedModel(open(), { ...configs[kind], blockSize: 11 })
    models.push(model)
    // Heads of an untrained model contribute too little to change a text.
    for (const [path, { data }] of await model.parameters()) {
      if (path.endsWith('value.weight'))
        await model.setParameter(
          path,
          data.map((x) => 20 * x),
        )
    }
    return model
  }
  afterEach(async () => {
    for (const model of models.splice(0)) await model.dispose()
  })

  test.each(['multi-head', 'residual', 'decoder', 'gpt with rope', 'gpt as speedrun', 'gpt as Llama'])(
    '%s: the text that the logits choose, also beyond the block size',
    async (kind) => {
      const model = await make(kind)
      const usual = await chosenByLogits(model, prompt, 20)
      const experiments = model.config.layers === 1 ? [one] : [one, several]
      for (const without of experiments) {
        const expected = await chosenByLogits(model, prompt, 20, without)
        expect(expected).not.toBe(usual)
        const how = { prompt, without, temperature: 0, maxTokens: 20 }
        expect(await model.generate(how)).toBe(expected)
      }
      // Nothing stays switched off.
      expect(await model.generate({ prompt, temperature: 0, maxTokens: 20 })).toBe(usual)
      expect(await model.generate({ prompt, temperature: 0, maxTokens: 20, without: [] })).toBe(usual)
    },
  )

  test('streams, completions, and texts that are generated at once', async () => {
    const model = await make()
    const how = { maxTokens: 15, seed: 3, without: several }
    const texts: string[] = []
    for (const text of ['The ', 'A cat', prompt]) texts.push(await model.generate({ prompt: text, ...how }))
    const all = await model.complete({ prompt: ['The ', 'A cat', prompt], ...how })
    expect(all.map(({ text }) => text)).toEqual(texts)
    let streamed = ''
    for await (const text of model.stream({ prompt, ...how })) streamed += text
    expect(streamed).toBe(texts[2])
    const parts = ['', '', '']
    for await (const { index, text } of model.streamAll({ prompt: ['The ', 'A cat', prompt], ...how }))
      parts[index] += text
    expect(parts).toEqual(texts)
    // Different experiments at the same time do not disturb each other.
    const together = [several, [], [one], several].map((without) =>
      model.generate({ prompt, ...how, without, repetitionPenalty: 1.1, window: 'roll' }),
    )
    const [first, second, third, fourth] = await Promise.all(together)
    expect(fourth).toBe(first)
    expect(new Set([first, second, third]).size).toBe(3)
  })

  test('compiles once for all experiments, and not at all without one', async () => {
    const model = await make()
    const compile = jest.spyOn(sessionOf(model), 'compile')
    const ask = (without?: Without) =>
      model.generate({ prompt, temperature: 0, maxTokens: 2, ...(without && { without }) })
    await ask()
    const usual = compile.mock.calls.length
    for (const [program] of compile.mock.calls) {
      expect(program.buffers.filter(({ name }) => name.includes('/heads/'))).toEqual([])
    }
    await ask(one)
    expect(compile.mock.calls).toHaveLength(2 * usual)
    const { store } = await sessionOf(model).memory()
    for (const without of [several, one, [{ layer: 1, head: 1 }]]) await ask(without)
    await ask()
    expect(compile.mock.calls).toHaveLength(2 * usual)
    expect((await sessionOf(model).memory()).store).toBe(store)
  })
})

describe('errors', () => {
  let model: Model
  beforeAll(async () => {
    model = await untrainedModel()
    await model.save(folder.path('model.safetensors'))
  })
  afterAll(() => model.dispose())

  test.each([
    [{ layer: 2, head: 0 }, 'without: the model has the attention layers 0 to 1, not 2'],
    [[one, { layer: 1, head: 2 }], 'without: layer 1 has the heads 0 to 1, not 2'],
    ['first', 'without is "first": must be { layer, head } or an array of them, with whole numbers from 0'],
  ])('%j', async (without, message) => {
    const given = { without: without as never }
    const loaded = { ...given, model: folder.path('model.safetensors'), device: 'js' } as const
    expect((await failureOf(() => generate(loaded))).message).toBe(`generate: ${message}`)
    expect((await failureOf(() => model.complete(given))).message).toBe(`complete: ${message}`)
    expect((await failureOf(() => model.stream(given).next())).message).toBe(`stream: ${message}`)
  })

  test('a model without attention has no heads; replaced values have no tokens to belong to', async () => {
    const bigram = await untrainedModel(new JsSession(), configs.bigram)
    expect((await failureOf(() => bigram.generate({ without: one }))).message).toBe(
      'generate: without: the model has no attention',
    )
    expect(await bigram.generate({ without: [], maxTokens: 3 })).toHaveLength(3)
    await bigram.dispose()
    const replace = { 'blocks.0': new Float32Array(12) }
    expect((await failureOf(() => model.generate({ replace } as never))).message).toMatch(
      /^generate: there is no option replace\./,
    )
  })

  test('generate() loads a model and switches heads off', async () => {
    const how = { prompt: 'The', temperature: 0, maxTokens: 12, without: one }
    const text = await generate({ model: folder.path('model.safetensors'), device: 'js', ...how })
    expect(text).toBe(await model.generate(how))
    expect(text).not.toBe(await model.generate({ ...how, without: [] }))
  })
})
