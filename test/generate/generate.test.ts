// Generation: what comes out of the cache is what the whole window gives; and what a user may ask for.

import type { Session } from '../../lib/backend/backend'
import { JsSession } from '../../lib/backend/js/session'
import { Generator } from '../../lib/generate/generator'
import { resolveGenerateOptions } from '../../lib/generate/options'
import { fuse } from '../../lib/graph/fuse'
import { Trace } from '../../lib/graph/trace'
import { generate, load, type Model } from '../../lib/model/model'
import type { LanguageModel } from '../../lib/nn'
import { sample, selectRow } from '../../lib/ops'
import { constantIndex } from '../../lib/ops/fill'
import { site } from '../../lib/random/philox'
import { train } from '../../lib/train/train'
import { onEveryDevice, onNative, type TestDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { compiled, configs, prepare } from '../support/models'
import { decoder, type short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

interface Sampling {
  temperature: number
  topK: number
  seed: number
}

/** Computes every token from its whole window, as in training: no cache, no chunks. */
async function recomputed(
  session: Session,
  model: LanguageModel,
  prompt: number[],
  count: number,
  how: Sampling,
) {
  const { blockSize } = model.sizes
  const programs = new Map<number, Awaited<ReturnType<typeof compiled>>>()
  const text = [...prompt]
  for (let i = 0; i < count; i++) {
    const window = text.slice(-blockSize)
    if (!programs.has(window.length)) {
      const trace = new Trace(`window of ${window.length}`)
      const logits = model.forward(trace.input('tokens', 'i32', [1, window.length]))
      const last = selectRow(logits, constantIndex(window.length - 1, trace))
      const parts = [trace.input('temperature', 'f32', []), trace.input('topK', 'i32', [])] as const
      trace.output('token', sample(last, ...parts, trace.rng(), site('generation.sample')))
      programs.set(window.length, await compiled(session, fuse(trace.finish(), session.fusedOps)))
    }
    const { temperature, topK, seed } = how
    const { token } = await programs
      .get(window.length)!
      .run({ tokens: window, temperature, topK, rng: [seed, 0, i] })
    text.push(token[0])
  }
  return text.slice(prompt.length)
}

async function generated(generator: Generator, prompt: number[], count: number, how: Sampling) {
  const tokens: number[] = []
  const options = resolveGenerateOptions({ maxTokens: count, ...how })
  for await (const piece of generator.tokens(prompt, options)) tokens.push(...piece)
  return tokens
}

onEveryDevice('with and without a cache', ({ open }) => {
  const hows = {
    greedy: { temperature: 0, topK: 0, seed: 1 },
    sampled: { temperature: 1, topK: 0, seed: 2 },
    'sampled among five': { temperature: 0.7, topK: 5, seed: 3 },
  }
  const kinds = ['bigram', 'single-head', 'decoder with dropout', 'gpt with rope', 'gpt as speedrun']
  test.each(kinds.flatMap((kind) => Object.entries(hows).map(([name, how]) => ({ kind, name, how }))))(
    '$kind, $name: the same tokens, across the block boundary',
    async ({ kind, how }) => {
      const session = open()
      const { model } = await prepare(session, configs[kind])
      const generator = new Generator(session, model)
      const { blockSize } = configs[kind]
      // Prompts of every length up to the block and beyond: every way to cut them into chunks.
      const lengths =
        kind === 'bigram'
          ? [1, blockSize + 3]
          : [1, 2, 3, 7, blockSize - 1, blockSize, blockSize + 1, 3 * blockSize]
      for (const length of lengths) {
        const prompt = Array.from({ length }, (_, i) => (i * 17 + 3) % 65)
        const count = blockSize + 4
        const tokens = await generated(generator, prompt, count, how)
        expect(tokens).toEqual(await recomputed(session, model, prompt, count, how))
        // A model that says one thing only would hide what goes wrong.
        if (how.temperature > 0) expect(new Set(tokens).size).toBeGreaterThan(3)
      }
      await session.dispose()
    },
  )
})

onNative('the native engine', ({ open }) => {
  test.each(Object.keys(configs))('says what TypeScript says: %s', async (kind) => {
    const sessions = [open(), new JsSession()]
    const texts = []
    for (const session of sessions) {
      const { model } = await prepare(session, configs[kind])
      const generator = new Generator(session, model)
      texts.push(await generated(generator, [1, 2, 3], 40, { temperature: 0, topK: 0, seed: 0 }))
      texts.push(await generated(generator, [1, 2, 3], 40, { temperature: 1, topK: 20, seed: 5 }))
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

  test('as many characters as were asked for, without the prompt', async () => {
    for (const maxTokens of [1, 2, 11, 12, 40])
      expect([...(await ask({ maxTokens }))]).toHaveLength(maxTokens)
  })

  test('a text is the beginning of a longer one of the same seed', async () => {
    const long = await ask({ maxTokens: 50 })
    for (const maxTokens of [1, 7, 30]) expect(await ask({ maxTokens })).toBe(long.slice(0, maxTokens))
  })

  test('a seed decides; without one each text is another', async () => {
    const text = await ask()
    expect(await ask()).toBe(text)
    expect(await ask({ seed: 5n })).toBe(text)
    expect(await ask({ seed: 6 })).not.toBe(text)
    expect(await ask({ seed: 2n ** 40n + 5n })).not.toBe(text)
    expect(await ask({ seed: undefined })).not.toBe(await ask({ seed: undefined }))
  })

  test('temperature 0 and topK 1 both take the likeliest, whatever the seed', async () => {
    const greedy = await ask({ temperature: 0 })
    expect(await ask({ temperature: 0, seed: 99 })).toBe(greedy)
    expect(await ask({ topK: 1, seed: 99 })).toBe(greedy)
    expect(await ask({ temperature: 1e-4, seed: 99 })).toBe(greedy)
    expect(await ask({ temperature: 2 })).not.toBe(greedy)
    expect(await ask({ topK: 1000 })).toBe(await ask())
    expect(await ask({ topK: 0 })).toBe(await ask())
  })

  test('stream gives the same text in pieces', async () => {
    const pieces: string[] = []
    for await (const piece of model.stream({ prompt, maxTokens: 30, seed: 5 })) pieces.push(piece)
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.every((piece) => piece.length > 0)).toBe(true)
    expect(pieces.join('')).toBe(await ask())
  })

  test('generations side by side give what they give one after the other', async () => {
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
    // 'Q' is no character of the text: an error like any other, beside texts.
    expect(alone[0]).toMatch(/"Q"/)
    expect(new Set(alone).size).toBeGreaterThan(3)
  })

  test('breaking off a stream leaves nothing behind for the next', async () => {
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

  test('a character that the text never had is named', async () => {
    const error = await failureOf(() => ask({ prompt: 'The cät' }))
    expect(error.code).toBe('unknown_character')
    expect(error.message).toMatch(/"ä".*position 5/)
    expect((await failureOf(() => model.stream({ prompt: '\ud800' }).next())).code).toBe('lone_surrogate')
  })

  test('no prompt is a line break', async () => {
    expect(await ask({ prompt: undefined })).toBe(await ask({ prompt: '\n' }))
    expect(await ask({ prompt: '' })).toBe(await ask({ prompt: '\n' }))
  })

  test('a prompt longer than the block counts by its end', async () => {
    const long = `${'the old dog sat on a mat '.repeat(5)}and saw the`
    expect(await ask({ prompt: long })).toBe(await ask({ prompt: long.slice(-11) }))
    expect(await ask({ prompt: long })).not.toBe(await ask({ prompt: long.slice(-10) }))
  })

  test('a signal ends it with its AbortError', async () => {
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
    [{ topK: 2 ** 31 }, /topK is 2147483648: must be less than/],
    [{ prompt: 7 }, /prompt is 7: must be a string/],
    [{ seed: -1 }, /seed is -1: must be a whole number from 0/],
    [{ signal: 7 }, /signal is 7: must be an AbortSignal/],
    [{ topk: 5 }, /there is no option topk. Did you mean topK\?/],
  ])('%p is refused', async (wrong, message) => {
    const error = await failureOf(() => ask(wrong))
    expect(error.code).toBe('option')
    expect(error.message).toMatch(message)
  })

  test('load() gives the model back: the best or the last', async () => {
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

  test('generate() checks its options before it loads anything', async () => {
    expect((await failureOf(() => generate({ prompt } as never))).message).toMatch(/model is missing/)
    expect((await failureOf(() => generate({ model: out(), promt: 'x' } as never))).message).toMatch(
      /Did you mean prompt/,
    )
    expect((await failureOf(() => generate({ model: folder.path('nowhere') }))).code).toBe('file_not_found')
    expect((await failureOf(() => generate({ model: out(), device: 'abacus' }))).code).toBe('device')
  })

  test('dispose, then generate: an error; during a generation: that one ends', async () => {
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
    // The one beside it is as it was.
    expect(await ask()).toHaveLength(30)
  })
}
