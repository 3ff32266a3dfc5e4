// Calls of a model: options are read when a method is called, results are plain data, arguments may
// come from another realm, and invalid arguments have clear errors.

import { runInNewContext } from 'node:vm'
import { generate, load, type Model } from '../../lib/api/model'
import { NanoGptError } from '../../lib/errors'
import type { LoadOptions } from '../../lib/options'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'
import { untrainedModel } from '../support/untrained'

const folder = temporaryFolder()
let model: Model
beforeAll(async () => {
  model = await untrainedModel()
  await model.save(folder.path('model.safetensors'))
})
afterAll(() => model.dispose())

async function joined(pieces: AsyncIterable<string | { text: string }>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += typeof piece === 'string' ? piece : piece.text
  return text
}

describe('options are read at the call', () => {
  const how = () => ({ prompt: 'The', maxTokens: 20, seed: 3, stop: ['zzz'] })
  const changed = (options: ReturnType<typeof how>) => {
    Object.assign(options, { prompt: 'A', maxTokens: 1, seed: 4, temperature: -1, unknown: true })
    options.stop.push(' ', 'e', 'a', 'o')
  }
  const device = 'js'

  test.each<[string, (options: ReturnType<typeof how>) => PromiseLike<string>]>([
    ['generate', (options) => model.generate(options)],
    ['stream', (options) => joined(model.stream(options))],
    ['complete', (options) => model.complete(options).then(([{ text }]) => text)],
    ['streamAll', (options) => joined(model.streamAll(options))],
    [
      'generate from a file',
      (options) => generate({ model: folder.path('model.safetensors'), device, ...options }),
    ],
  ])('%s', async (_, call) => {
    const wanted = await call(how())
    expect(wanted).toHaveLength(20)
    const options = how()
    const text = call(options)
    changed(options)
    expect(await text).toBe(wanted)
    // A call does not modify its options: frozen ones can be used twice.
    const fixed = Object.freeze(how())
    expect([await call(fixed), await call(fixed)]).toEqual([wanted, wanted])
  })

  test('stream and streamAll, which start at the first next()', async () => {
    const wanted = await model.generate(how())
    for (const start of [
      (options: ReturnType<typeof how>) => model.stream(options),
      (options: ReturnType<typeof how>) => model.streamAll(options),
    ]) {
      const options = how()
      const pieces = start(options)
      changed(options)
      expect(await joined(pieces)).toBe(wanted)
    }
  })

  test('invalid options reject the first next()', async () => {
    for (const pieces of [model.stream({ topP: 2 }), model.streamAll({ topP: 2 })]) {
      await expect(pieces.next()).rejects.toThrow(/^stream(All)?: topP is 2: must be at most 1$/)
      expect(await pieces.next()).toEqual({ done: true, value: undefined })
    }
  })

  test('load', async () => {
    const options: LoadOptions = { device: 'js', checkpoint: 'best' }
    const loading = load(folder.path('model.safetensors'), options)
    Object.assign(options, { device: 'nowhere', checkpoint: 7 })
    await using loaded = await loading
    expect(loaded.device).toBe('js')
  })

  test('loss, including its tokens', async () => {
    const tokens = model.tokenizer.encode('The cat sat on the mat and saw what the dog had done.')
    const wanted = await model.loss(tokens.slice())
    const options: { signal?: AbortSignal } = {}
    const loss = model.loss(tokens, options)
    tokens.fill(0)
    options.signal = AbortSignal.abort()
    expect(await loss).toBe(wanted)
  })
})

describe('results are plain data', () => {
  test('completions, including seeds above 2^53', async () => {
    const last = 2n ** 64n - 1n
    for (const seed of [7, 2n ** 53n - 1n, String(2n ** 53n), last]) {
      const all = await model.complete({ prompt: ['The', 'A'], n: 2, maxTokens: 6, seed })
      const [again] = [JSON.parse(JSON.stringify(all)) as typeof all]
      expect(again).toEqual(all)
      for (const { prompt, text, seed } of again) {
        expect(await model.generate({ prompt, seed, maxTokens: 6 })).toBe(text)
      }
    }
    const seeds = async (seed: number | bigint | string, n = 2) =>
      (await model.complete({ n, maxTokens: 1, seed })).map((completion) => completion.seed)
    expect(await seeds(5)).toEqual([5, 6])
    expect(await seeds('5')).toEqual([5, 6])
    expect(await seeds(2n ** 53n - 1n)).toEqual([2 ** 53 - 1, '9007199254740992'])
    expect(await seeds(last)).toEqual(['18446744073709551615', 0])
  })

  test('info, config, device and parameterCount', () => {
    const { info, config, device, parameterCount } = model
    const all = { info, config, device, parameterCount }
    expect(JSON.parse(JSON.stringify(all))).toEqual(all)
  })
})

