// Generation: the KV cache gives the same tokens as computing the whole window. Also the options
// and errors of generate(), and load() and dispose().

import { generate, load, type Model } from '../../lib/api/model'
import type { Session } from '../../lib/backend/backend'
import { JsSession } from '../../lib/backend/js/session'
import { Generator } from '../../lib/generate/generator'
import { resolveGenerateOptions } from '../../lib/generate/options'
import type { Tensor } from '../../lib/graph/tensor'
import { Trace } from '../../lib/graph/trace'
import type { LanguageModel } from '../../lib/nn'
import { positions, repetitionPenalty, sample, selectRow } from '../../lib/ops'
import { constantIndex } from '../../lib/ops/fill'
import { fuse } from '../../lib/passes/fuse'
import { site } from '../../lib/random/philox'
import { train } from '../../lib/train/train'
import { onEveryDevice, onNative, type TestDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { compiled, configs, prepare } from '../support/models'
import { decoder, type short, temporaryFolder } from '../support/runs'
import { sampleInputs } from '../support/sampling'

const folder = temporaryFolder()

interface Sampling {
  temperature: number
  topK: number
  seed: number
  window?: 'exact' | 'roll'
  repetitionPenalty?: number
}

/** The tokens that the next one is computed from, by the definition of `window`. */
function windowOf(text: number[], prompt: number, blockSize: number, window: Sampling['window']): number[] {
  if (window !== 'roll') return text.slice(-blockSize)
  // The first window ends with the prompt. When it has the length of the block, only its newer half
  // is kept.
  let length = Math.min(prompt, blockSize)
  for (let end = prompt; end < text.length; end++) {
    length = length === blockSize ? Math.max(1, Math.floor(blockSize / 2)) : length + 1
  }
  return text.slice(-length)
}

/**
 * Computes every token and its log-probability from the whole window, as in training, without a
 * cache or chunks.
 */
async function recomputed(
  session: Session,
  model: LanguageModel,
  prompt: number[],
  count: number,
  how: Sampling,
) {
  const { blockSize, vocabSize } = model.sizes
  const programs = new Map<number, Awaited<ReturnType<typeof compiled>>>()
  const text = [...prompt]
  const logProbabilities: number[] = []
  for (let i = 0; i < count; i++) {
    const window = windowOf(text, prompt.length, blockSize, how.window)
    if (!programs.has(window.length)) {
      const trace = new Trace(`window of ${window.length}`)
      const logits = model.forward(trace.input('tokens', 'i32', [1, window.length]))
      const last = selectRow(logits, constantIndex(window.length - 1, trace))
      const [counts, slot] = [trace.input('counts', 'i32', [1, vocabSize]), constantIndices(trace, [0])]
      const weighed = repetitionPenalty(last, counts, slot, trace.input('penalty', 'f32', []))
      const { token, logProbability } = sample(
        weighed,
        sampleInputs(trace, [1, 1]),
        site('generation.sample'),
      )
      trace.output('token', token)
      trace.output('logProbability', logProbability)
      programs.set(window.length, await compiled(session, fuse(trace.finish(), session.fusedOps)))
    }
    const counts = Array.from({ length: vocabSize }, (_, token) => text.filter((it) => it === token).length)
    const { temperature, topK, seed, repetitionPenalty: penalty = 1 } = how
    const inputs = { tokens: window, temperature, topK, topP: 1, minP: 0, rng: [seed, 0, i], counts, penalty }
    const { token, logProbability } = await programs.get(window.length)!.run(inputs)
    text.push(token[0])
    logProbabilities.push(logProbability[0])
  }
  return { tokens: text.slice(prompt.length), logProbabilities }
}

/** The number of one slot as a constant of the Program: a tensor with one element. */
function constantIndices(trace: Trace, [value]: [number]): Tensor {
  return positions(constantIndex(value, trace), 1)
}

async function drawn(generator: Generator, requests: { prompt: number[]; seed: number }[], how: object) {
  const texts = requests.map(() => ({ tokens: [] as number[], logProbabilities: [] as number[] }))
  const { prompt: _, ...options } = resolveGenerateOptions(how)
  const given = requests.map(({ prompt, seed }) => ({ prompt, seed: { low: seed, high: 0 } }))
  for await (const { index, draws } of generator.run(given, options)) {
    texts[index].tokens.push(...draws.map(({ token }) => token))
    texts[index].logProbabilities.push(...draws.map(({ logProbability }) => logProbability))
  }
  return texts
}

async function generated(generator: Generator, prompt: number[], count: number, how: Sampling) {
  const { seed, ...options } = how
  const [text] = await drawn(generator, [{ prompt, seed }], { maxTokens: count, ...options })
  return text
}

onEveryDevice('with and without a cache', ({ open }) => {
  const hows = {
    greedy: { temperature: 0, topK: 0, seed: 1 },
    sampled: { temperature: 1, topK: 0, seed: 2 },
    'sampled with topK 5': { temperature: 0.7, topK: 5, seed: 3 },
    'with a rolling window': { temperature: 1, topK: 0, seed: 4, window: 'roll' as const },
    'with a repetition penalty': { temperature: 1, topK: 0, seed: 5, repetitionPenalty: 1.4 },
    'with a repetition penalty and a rolling window': {
      temperature: 0,
      topK: 0,
      seed: 6,
      repetitionPenalty: 1.2,
      window: 'roll' as const,
    },
  }
  const kinds = ['bigram', 'single-head', 'decoder with dropout', 'gpt with rope', 'gpt as speedrun']
  test.each(kinds.flatMap((kind) => Object.entries(hows).map(([name, how]) => ({ kind, name, how }))))(
    '$kind, $name: the same tokens, also beyond the block size',
    async ({ kind, how }) => {
      const session = open()
      const { model } = await prepare(session, configs[kind])
      const generator = new Generator(session, model)
      const { blockSize } = configs[kind]
      // Prompt lengths up to and beyond the block size, which divide into chunks in different ways.
      const lengths =
        kind === 'bigram'
          ? [1, blockSize + 3]
          : [1, 2, 3, 7, blockSize - 1, blockSize, blockSize + 1, 3 * blockSize]
      for (const length of lengths) {
        const prompt = Array.from({ length }, (_, i) => (i * 17 + 3) % 65)
        const count = 2 * blockSize + 4
        const text = await generated(generator, prompt, count, how)
        const expected = await recomputed(session, model, prompt, count, how)
        expect(text.tokens).toEqual(expected.tokens)
        // The log-probabilities agree to float error at every position.
        text.logProbabilities.forEach((logProbability, i) => {
          expect(Math.abs(logProbability - expected.logProbabilities[i])).toBeLessThan(2e-5)
        })
        // A text with only a few distinct tokens would hide errors.
        if (how.temperature > 0) expect(new Set(text.tokens).size).toBeGreaterThan(3)
      }
      await session.dispose()
    },
  )

  test.each(['exact', 'roll'] as const)(
    '%s: a text generated among others is the same as alone, to the bit',
    async (window) => {
      const session = open()
      const { model } = await prepare(session, configs.decoder)
      const generator = new Generator(session, model)
      // More requests than slots, with prompts of different lengths, so that they begin and end at
      // different times.
      const requests = Array.from({ length: 11 }, (_, i) => ({
        prompt: Array.from({ length: 1 + ((i * 5) % 17) }, (_, at) => (i * 7 + at * 3) % 65),
        seed: i,
      }))
      for (const more of [{}, { repetitionPenalty: 1.3, topP: 0.9 }]) {
        const how = { maxTokens: 30, window, ...more }
        const alone = []
        for (const request of requests) alone.push(...(await drawn(generator, [request], how)))
        for (const count of [1, 2, 3, 5, 8, 11]) {
          expect(await drawn(generator, requests.slice(0, count), how)).toEqual(alone.slice(0, count))
        }
        expect(new Set(alone.map(({ tokens }) => tokens.join())).size).toBe(11)
      }
      await session.dispose()
    },
  )

  test('a text that ends early, or that nobody reads to its end, changes no other', async () => {
    const session = open()
    const { model } = await prepare(session, configs.decoder)
    const generator = new Generator(session, model)
    const requests = Array.from({ length: 6 }, (_, i) => ({ prompt: [i, 7, 3 * i], seed: i }))
    for (const repetitionPenalty of [1, 1.3]) {
      const how = { maxTokens: 40, window: 'roll', repetitionPenalty }
      const whole = await drawn(generator, requests, how)
      const { prompt: _, ...options } = resolveGenerateOptions(how)
      const given = requests.map(({ prompt, seed }) => ({ prompt, seed: { low: seed, high: 0 } }))
      const texts = requests.map((): number[] => [])
      // The next call is already running when a text ends.
      const ended = (index: number) => texts[index].length > 4 * index
      for await (const { index, draws } of generator.run(given, options, ended)) {
        expect(ended(index)).toBe(false)
        texts[index].push(...draws.map(({ token }) => token))
      }
      texts.forEach((text, index) => {
        expect(ended(index)).toBe(true)
        expect(text).toEqual(whole[index].tokens.slice(0, text.length))
      })
      let read = 0
      for await (const _ of generator.run(given, options)) if (++read === 20) break
      expect(await drawn(generator, requests, how)).toEqual(whole)
    }
    await session.dispose()
  })
})

onNative('the native engine', ({ open }) => {
  test.each(Object.keys(configs))('gives the same tokens as TypeScript: %s', async (kind) => {
    const sessions = [open(), new JsSession()]
    const texts = []
    for (const session of sessions) {
      const { model } = await prepare(session, configs[kind])
      const generator = new Generator(session, model)
      for (const how of [
        { temperature: 0, topK: 0, seed: 0 },
        { temperature: 1, topK: 20, seed: 5, window: 'roll' as const },
      ])
        texts.push((await generated(generator, [1, 2, 3], 40, how)).tokens)
      await session.dispose()
    }
    expect(texts.slice(0, 2)).toEqual(texts.slice(2))
  })
})

onEveryDevice('a trained model', (device) => {
  asksOf(device, 'decoder', { ...decoder, steps: 30, evalInterval: 15, learningRate: 3e-3 })
})

function asksOf({ name: device }: TestDevice, name: string, options: typeof short): void {
  const out = () => folder.path(`${name}-${device}`)
  let model: Model
  beforeAll(async () => {
    model = await train({ ...options, device, out: out() })
  })
  afterAll(() => model.dispose())

  const prompt = 'The cat'
  const ask = (more: object = {}) => model.generate({ prompt, maxTokens: 30, seed: 5, ...more })

  test('returns maxTokens characters, without the prompt', async () => {
    for (const maxTokens of [1, 2, 11, 12, 40])
      expect([...(await ask({ maxTokens }))]).toHaveLength(maxTokens)
  })

  test('a longer text of the same seed begins with the shorter one', async () => {
    const long = await ask({ maxTokens: 50 })
    for (const maxTokens of [1, 7, 30]) expect(await ask({ maxTokens })).toBe(long.slice(0, maxTokens))
  })

  test('a seed determines the text; without a seed each text is different', async () => {
    const text = await ask()
    expect(await ask()).toBe(text)
    expect(await ask({ seed: 5n })).toBe(text)
    expect(await ask({ seed: 6 })).not.toBe(text)
    expect(await ask({ seed: 2n ** 40n + 5n })).not.toBe(text)
    expect(await ask({ seed: undefined })).not.toBe(await ask({ seed: undefined }))
  })

  test('temperature 0 and topK 1 choose the most likely token, for any seed', async () => {
    const greedy = await ask({ temperature: 0 })
    expect(await ask({ temperature: 0, seed: 99 })).toBe(greedy)
    expect(await ask({ topK: 1, seed: 99 })).toBe(greedy)
    expect(await ask({ temperature: 1e-4, seed: 99 })).toBe(greedy)
    expect(await ask({ temperature: 2 })).not.toBe(greedy)
    expect(await ask({ topK: 1000 })).toBe(await ask())
    expect(await ask({ topK: 0 })).toBe(await ask())
  })

  test('stream() gives the same text in pieces', async () => {
    const pieces: string[] = []
    for await (const piece of model.stream({ prompt, maxTokens: 30, seed: 5 })) pieces.push(piece)
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.every((piece) => piece.length > 0)).toBe(true)
    expect(pieces.join('')).toBe(await ask())
  })

  test('concurrent generations give the same texts as sequential ones', async () => {
    const requests = Array.from({ length: 6 }, (_, i) => ({
      prompt: i % 3 ? prompt : 'Quite',
      seed: i,
      maxTokens: 10 + 5 * i,
    }))
    const alone = []
    for (const request of requests) alone.push(await ask(request).catch((error) => error.message))
    expect(
      await Promise.all(requests.map((request) => ask(request).catch((error) => error.message))),
    ).toEqual(alone)
    // 'Q' is not in the vocabulary: this prompt fails, the others give texts.
    expect(alone[0]).toMatch(/"Q"/)
    expect(new Set(alone).size).toBeGreaterThan(3)
  })

  test('ending a stream early does not affect the next one', async () => {
    const expected = await ask()
    for (let round = 0; round < 3; round++) {
      let pieces = 0
      for await (const _ of model.stream({ prompt: 'saw the dog', maxTokens: 200, seed: round }))
        if (++pieces > round) break
      expect(await ask()).toBe(expected)
    }
    const [one, other] = [
      model.stream({ prompt, maxTokens: 30, seed: 5 }),
      model.stream({ prompt, maxTokens: 30, seed: 6 }),
    ]
    await one.next()
    await other.next()
    await one.return(undefined)
    let rest = ''
    for await (const piece of other) rest += piece
    expect(rest).toBe((await ask({ seed: 6 })).slice(1))
    expect(await ask()).toBe(expected)
  })

  test('the error for an unknown character names it', async () => {
    const error = await failureOf(() => ask({ prompt: 'The cät' }))
    expect(error.code).toBe('unknown_character')
    expect(error.message).toMatch(/"ä".*position 5/)
    expect((await failureOf(() => model.stream({ prompt: '\ud800' }).next())).code).toBe('lone_surrogate')
  })

  test('the default prompt is a line feed', async () => {
    expect(await ask({ prompt: undefined })).toBe(await ask({ prompt: '\n' }))
    expect(await ask({ prompt: '' })).toBe(await ask({ prompt: '\n' }))
  })

  test('only the last blockSize tokens of a prompt are used', async () => {
    const long = `${'the old dog sat on a mat '.repeat(5)}and saw the`
    expect(await ask({ prompt: long })).toBe(await ask({ prompt: long.slice(-11) }))
    expect(await ask({ prompt: long })).not.toBe(await ask({ prompt: long.slice(-10) }))
  })

  test('a signal ends the generation with an AbortError', async () => {
    await expect(ask({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    const controller = new AbortController()
    const pieces: string[] = []
    await expect(
      (async () => {
        for await (const piece of model.stream({
          prompt,
          maxTokens: 100_000,
          seed: 1,
          signal: controller.signal,
        })) {
          pieces.push(piece)
          controller.abort()
        }
      })(),
    ).rejects.toMatchObject({ name: 'AbortError' })
    expect(pieces).toHaveLength(1)
    expect(await ask()).toHaveLength(30)
  })

  test.each([
    [{ maxTokens: 0 }, /^generate: maxTokens is 0: must be at least 1/],
    [{ maxTokens: 1.5 }, /maxTokens is 1.5: must be a whole number/],
    [{ temperature: -1 }, /temperature is -1: must be at least 0/],
    [{ temperature: Number.NaN }, /temperature is NaN: must be/],
    [{ temperature: Infinity }, /temperature is Infinity: must be finite/],
    [{ temperature: '1' }, /temperature is "1": must be a number/],
    [{ topK: -1 }, /topK is -1: must be at least 0/],
    [{ topK: 0.5 }, /topK is 0.5: must be a whole number/],
    [{ topK: 2 ** 31 }, /topK is 2147483648: must be at most 2\^31 - 1/],
    [{ prompt: 7 }, /prompt is 7: must be a string/],
    [{ seed: -1 }, /seed is -1: must be a whole number from 0/],
    [{ signal: 7 }, /signal is 7: must be an AbortSignal/],
    [{ topk: 5 }, /there is no option topk. Did you mean `topK`\?/],
  ])('%p is rejected', async (wrong, message) => {
    const error = await failureOf(() => ask(wrong))
    expect(error.code).toBe('option')
    expect(error.message).toMatch(message)
  })

  test('load() restores the model from its best or last checkpoint', async () => {
    const last = await ask()
    for (const checkpoint of ['last', 'best'] as const) {
      await using loaded = await load(out(), { device, checkpoint })
      expect(loaded.device).toBe(device)
      expect(loaded.info.step).toBe(checkpoint === 'last' ? 30 : model.info.best!.step)
      const text = await loaded.generate({ prompt, maxTokens: 30, seed: 5 })
      if (checkpoint === 'last') expect(text).toBe(last)
      expect(await generate({ model: out(), device, checkpoint, prompt, maxTokens: 30, seed: 5 })).toBe(text)
    }
    await using loaded = await load(`${out()}/last.safetensors`, { device })
    expect(await loaded.generate({ prompt, maxTokens: 30, seed: 5 })).toBe(last)
  })

  test('generate() reports missing, unknown and invalid options', async () => {
    expect((await failureOf(() => generate({ prompt } as never))).message).toMatch(/model is missing/)
    expect((await failureOf(() => generate({ model: out(), promt: 'x' } as never))).message).toMatch(
      /Did you mean `prompt`/,
    )
    expect((await failureOf(() => generate({ model: folder.path('nowhere') }))).code).toBe('file_not_found')
    expect((await failureOf(() => generate({ model: out(), device: 'abacus' as 'js' }))).code).toBe('device')
  })

  test('dispose() ends a running generation, and later calls are errors', async () => {
    const other = await load(out(), { device })
    const stream = other.stream({ prompt, maxTokens: 1_000_000, seed: 1 })
    await stream.next()
    const next = (async () => {
      for await (const _ of stream);
    })()
    await other.dispose()
    expect(['disposed', 'cancelled']).toContain((await failureOf(() => next)).code)
    const late = await failureOf(() => other.generate({ prompt }))
    expect(late).toMatchObject({ code: 'disposed', message: expect.stringContaining('load() it again') })
    expect((await failureOf(() => other.parameters())).code).toBe('disposed')
    expect((await failureOf(() => other.save(folder.path('late.safetensors')))).code).toBe('disposed')
    await other.dispose()
    // The trained model still works.
    expect(await ask()).toHaveLength(30)
  })
}
