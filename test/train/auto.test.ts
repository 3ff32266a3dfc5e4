// The preset 'auto' chooses sizes for the device and the time. The rest is an ordinary run.

import type { CheckedTrainOptions, TrainOptions } from '../../lib/options'
import { evalBatchesFor, sizeFor, stepsIn } from '../../lib/train/auto'
import { chooseTokenizer } from '../../lib/train/auto_tokenizer'
import type { StartEvent } from '../../lib/train/events'
import { train } from '../../lib/train/train'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { eventsOf, ofType } from '../support/runs'
import { someText } from '../support/text'

const auto: TrainOptions = {
  data: { text: someText() },
  preset: 'auto',
  evalBatches: 1,
  sampleTokens: 5,
  seed: 7,
}

const startOf = (events: Awaited<ReturnType<typeof eventsOf>>): StartEvent => ofType(events, 'start')[0]

onEveryDevice('auto', ({ name: device }) => {
  test('measures the device, then trains for about the given time', async () => {
    const run = train({ ...auto, device, minutes: 0.05 })
    const events = await eventsOf(run)
    const model = await run
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual(['notice', 'measuring', 'start'])
    const { steps, config } = startOf(events)
    expect(config.model.kind).toBe(device === 'js' ? 'decoder' : 'gpt')
    expect(config.training.optimizer).toBe(device === 'js' ? 'adamw' : 'muon')
    // Even in a short run the warm-up is at most a tenth of the steps.
    expect(config.training.warmup).toBeLessThanOrEqual(steps / 10)
    expect(steps).toBeGreaterThanOrEqual(36)
    expect(steps % 9).toBe(0)
    expect(config.training.evalInterval).toBe(steps / 9)
    expect(ofType(events, 'evaluation')).toHaveLength(10)
    expect(ofType(events, 'sample').map(({ step }) => step)).toEqual([0, 1, 2, 3].map((n) => (n * steps) / 3))
    expect(model.info.step).toBe(steps)
    await model.dispose()
  })

  test('given options override the chosen ones, and `steps` makes measuring unnecessary', async () => {
    const run = train({ ...auto, device, steps: 2, embed: 16, heads: 2, layers: 1, learningRate: 0.01 })
    const events = await eventsOf(run)
    await (await run).dispose()
    expect(events[1].type).toBe('start')
    const { model, training } = startOf(events).config
    expect(model).toMatchObject({ embed: 16, heads: 2, layers: 1 })
    if (model.kind === 'gpt') expect(model.kvHeads).toBe(2)
    expect(training).toMatchObject({ steps: 2, learningRate: 0.01 })
    // Warm-ups and intervals fit the steps.
    expect(training).toMatchObject({ warmup: 0, evalInterval: 1, sampleInterval: 1 })
    expect(training.momentumWarmup ?? 0).toBe(0)
  })

  test('stop() during the measurement ends the run before its first step', async () => {
    const run = train({ ...auto, device, minutes: 10 })
    for await (const event of run) {
      if (event.type === 'notice') continue
      expect(event.type).toBe('measuring')
      break
    }
    run.stop()
    const model = await run
    expect(model.info.step).toBe(0)
    await model.dispose()
  })
})

test.each([
  [180, 0.05, 3600],
  [180, 0.051, 3528],
  [1, 10, 36],
  [60, Infinity, 36],
])('in %d s, at %d s per step: %d steps', (seconds, perStep, steps) => {
  expect(stepsIn(seconds, perStep)).toBe(steps)
})

test.each([
  [0.01, 20],
  [0.2, 8],
  [5, 4],
  [Infinity, 4],
])('with %d s per step, an evaluation has %d batches', (perStep, batches) => {
  expect(evalBatchesFor(perStep, 20)).toBe(batches)
})