onEveryDevice('arguments from another realm', ({ open }) => {
  let model: Model
  beforeAll(async () => {
    model = await untrainedModel(open())
  })
  afterAll(() => model.dispose())

  test('tokens and weights', async () => {
    const text = 'The cat sat on a mat.'
    const tokens = model.tokenizer.encode(text)
    const foreign = runInNewContext('Uint32Array.from(tokens)', { tokens: [...tokens] }) as Uint32Array
    expect(foreign).not.toBeInstanceOf(Uint32Array)
    expect(await model.loss(foreign)).toBe(await model.loss(text))
    const path = 'finalNorm.weight'
    const weight = runInNewContext('new Float32Array(12).fill(0.5)') as Float32Array
    expect(weight).not.toBeInstanceOf(Float32Array)
    await model.setParameter(path, weight)
    expect((await model.parameters()).get(path)!.data).toEqual(new Float32Array(12).fill(0.5))
  })

  test('signals', async () => {
    // An object with the methods of an AbortSignal, like one from another realm.
    const foreign = (aborted: boolean) =>
      ({
        aborted,
        addEventListener() {},
        removeEventListener() {},
        throwIfAborted() {
          if (aborted) throw new Error('closing time')
        },
      }) as unknown as AbortSignal
    expect(await model.generate({ maxTokens: 2, signal: foreign(false) })).toHaveLength(2)
    await expect(model.generate({ signal: foreign(true) })).rejects.toThrow('closing time')
    await expect(model.loss('The', { signal: foreign(true) })).rejects.toThrow('closing time')
  })
})

