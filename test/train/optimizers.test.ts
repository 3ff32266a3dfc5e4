// Optimizers, schedules and averages through train(): interrupted and resumed, from a config.json,
// and with any number of threads.

import { writeFile } from 'node:fs/promises'
import { load } from '../../lib/api/model'
import { type CheckpointInfo, readCheckpoint, writeCheckpoint } from '../../lib/checkpoint/checkpoint'
import { files } from '../../lib/checkpoint/folder'
import type { TensorState } from '../../lib/model/weights'
import type { TrainOptions } from '../../lib/options'
import { train } from '../../lib/train/train'
import { expectSameBits, sameBits } from '../support/bits'
import { onEveryDevice, onNative } from '../support/devices'
import { failureOf } from '../support/errors'
import {
  decoder,
  eventsOf,
  lossesOf,
  ofType,
  parametersOf,
  temporaryFolder,
  unusedTraining,
} from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const textFile = () => folder.path('some.txt')
beforeAll(() => writeFile(textFile(), someText()))

/** Together these cover every optimizer, every schedule, and runs with and without averages. */
const variants: Record<string, TrainOptions> = {
  'adamw, cosine, average': { schedule: 'cosine', warmup: 3, finalLearningRateFraction: 0.1, emaDecay: 0.9 },
  'sgd, linear': { optimizer: 'sgd', learningRate: 0.1, momentum: 0.8, schedule: 'linear', warmup: 2 },
  'sgd, Nesterov': { optimizer: 'sgd', learningRate: 0.05, nesterov: true, emaDecay: 0.5 },
  'muon, wsd, average': {
    ...{ optimizer: 'muon', momentumWarmup: 9, matrixLearningRate: 0.03, weightDecay: 0.1 },
    ...{ schedule: 'wsd', decayFraction: 0.6, emaDecay: 0.8 },
  },
}
const names = Object.keys(variants)

/** Limits the momentum warm-up to the number of steps. */
function inSteps(steps: number, { momentumWarmup, ...options }: TrainOptions): TrainOptions {
  return momentumWarmup === undefined
    ? options
    : { ...options, momentumWarmup: Math.min(momentumWarmup, steps) }
}

async function whole(options: TrainOptions) {
  const run = train(options)
  const events = await eventsOf(run)
  await using model = await run
  return { events, losses: lossesOf(events), weights: await parametersOf(model), info: model.info }
}

async function tensorsOf(path: string, which: 'best' | 'last' = 'last') {
  const { tensors } = await readCheckpoint(path, which)
  return Object.fromEntries(
    [...(tensors as Map<string, TensorState>)].map(([name, { data }]) => [name, data]),
  )
}