test('sizeFor() chooses the largest size that makes enough steps in the time', () => {
  // On this device the time per step is proportional to the work. The work of a size is relative to
  // the measured one.
  const size = (minutes: number, perStep: number) =>
    sizeFor(
      60 * minutes,
      perStep,
      ({ layers, embed, blockSize, batchSize }) =>
        (layers * embed ** 2 * blockSize * batchSize) / (4 * 128 ** 2 * 128 * 16),
    ).embed
  expect([0.01, 1, 3, 10, 20, 60].map((minutes) => size(minutes, 0.11))).toEqual([64, 64, 128, 192, 256, 384])
  expect(size(3, 0.001)).toBe(384)
  expect(size(3, Infinity)).toBe(64)
})

/** `count` distinct characters, among them letters. */
const characters = (count: number) =>
  String.fromCodePoint(...Array.from({ length: count }, (_, i) => (i < 26 ? 97 : 0x4e00) + i))

describe('the tokenizer', () => {
  const choose = (text: string, options: object = {}) =>
    chooseTokenizer({ preset: 'auto', device: 'cpu', ...options } as CheckedTrainOptions, {
      characters: new Set(text).size,
      bytes: Buffer.byteLength(text),
    })

  test('depends on the characters of the text, its size and the time', () => {
    const why = (text: string, options?: object) => choose(text, options).why?.toString()
    expect(why(someText())).toBe(
      "`tokenizer: 'char'` was chosen, because the text is short (3.0 KB) and has few distinct characters (32)",
    )
    expect(choose(characters(300).repeat(9))).toMatchObject({ tokenizer: 'char' })
    const many = characters(2000)
    expect(choose(many.repeat(2))).toMatchObject({ tokenizer: 'bpe', vocabSize: 512 })
    expect(why(many.repeat(60))).toBe(
      "`tokenizer: 'bpe'` with `vocabSize: 1024` was chosen, because the text has 2,000 distinct characters, many of them rare",
    )
    const large = someText(1000).repeat(5000)
    expect(choose(large, { minutes: 0.2 })).toMatchObject({ tokenizer: 'bpe', vocabSize: 1024 })
    expect(choose(large)).toMatchObject({ tokenizer: 'bpe', vocabSize: 4096 })
    expect(choose(large, { minutes: 30, device: 'js' })).toMatchObject({ tokenizer: 'bpe', vocabSize: 512 })
    expect(why(large)).toMatch(/ was chosen, because the text is long \(5\.0 MB\)$/)
  })

  test('is the given one, and `char` with another preset', () => {
    const large = someText(1000).repeat(5000)
    expect(choose(large, { tokenizer: 'byte' })).toEqual({ tokenizer: 'byte', vocabSize: 4096 })
    expect(choose('abc', { vocabSize: 300 })).toEqual({ tokenizer: 'bpe', vocabSize: 300 })
    expect(choose(large, { preset: 'cpu' })).toEqual({ tokenizer: 'char', vocabSize: 4096 })
  })

  test('of a run is the chosen one, and its config.json names it', async () => {
    const text = `${characters(400)} the hat\n`.repeat(12)
    const run = train({ ...auto, data: { text }, device: 'cpu', steps: 1, blockSize: 8 })
    const { options, plan } = startOf(await eventsOf(run))
    await using model = await run
    expect([plan.tokenizer, options.tokenizer, model.tokenizer.type]).toEqual(['bpe', 'bpe', 'bpe'])
    expect(options.vocabSize).toBe(model.tokenizer.vocabSize)
    const given = train({ ...auto, vocabSize: 270, device: 'cpu', steps: 1, blockSize: 8 })
    await using other = await given
    expect([other.tokenizer.type, other.tokenizer.vocabSize]).toEqual(['bpe', 270])
  })
})

test("`minutes` without the preset 'auto', and 0 minutes, are rejected", async () => {
  const text = auto.data
  const alone = await failureOf(() => train({ data: text, preset: 'cpu', minutes: 1 }))
  expect(alone.message).toMatch(
    /minutes is 1: it applies only to `preset: 'auto'`\. Give `steps`, or `preset: 'auto'`/,
  )
  const none = await failureOf(() => train({ ...auto, minutes: 0 }))
  expect(none.message).toMatch(/minutes is 0: must be more than 0/)
})