describe('errors', () => {
  const path = 'finalNorm.weight'
  const call = (work: (m: Record<string, (...args: unknown[]) => unknown>) => unknown) => () =>
    work(model as never)
  const from = generate as (...args: unknown[]) => unknown
  const open = load as (...args: unknown[]) => unknown

  test.each<[string, () => unknown, RegExp]>([
    [
      'prompt: null',
      call((m) => m.generate({ prompt: null })),
      /^generate: prompt is null: must be a string$/,
    ],
    [
      'prompt: null in complete()',
      call((m) => m.complete({ prompt: null })),
      /^complete: prompt is null: must be a string, or an array of strings$/,
    ],
    [
      'several prompts in generate()',
      call((m) => m.generate({ prompt: ['a', 'b'] })),
      /^generate: prompt: must be one string, not an array of them\. Use complete\(\) or streamAll\(\) for several texts$/,
    ],
    [
      'n in stream()',
      call((m) => m.stream({ n: 2 }) && (m.stream({ n: 2 }) as AsyncGenerator).next()),
      /^stream: n is 2: stream\(\) generates one text\. Use complete\(\) or streamAll\(\) for several texts$/,
    ],
    ["stop: ''", call((m) => m.generate({ stop: '' })), /^generate: stop is "": must not be empty$/],
    [
      'stop: an empty string among others',
      call((m) => m.generate({ stop: ['a', ''] })),
      /^generate: stop is "": must not be empty$/,
    ],
    [
      'a stop string with an unpaired surrogate',
      call((m) => m.generate({ stop: '\udc4d' })),
      /^generate: stop is .*: must not contain an unpaired surrogate/,
    ],
    [
      'stop: a number',
      call((m) => m.generate({ stop: 7 })),
      /^generate: stop is 7: must be a string, or an array of strings$/,
    ],
    [
      'a negative seed',
      call((m) => m.generate({ seed: -1 })),
      /^generate: seed is -1: must be a whole number from 0 to 2\^64 - 1; from 2\^53 on, a bigint or a string of digits$/,
    ],
    ['generate(null)', call((m) => m.generate(null)), /^generate: the options must be an object, not null$/],
    [
      'options null, several',
      call((m) => m.complete(null)),
      /^complete: the options must be an object, not null$/,
    ],
    [
      'a string for options',
      call((m) => m.generate('The')),
      /^generate: the options must be an object, not "The"$/,
    ],
    ['loss(text, null)', call((m) => m.loss('The', null)), /^loss: the options must be an object, not null$/],
    [
      'loss(null)',
      call((m) => m.loss(null)),
      /^loss: text is null: must be a string, or its tokens as a Uint8Array, Uint16Array or Uint32Array\. tokenizer\.encode/,
    ],
    ['loss()', call((m) => m.loss()), /^loss: text is missing: must be a string/],
    [
      'loss of an Int32Array',
      call((m) => m.loss(new Int32Array(4))),
      /^loss: text: must be a string, .*, not Int32Array/,
    ],
    [
      'loss of a single token',
      call((m) => m.loss('a')),
      /^loss: text is "a": it has too few tokens, 1\. Give at least 2/,
    ],
    [
      'load()',
      () => open(),
      /^load: path is missing: must be a path\. Give a run folder, a checkpoint file or a Hugging Face folder$/,
    ],
    ['load(null)', () => open(null), /^load: path is null: must be a path\. Give/],
    ["load('')", () => open(''), /^load: path is "": must be a path, but it is empty\. Give/],
    ['load(path, null)', () => open('x', null), /^load: the options must be an object, not null$/],
    ['generate()', () => from(), /^generate: the options must be an object, not undefined$/],
    [
      'generate({})',
      () => from({}),
      /^generate: model is missing: .*\. Give a run folder, a checkpoint file or a Hugging Face folder$/,
    ],
    ['generate({ model: 5 })', () => from({ model: 5 }), /^generate: model is 5: must be a path$/],
    [
      'generate({ model, n })',
      () => from({ model: 'x', n: 2 }),
      /^generate: n is 2: generate\(\) generates one text/,
    ],
    [
      'save()',
      call((m) => m.save()),
      /^save: path is missing: must be a path\. Give the path of a \.safetensors file/,
    ],
    ['save(5)', call((m) => m.save(5)), /^save: path is 5: must be a path\. Give/],
    [
      'an unknown parameter with a similar name',
      call((m) => m.setParameter('finalNorm.wieght', new Float32Array(1))),
      /^setParameter: path is "finalNorm\.wieght": there is no such parameter\. Did you mean finalNorm\.weight\?$/,
    ],
    [
      'an unknown parameter without a similar name',
      call((m) => m.setParameter('x', new Float32Array(1))),
      /^setParameter: path is "x": there is no such parameter\. parameters\(\) lists them$/,
    ],
    [
      'a parameter from an Int32Array',
      call((m) => m.setParameter(path, new Int32Array(12))),
      /^setParameter: finalNorm\.weight: its values must be a Float32Array, not Int32Array\. Float32Array\.from/,
    ],
    [
      'a parameter from a Uint8Array',
      call((m) => m.setParameter(path, new Uint8Array(48))),
      /must be a Float32Array, not Uint8Array/,
    ],
    [
      'a parameter from an array of numbers',
      call((m) => m.setParameter(path, [1, 2])),
      /must be a Float32Array, not Array/,
    ],
    ['setParameter(path)', call((m) => m.setParameter(path)), /must be a Float32Array, not undefined/],
    [
      'too few values',
      call((m) => m.setParameter(path, new Float32Array(11))),
      /^setParameter: finalNorm\.weight: its shape is \[12\], which 11 values do not fit\. Give 12 values$/,
    ],
    ['too many values', call((m) => m.setParameter(path, new Float32Array(13))), /13 values do not fit/],
  ])('%s', async (_, work, message) => {
    const error = await failureOf(work)
    expect(error).toBeInstanceOf(NanoGptError)
    expect(error.message).toMatch(message)
    expect(error.message).not.toMatch(/Invalid type|is an array/)
  })

  test('a NaN loss is an error, because JSON would store null', async () => {
    await using broken = await untrainedModel()
    await broken.setParameter(path, new Float32Array(12).fill(Number.NaN))
    const error = await failureOf(() => broken.loss('The cat'))
    expect(error).toMatchObject({ code: 'non_finite' })
    expect(error.message).toMatch(/^loss: the loss is NaN: the weights are not finite/)
  })

  test('generating with NaN logits is an error that says why', async () => {
    await using broken = await untrainedModel()
    await broken.setParameter(path, new Float32Array(12).fill(Number.NaN))
    for (const temperature of [0, 1]) {
      const error = await failureOf(() => broken.generate({ maxTokens: 3, temperature }))
      expect(error).toMatchObject({ code: 'non_finite' })
      expect(error.message).toMatch(/^generate: the logits allow no choice: the weights are not finite/)
    }
  })

  test('a disposed model', async () => {
    const gone = await untrainedModel()
    const pieces = gone.stream()
    await gone.dispose()
    for (const work of [
      () => gone.generate(),
      () => gone.stream().next(),
      () => pieces.next(),
      () => gone.loss('The'),
      () => gone.save('x'),
      () => gone.parameters(),
    ]) {
      expect((await failureOf(work)).message).toBe('this model has been disposed. load() it again')
    }
  })
})
