// Several texts at once, and their tokens, log-probabilities and reasons to finish.

import { train } from '../../lib'
import type { Model } from '../../lib/api/model'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { decoder } from '../support/runs'

onEveryDevice('completions', ({ name: device }) => {
  let model: Model
  beforeAll(async () => {
    model = await train({ ...decoder, steps: 30, evalInterval: 30, learningRate: 3e-3, device })
  })
  afterAll(() => model.dispose())

  const prompts = ['The cat', 'A', 'the dog sat on the mat and saw']

  test('n texts for each prompt, in order, each the same as if generated alone', async () => {
    const all = await model.complete({ prompt: prompts, n: 3, maxTokens: 25, seed: 40 })
    expect(all.map(({ prompt, seed }) => [prompt, seed])).toEqual(
      prompts.flatMap((prompt) => [40, 41, 42].map((seed) => [prompt, seed])),
    )
    for (const { prompt, seed, text, tokens, logProbabilities, finish } of all) {
      expect(await model.generate({ prompt, seed, maxTokens: 25 })).toBe(text)
      expect(finish).toBe('length')
      expect(tokens).toHaveLength(25)
      expect(logProbabilities).toHaveLength(25)
      expect(model.tokenizer.decode(tokens)).toBe(text)
      expect(logProbabilities.every((it) => it <= 0)).toBe(true)
    }
    expect(new Set(all.map(({ text }) => text)).size).toBe(9)
  })

  test('more texts than run at once, with several options', async () => {
    const how = {
      maxTokens: 20,
      topP: 0.9,
      minP: 0.01,
      repetitionPenalty: 1.2,
      window: 'roll',
      seed: 7,
    } as const
    const all = await model.complete({ prompt: 'The', n: 11, ...how })
    for (const { seed, text } of all) expect(await model.generate({ prompt: 'The', ...how, seed })).toBe(text)
  })

  test('consecutive seeds wrap around at 64 bits', async () => {
    const last = 2n ** 64n - 1n
    const all = await model.complete({ n: 2, seed: last, maxTokens: 5 })
    expect(all.map(({ seed }) => seed)).toEqual([String(last), 0])
    expect(all[1].text).toBe(await model.generate({ seed: 0, maxTokens: 5 }))
  })

  test('streaming gives the same texts', async () => {
    const how = { prompt: prompts, n: 2, maxTokens: 30, seed: 5 }
    const texts = Array.from({ length: 6 }, () => '')
    const finishes: (string | undefined)[] = []
    for await (const { index, text, finish } of model.streamAll(how)) {
      expect(finishes[index]).toBeUndefined()
      texts[index] += text
      finishes[index] = finish
    }
    expect(texts).toEqual((await model.complete(how)).map(({ text }) => text))
    expect(finishes).toEqual(texts.map(() => 'length'))
  })

  test('log-probabilities agree with the loss', async () => {
    const [{ tokens, logProbabilities }] = await model.complete({
      prompt: 'The',
      maxTokens: 8,
      seed: 1,
      temperature: 0.5,
      topK: 3,
    })
    const text = `The${model.tokenizer.decode(tokens)}`
    const tail = async (end: number) => (await model.loss(text.slice(0, end))) * (end - 1)
    for (let i = 0; i < 8; i++) {
      expect(logProbabilities[i]).toBeCloseTo((await tail(3 + i)) - (await tail(4 + i)), 4)
    }
  })

  test('a stop string ends only the text that contains it', async () => {
    const how = { prompt: prompts, n: 2, maxTokens: 60, seed: 3 }
    const whole = await model.complete(how)
    const stop = [' ', 'zz']
    const stopped = await model.complete({ ...how, stop })
    expect(stopped.map(({ text }) => text)).toEqual(whole.map(({ text }) => text.split(' ')[0]))
    stopped.forEach(({ text, tokens, logProbabilities, finish }, i) => {
      const ends = whole[i].text.includes(' ')
      expect(finish).toBe(ends ? 'stop' : 'length')
      expect(tokens).toEqual(whole[i].tokens.slice(0, text.length))
      expect(logProbabilities).toEqual(whole[i].logProbabilities.slice(0, text.length))
    })
    expect(stopped.some(({ finish }) => finish === 'stop')).toBe(true)
    expect(await model.generate({ prompt: prompts[0], maxTokens: 60, seed: 3, stop: ' ' })).toBe(
      whole[0].text.split(' ')[0],
    )
  })

  test('a repetition penalty makes a text less repetitive', async () => {
    const distinct = async (repetitionPenalty: number) =>
      new Set(await model.generate({ prompt: 'The', maxTokens: 12, temperature: 0, repetitionPenalty })).size
    expect(await distinct(1.5)).toBeGreaterThan(await distinct(1))
    expect(await distinct(1e6)).toBeGreaterThan(9)
  })

  test('a repetition penalty of 1, a topP of 1 and a minP of 0 have no effect', async () => {
    const how = { prompt: 'The', maxTokens: 30, seed: 8 }
    expect(await model.generate({ ...how, repetitionPenalty: 1, topP: 1, minP: 0, stop: [] })).toBe(
      await model.generate(how),
    )
  })

  test('both kinds of window give the same text until the block is full', async () => {
    const how = { prompt: 'The', seed: 8 }
    const { blockSize } = model.config
    const [exact, roll] = await Promise.all(
      (['exact', 'roll'] as const).map((window) =>
        model.generate({ ...how, window, maxTokens: 4 * blockSize }),
      ),
    )
    expect(roll.slice(0, blockSize - 2)).toBe(exact.slice(0, blockSize - 2))
    expect(roll).not.toBe(exact)
  })

  test('a signal ends all texts', async () => {
    const controller = new AbortController()
    const pieces = model.streamAll({ prompt: prompts, n: 4, maxTokens: 100_000, signal: controller.signal })
    await pieces.next()
    controller.abort()
    await expect(
      (async () => {
        for await (const _ of pieces);
      })(),
    ).rejects.toMatchObject({ name: 'AbortError' })
    expect(await model.complete({ n: 2, maxTokens: 3 })).toHaveLength(2)
  })

  test.each([
    [{ n: 0 }, /^complete: n is 0: must be at least 1/],
    [{ n: 1.5 }, /n is 1.5: must be a whole number/],
    [{ prompt: [] }, /prompt is .*: must not be empty/],
    [{ prompt: ['a', 7] }, /prompt/],
    [{ topP: 0 }, /topP is 0: must be more than 0/],
    [{ topP: 1.5 }, /topP is 1.5: must be at most 1/],
    [{ minP: -0.1 }, /minP is -0.1: must be at least 0/],
    [{ minP: 2 }, /minP is 2: must be at most 1/],
    [{ repetitionPenalty: 0 }, /repetitionPenalty is 0: must be more than 0/],
    [{ repetitionPenalty: Infinity }, /repetitionPenalty is Infinity: must be finite/],
    [{ stop: '' }, /stop is "": must not be empty/],
    [{ stop: ['a', ''] }, /must not be empty/],
    [{ stop: 7 }, /stop is 7: must be a string, or an array of strings/],
    [{ window: 'rolling' }, /window is "rolling": must be 'exact' or 'roll'/],
    [{ top_p: 0.5 }, /there is no option top_p. Did you mean `topP`\?/],
  ])('%p is rejected', async (wrong, message) => {
    const error = await failureOf(() => model.complete(wrong as object))
    expect(error.code).toBe('option')
    expect(error.message).toMatch(message)
  })

  test('generate() rejects several texts and refers to complete()', async () => {
    for (const wrong of [{ n: 2 }, { prompt: ['a', 'b'] }]) {
      const error = await failureOf(() => model.generate(wrong as object))
      expect(error.message).toMatch(
        /^generate: (n is 2: generate\(\) generates one text|prompt: must be one string, .*)\. Use complete\(\)/,
      )
    }
  })

  test('an unknown character in any prompt is an error', async () => {
    const error = await failureOf(() => model.complete({ prompt: ['The', 'cät'] }))
    expect(error.code).toBe('unknown_character')
  })
})