onEveryDevice('optimizers', ({ name: device }) => {
  const options = (name: string, steps = 30): TrainOptions => ({
    ...decoder,
    data: textFile(),
    device,
    steps,
    evalInterval: 10,
    ...inSteps(steps, variants[name]),
  })

  test.each(names)('%s: stopping and resuming gives the same bits', async (name) => {
    const [a, b] = [folder.path(`${device}-${name}-whole`), folder.path(`${device}-${name}-parts`)]
    const uninterrupted = await whole({ ...options(name), out: a })
    const losses: number[] = []
    const stops: number[] = []
    for (let part = 0; part < 3; part++) {
      const run = train(part === 0 ? { ...options(name), out: b } : { device, resume: b })
      for await (const event of run) {
        if (event.type !== 'step') continue
        losses.push(...event.losses)
        if (part < 2) run.stop()
      }
      await using model = await run
      stops.push(model.info.step)
      if (part === 2) expectSameBits(await parametersOf(model), uninterrupted.weights)
    }
    expect(stops[0]).toBeLessThan(30)
    expect(stops[2]).toBe(30)
    expect(losses).toEqual(uninterrupted.losses)
    // These include the optimizer's state and the averages.
    expectSameBits(await tensorsOf(b), await tensorsOf(a))
    expectSameBits(await tensorsOf(b, 'best'), await tensorsOf(a, 'best'))
  })

  test('another optimizer than that of `config` or `from` has its own defaults', async () => {
    const out = folder.path(`${device}-others`)
    await whole({ ...options('muon, wsd, average', 2), out })
    const sgd = { optimizer: 'sgd', schedule: 'linear', steps: 2, device } as const
    for (const beside of [{ config: out }, { from: out }]) {
      const { info } = await whole({ ...beside, ...sgd })
      expect(info.training).toMatchObject({
        ...{ ...unusedTraining, optimizer: 'sgd', momentum: 0.9, schedule: 'linear' },
        ...{ weightDecay: 0.1, emaDecay: 0.8 },
      })
      const { info: same } = await whole({ ...beside, steps: 2, device })
      expect(same.training).toMatchObject(inSteps(2, variants['muon, wsd, average']))
    }
  })

  test('a resumed run rejects options of the optimizer and the schedule', async () => {
    const out = folder.path(`${device}-fixed`)
    await whole({ ...options('sgd, linear'), steps: 2, out })
    for (const given of [
      { optimizer: 'adamw' },
      { momentum: 0.8 },
      { nesterov: true },
      { schedule: 'linear' },
      { warmup: 2 },
      { emaDecay: 0 },
    ] as TrainOptions[]) {
      const [name] = Object.keys(given)
      const error = await failureOf(() => train({ resume: out, device, ...given }))
      expect(error.message).toMatch(new RegExp(`^train: ${name} is .*a resumed run keeps its own`))
    }
  })

  test.each(names)('%s: config.json reproduces the run', async (name) => {
    const [a, b] = [folder.path(`${device}-${name}-first`), folder.path(`${device}-${name}-again`)]
    const first = await whole({ ...options(name), out: a })
    const second = await whole({ config: a, out: b })
    expect(second.losses).toEqual(first.losses)
    expectSameBits(second.weights, first.weights)
    expect(second.info).toEqual(first.info)
  })

  test('resuming with more `steps` continues on the new schedule', async () => {
    const out = folder.path(`${device}-curve`)
    const { losses, weights } = await whole({ ...options('sgd, linear'), steps: 8, out })
    const checkpoint = await readCheckpoint(out, 'last')
    // The same checkpoint, as if a run of 16 steps had been stopped.
    const asIf = folder.path(`${device}-as-if.safetensors`)
    const info = {
      ...checkpoint.info,
      training: { ...checkpoint.info.training!, steps: 16 },
    } as CheckpointInfo
    await writeCheckpoint(asIf, info, [...(checkpoint.tensors.values() as Iterable<TensorState>)])
    const of16 = await whole({ device, resume: asIf, out: folder.path(`${device}-of16`) })
    const longer = await whole({ device, resume: out, steps: 16 })
    expect(longer.losses).toHaveLength(8)
    expect(longer.losses).toEqual(of16.losses)
    expectSameBits(longer.weights, of16.weights)
    // From the start, a schedule for 16 steps gives other losses than one for 8.
    const eight = await whole({ ...options('sgd, linear'), steps: 16 })
    expect(eight.losses[0]).toBe(losses[0])
    expect(eight.losses.slice(0, 8)).not.toEqual(losses)
    expect(sameBits(weights['head.weight'], longer.weights['head.weight'])).toBe(false)
  })

  test('clipping: SGD moves the weights by the learning rate times the clipped gradient norm', async () => {
    const moved = async (gradientClip: number) => {
      const learningRate = 0.5
      const plain = { optimizer: 'sgd', momentum: 0, weightDecay: 0, learningRate, gradientClip } as const
      // A learning rate of almost 0 keeps the initial weights.
      const start = await whole({
        ...options('sgd, linear'),
        ...plain,
        learningRate: 1e-30,
        warmup: 0,
        steps: 1,
      })
      const { events, weights } = await whole({
        ...options('sgd, linear'),
        ...{ ...plain, schedule: 'constant', warmup: 0, steps: 1 },
      })
      const squares = Object.entries(weights).flatMap(([path, values]) =>
        Array.from(values as Float32Array, (value, i) => (value - start.weights[path][i]) ** 2),
      )
      const [norm] = ofType(events, 'step').flatMap(({ gradientNorms }) => gradientNorms)
      return { norm, distance: Math.sqrt(squares.reduce((a, b) => a + b)) / learningRate }
    }
    const free = await moved(Infinity)
    expect(free.distance / free.norm).toBeCloseTo(1, 4)
    const held = await moved(free.norm / 10)
    expect(held.norm).toBe(free.norm)
    expect(held.distance / (free.norm / 10)).toBeCloseTo(1, 3)
  })

  describe('averages', () => {
    const averaged = (more: TrainOptions = {}) => ({ ...options('muon, wsd, average', more.steps), ...more })

    test('are used by evaluations, train(), load(), `from` and save()', async () => {
      const out = folder.path(`${device}-averaged`)
      const run = train(averaged({ out, steps: 10 }))
      const events = await eventsOf(run)
      await using model = await run
      const weights = await parametersOf(model)
      const tensors = await tensorsOf(out)
      for (const [path, values] of Object.entries(weights)) {
        expectSameBits({ values }, { values: tensors[`average/${path}`] })
        expect(sameBits(values, tensors[path])).toBe(false)
      }
      const last = `${out}/${files.last}`
      await using loaded = await load(last, { device })
      expectSameBits(await parametersOf(loaded), weights)
      const text = someText(300)
      expect(await loaded.loss(text)).toBe(await model.loss(text))
      expect(await loaded.generate({ maxTokens: 20, seed: 3 })).toBe(
        await model.generate({ maxTokens: 20, seed: 3 }),
      )

      // A new run starts with the averages as its weights, and its own averages start there too. So
      // its first evaluation is of the same weights.
      const next = train({ from: last, device, steps: 1, evalInterval: 10, evalBatches: 2, seed: 7 })
      const [begin] = ofType(await eventsOf(next), 'evaluation')
      await (await next).dispose()
      expect(begin.valLoss).toBe(ofType(events, 'evaluation').at(-1)!.valLoss)

      // The saved model has the averages as its weights, and no other tensors.
      const saved = folder.path(`${device}-saved.safetensors`)
      await model.save(saved)
      const kept = await tensorsOf(saved)
      expect(Object.keys(kept).sort()).toEqual(Object.keys(weights).sort())
      for (const [path, values] of Object.entries(weights)) expectSameBits({ values: kept[path] }, { values })
      await using again = await load(saved, { device })
      expectSameBits(await parametersOf(again), weights)
      expect(again.parameterCount).toBe(model.parameterCount)
    })

    test('a file that lacks one of them is rejected, and the error names it', async () => {
      const out = folder.path(`${device}-some`)
      await whole(averaged({ out, steps: 1 }))
      const { info, tensors } = await readCheckpoint(out, 'last')
      const some = folder.path(`${device}-some.safetensors`)
      await writeCheckpoint(
        some,
        info,
        [...(tensors.values() as Iterable<TensorState>)].filter(({ name }) => name !== 'average/head.bias'),
      )
      const missing = /average\/head\.bias.* missing/
      expect((await failureOf(() => load(some, { device }))).message).toMatch(missing)
      const again = { resume: some, out: folder.path(`${device}-again`), device, steps: 2 } as const
      expect((await failureOf(() => train(again))).message).toMatch(missing)
    })

    test('do not affect how the weights train', async () => {
      const [a, b] = [folder.path(`${device}-with`), folder.path(`${device}-without`)]
      const with_ = await whole(averaged({ out: a, steps: 10 }))
      const without = await whole(averaged({ out: b, steps: 10, emaDecay: 0 }))
      expect(with_.losses).toEqual(without.losses)
      const trained = await tensorsOf(a)
      const others = await tensorsOf(b)
      for (const name of Object.keys(others))
        expectSameBits({ [name]: trained[name] }, { [name]: others[name] })
      expect(Object.keys(others).filter((name) => name.startsWith('average/'))).toEqual([])
    })

    test('start with the initial weights', async () => {
      const at0 = async (emaDecay: number) => {
        const { events } = await whole(averaged({ steps: 1, evalInterval: 10, emaDecay }))
        return ofType(events, 'evaluation')[0].valLoss
      }
      expect(await at0(0.9)).toBe(await at0(0))
    })

    test('setParameter() changes the weights that the model computes with', async () => {
      await using model = await train(averaged({ steps: 1 }))
      const text = someText(300)
      const before = await model.loss(text)
      const [[path, { data }]] = [...(await model.parameters())]
      await model.setParameter(
        path,
        data.map((value, i) => value + (i % 2)),
      )
      expect(await model.loss(text)).not.toBe(before)
      expect((await model.parameters()).get(path)!.data[1]).toBeCloseTo(data[1] + 1, 5)
    })
  })
})

onNative('optimizers with any number of threads', () => {
  test.each(names)('%s', async (name) => {
    const run = (threads: number) =>
      whole({
        ...decoder,
        data: textFile(),
        device: 'cpu',
        steps: 5,
        embed: 48,
        threads,
        ...inSteps(5, variants[name]),
      })
    const one = await run(1)
    for (const threads of [2, 3, 7]) {
      const other = await run(threads)
      expect(other.losses).toEqual(one.losses)
      expectSameBits(other.weights, one.weights)
    }
  })
})
