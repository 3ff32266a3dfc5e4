// Which events a run reports, and when: evaluations, samples and checkpoints at their intervals,
// and every loss once.

import { join } from 'node:path'
import { splitTokens } from '../../lib/data/split'
import { presets } from '../../lib/presets'
import { seedFrom } from '../../lib/random/philox'
import { merge, type TrainEvent } from '../../lib/train/events'
import { train } from '../../lib/train/train'
import { onEveryDevice } from '../support/devices'
import { prepare } from '../support/models'
import { decoder, eventsOf, lossesOf, ofType, short, temporaryFolder, unusedTraining } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()

onEveryDevice('the events of a run', ({ name: device, open }) => {
  test('come in order', async () => {
    const out = folder.path(device)
    const intervals = { evalInterval: 5, sampleInterval: 4, checkpointInterval: 3, sampleTokens: 6 }
    const run = train({ ...short, ...intervals, device, learningRate: 0.1, out })
    const events = await eventsOf(run)
    const line = (event: TrainEvent): string | undefined => {
      if (event.type === 'step' || event.type === 'evaluating') return undefined
      if (event.type === 'checkpoint')
        return `${event.type} ${event.step} ${event.path.slice(out.length + 1)}`
      return `${event.type} ${event.step}`
    }
    const lines = events.map(line).filter((found) => found !== undefined)
    const isSave = (line: string) => line.startsWith('checkpoint')
    expect(lines.filter((line) => !isSave(line))).toEqual([
      ...['start 0', 'evaluation 0', 'sample 0', 'sample 4', 'evaluation 5', 'sample 8'],
      ...['evaluation 10', 'sample 10', 'end 10'],
    ])
    // Checkpoints are written while training goes on.
    expect(lines.filter(isSave)).toEqual([
      'checkpoint 3 last.safetensors',
      'checkpoint 5 best.safetensors',
      'checkpoint 5 last.safetensors',
      'checkpoint 6 last.safetensors',
      'checkpoint 9 last.safetensors',
      'checkpoint 10 best.safetensors',
      'checkpoint 10 last.safetensors',
    ])
    // All steps before an evaluation, sample or checkpoint are reported before its event.
    expect(events.at(-1)).toMatchObject({ saved: { step: 10, path: out }, unsaved: null })
    let made = 0
    for (const event of events) {
      if (event.type === 'step') {
        expect(event.from).toBe(made)
        made = event.to
      } else if (event.type === 'checkpoint') expect(event.step).toBeLessThanOrEqual(made)
      else expect(event.step).toBe(made)
    }
    expect(ofType(events, 'checkpoint').map(({ path }) => path)).toContain(join(out, 'last.safetensors'))
    for (const { text } of ofType(events, 'sample')) expect([...text]).toHaveLength(6)
    await (await run).dispose()
  })

  test('have the right contents', async () => {
    const run = train({ ...decoder, device })
    const events = await eventsOf(run)
    const model = await run
    const text = someText()
    expect(events[0]).toEqual({
      type: 'start',
      device,
      parameters: model.parameterCount,
      step: 0,
      steps: 10,
      trainTokens: Math.floor(0.9 * text.length),
      validationTokens: text.length - Math.floor(0.9 * text.length),
      options: {
        ...{ preset: 'decoder', blockSize: 11, embed: 15, heads: 3, layers: 2, dropout: 0.2 },
        ...{ steps: 10, batchSize: 3, gradientAccumulationSteps: 2, evalInterval: 5, evalBatches: 2 },
        ...{ learningRate: presets.decoder.training.learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
        ...{ weightDecay: 0.01, gradientClip: 0.8, sampleInterval: 0, sampleTokens: 200, seed: 7, device },
        ...{
          nonFinite: 'stop',
          precision: 'f32',
          optimizer: 'adamw',
          schedule: 'constant',
          warmup: 0,
          emaDecay: 0,
          exactEvaluation: false,
          checkpointInterval: 5,
          checkpointMinutes: 5,
          keepCheckpoints: 2,
          lineEndings: 'normalize',
          tokenizer: 'char',
        },
      },
      config: {
        model: {
          kind: 'decoder',
          blockSize: 11,
          embed: 15,
          heads: 3,
          layers: 2,
          dropout: 0.2,
          vocabSize: new Set(text).size,
        },
        training: {
          ...unusedTraining,
          steps: 10,
          batchSize: 3,
          gradientAccumulationSteps: 2,
          learningRate: presets.decoder.training.learningRate,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0.01,
          gradientClip: 0.8,
          evalInterval: 5,
          evalBatches: 2,
          precision: 'f32',

          checkpointInterval: 5,
        },
        seed: '7',
        data: {
          name: 'text',
          digest: expect.stringMatching(/^[0-9a-f]{64}$/),
          source: null,
          lineEndings: 'normalize',
        },
      },
      plan: expect.objectContaining({
        begins: 'new',
        step: 0,
        seed: 7,
        device,
        out: null,
        stepsPerCall: null,
      }),
    })
    for (const { from, to, losses, gradientNorms, seconds, tokensPerSecond } of ofType(events, 'step')) {
      expect([losses.length, gradientNorms.length]).toEqual([to - from, to - from])
      expect(gradientNorms.every((norm) => norm > 0 && Number.isFinite(norm))).toBe(true)
      expect(losses.every((loss) => loss > 0 && loss < 10)).toBe(true)
      expect(tokensPerSecond * seconds).toBeCloseTo((to - from) * 2 * 3 * 11, 3)
    }
    const evaluations = ofType(events, 'evaluation')
    expect(evaluations.map(({ step }) => step)).toEqual([0, 5, 10])
    let lowest = Infinity
    for (const { trainLoss, valLoss, best, seconds } of evaluations) {
      expect(best).toBe(valLoss < lowest)
      lowest = Math.min(lowest, valLoss)
      expect(trainLoss).toBeGreaterThan(1)
      expect(seconds).toBeGreaterThan(0)
    }
    expect(model.info.best).toMatchObject({ step: expect.any(Number), valLoss: lowest })
    for (const { done, total } of ofType(events, 'evaluating')) {
      expect(total).toBe(4)
      expect(done).toBeLessThanOrEqual(4)
    }
    expect(events.at(-1)).toMatchObject({ type: 'end', step: 10, stopped: false })
    await model.dispose()
  })

  test('an evaluation uses the same batches each time, and no dropout', async () => {
    const evaluate = async (evalBatches: number, dropout: number) => {
      const run = train({ ...decoder, device, steps: 1, evalBatches, dropout })
      const [first] = ofType(await eventsOf(run), 'evaluation')
      await (await run).dispose()
      return first
    }
    const three = await evaluate(3, 0.2)
    expect(await evaluate(3, 0.2)).toMatchObject({ trainLoss: three.trainLoss, valLoss: three.valLoss })
    expect(await evaluate(3, 0)).toMatchObject({ trainLoss: three.trainLoss, valLoss: three.valLoss })
    expect((await evaluate(4, 0)).trainLoss).not.toBe(three.trainLoss)
    expect(three.trainLoss).not.toBe(three.valLoss)
  })

  test('an evaluation is the mean of the losses of its batches', async () => {
    const run = train({ ...short, device, steps: 1, evalBatches: 5 })
    const [first] = ofType(await eventsOf(run), 'evaluation')
    await using model = await run
    const { train: corpus } = splitTokens(model.tokenizer.encode(someText()), model.config.blockSize)
    const session = open()
    const { trainer } = await prepare(
      session,
      model.config,
      { batchSize: 4 },
      seedFrom(7),
      corpus as Uint16Array,
    )
    const { losses } = await trainer.evaluate('train', 0, 5)
    await session.dispose()
    expect(new Set(losses).size).toBe(5)
    expect(first.trainLoss).toBeCloseTo(losses.reduce((a, b) => a + b) / 5, 9)
  })

  test('the best evaluation stays the best when the loss rises', async () => {
    const out = folder.path(`worse-${device}`)
    const run = train({ ...short, device, out, steps: 4, evalInterval: 1, learningRate: 30 })
    const events = await eventsOf(run)
    await using model = await run
    const evaluations = ofType(events, 'evaluation')
    expect(evaluations.map(({ best }) => best)).toEqual([true, false, false, false, false])
    const { valLoss, valBitsPerByte } = evaluations[0]
    expect(model.info.best).toEqual({ step: 0, valLoss, valBitsPerByte })
    expect(new Set(ofType(events, 'checkpoint').map(({ path }) => path))).toEqual(
      new Set([join(out, 'last.safetensors')]),
    )
  })

  test('no checkpoints without a folder, no samples without an interval, one evaluation at the end', async () => {
    const run = train({ ...short, device, steps: 7 })
    const events = await eventsOf(run)
    expect(ofType(events, 'evaluation').map(({ step }) => step)).toEqual([0, 5, 7])
    expect(events.some(({ type }) => type === 'checkpoint' || type === 'sample')).toBe(false)
    await (await run).dispose()
  })

  test('training lowers the validation loss', async () => {
    const run = train({
      ...short,
      device,
      steps: 200,
      evalInterval: 200,
      learningRate: 0.05,
      batchSize: 16,
      evalBatches: 20,
    })
    const [before, after] = ofType(await eventsOf(run), 'evaluation')
    expect(after.valLoss).toBeLessThan(before.valLoss - 1)
    await (await run).dispose()
  })

  test('the intervals of evaluations, samples and checkpoints do not affect training', async () => {
    const plain = train({ ...decoder, device })
    const busy = train({
      ...decoder,
      device,
      evalInterval: 1,
      sampleInterval: 2,
      sampleTokens: 3,
      out: folder.path(`busy-${device}`),
    })
    expect(lossesOf(await eventsOf(busy))).toEqual(lossesOf(await eventsOf(plain)))
    for (const run of [plain, busy]) await (await run).dispose()
  })
})

test('merge() combines adjacent step events and their losses; samples stay separate', () => {
  const step = (from: number): TrainEvent => ({
    type: 'step',
    from,
    to: from + 1,
    losses: [from],
    gradientNorms: [from + 2],
    seconds: 0,
    tokensPerSecond: 0,
    bytesPerSecond: 0,
  })
  expect(merge(step(0), step(1))).toMatchObject({
    from: 0,
    to: 2,
    losses: [0, 1],
    gradientNorms: [2, 3],
    tokensPerSecond: 0,
    bytesPerSecond: 0,
  })
  const sample: TrainEvent = { type: 'sample', step: 0, text: '' }
  expect(merge(sample, sample)).toBeUndefined()
  expect(merge(step(0), sample)).toBeUndefined()
  expect(merge(sample, step(0))).toBeUndefined()
})
