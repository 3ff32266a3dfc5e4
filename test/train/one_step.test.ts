// One step of a run, taken apart: against the real next step of the run, the formulas of the optimizers, and
// finite differences.

import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from '../../lib/api/model'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { sizeOf } from '../../lib/graph/dtype'
import { Tensor } from '../../lib/graph/tensor'
import { adamwOp } from '../../lib/ops/adamw'
import { sgdOp } from '../../lib/ops/sgd'
import type { TrainOptions } from '../../lib/options'
import { OneStep } from '../../lib/train/one_step'
import { train } from '../../lib/train/train'
import { failureOf } from '../support/errors'
import { decoder, eventsOf, lossesOf, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

/** A batch of one sequence without dropout, so that the text of the step is the whole batch. */
const single: TrainOptions = {
  ...decoder,
  batchSize: 1,
  gradientAccumulationSteps: 1,
  dropout: 0,
  schedule: 'constant',
  steps: 40,
  evalInterval: 20,
}
const runs: Readonly<Record<string, TrainOptions>> = {
  adamw: { ...single, weightDecay: 0.2 },
  muon: { ...single, preset: 'gpt', optimizer: 'muon', momentumWarmup: 0, weightDecay: 0.1 },
  sgd: { ...single, optimizer: 'sgd', learningRate: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.01 },
  average: { ...single, emaDecay: 0.9 },
  usual: decoder,
}
/** From the weights of the run 'adamw'. */
const adapters: TrainOptions = {
  data: single.data,
  loraRank: 2,
  batchSize: 1,
  gradientAccumulationSteps: 1,
  schedule: 'constant',
  steps: 40,
  evalInterval: 20,
}

async function trained(name: string): Promise<string> {
  const out = folder.path(name)
  await (await train({ ...runs[name], out })).dispose()
  return out
}
const opened = async (out: string) => OneStep.open(await readCheckpoint(out, 'last'), out)

/** Of the files in a folder. */
const digestsOf = (path: string) =>
  readdirSync(path).map((name) =>
    createHash('sha256')
      .update(readFileSync(join(path, name)))
      .digest('hex'),
  )

beforeAll(async () => {
  for (const name of Object.keys(runs)) await trained(name)
  await (await train({ ...adapters, from: folder.path('adamw'), out: folder.path('adapters') })).dispose()
})

/** Element numbers of a parameter: the one with the largest gradient, and some others. */
const someOf = (size: number, largest: number) => [...new Set([largest, 0, Math.floor(size / 3), size - 1])]

describe.each(['adamw', 'muon', 'sgd', 'average', 'adapters'])('%s', (name) => {
  test('it is the step that the run makes next', async () => {
    const out = folder.path(name)
    const before = digestsOf(out)
    const one = await opened(out)
    const next = folder.path(`${name}-next`)
    cpSync(out, next, { recursive: true })
    const events = await eventsOf(train({ resume: next, steps: 41 }))
    expect(one.overview.step).toBe(40)
    expect(one.overview.loss).toBeCloseTo(lossesOf(events).at(-1)!, 5)
    const { tensors } = await readCheckpoint(next, 'last')
    for (const { path, shape, largest } of one.overview.gradients) {
      const { data } = tensors.get(path) as { data: Float32Array } & object
      for (const index of someOf(sizeOf(shape), largest)) {
        const { update, value } = await one.weight(path, index)
        expect(Math.abs(update.value - data[index])).toBeLessThan(
          1e-6 + 1e-3 * Math.abs(update.value - value),
        )
      }
    }
    // With averaged weights, the model that is loaded is another one.
    if (name !== 'average') {
      await using model = await load(next, { checkpoint: 'last' })
      expect(one.overview.lossAfter).toBeCloseTo(await model.loss(one.overview.tokens), 5)
    }
    await one.dispose()
    expect(digestsOf(out)).toEqual(before)
  })
})

test.each([...Object.keys(runs), 'adapters'])('the gradient is the slope of the loss: %s', async (name) => {
  const one = await opened(folder.path(name))
  const { gradients, gradientNorm } = one.overview
  let checked = 0
  for (const { path, shape, largest, gradient } of gradients) {
    for (const index of someOf(sizeOf(shape), largest)) {
      const report = await one.weight(path, index)
      if (index === largest) expect(report.gradient).toBe(gradient)
      // The engine computes in float32.
      expect(Math.abs(report.gradient - report.difference)).toBeLessThan(2e-6 * Math.max(1, gradientNorm))
      checked++
    }
  }
  expect(checked).toBeGreaterThan(40)
  await one.dispose()
})

test('the curve goes through the loss, with the slope', async () => {
  const one = await opened(folder.path('adamw'))
  const { path, largest } = one.overview.gradients[0]
  for (const zoom of [1, 100]) {
    const { curve, value, gradient, above, below } = await one.weight(path, largest, zoom)
    const middle = (curve.length - 1) / 2
    expect(curve[middle]).toEqual([value, one.overview.loss])
    const [[left, low], [right, high]] = [curve[middle - 1], curve[middle + 1]]
    if (zoom === 100) expect((high - low) / (right - left)).toBeCloseTo(gradient, 2)
    expect(Math.abs((above + below) / 2 - one.overview.loss)).toBeLessThan(1e-6)
  }
  await one.dispose()
})

test('looking at one weight leaves the others as they are', async () => {
  const one = await opened(folder.path('usual'))
  const [a, b] = [one.overview.gradients[0], one.overview.gradients.at(-1)!]
  const first = await one.weight(b.path, b.largest)
  await one.weight(a.path, a.largest)
  expect(await one.weight(b.path, b.largest)).toEqual(first)
  await one.dispose()
})

test('the losses are those of the model, and after plain gradient descent', async () => {
  const one = await opened(folder.path('usual'))
  await using model = await load(folder.path('usual'), { checkpoint: 'last' })
  const { tokens, losses, loss, plain } = one.overview
  expect(Array.from(losses)).toEqual(Array.from(await model.tokenLosses(tokens)))
  expect(loss).toBeCloseTo(await model.loss(tokens), 6)
  const gradients = await model.gradients(tokens)
  const weights = await model.parameters()
  for (const { rate, loss } of plain) {
    for (const [path, { data }] of weights) {
      const { data: gradient } = gradients.get(path)!
      await model.setParameter(
        path,
        data.map((value, i) => value - rate * gradient[i]),
      )
    }
    const expected = await model.loss(tokens)
    expect(Math.abs(loss! - expected)).toBeLessThan(1e-5 * expected)
  }
  await one.dispose()
})

const scalar = (value: number) => new Tensor('f64', [], Float64Array.of(value))

test.each(['adamw', 'sgd', 'muon'])('the numbers of the update fit the formula: %s', async (name) => {
  const one = await opened(folder.path(name))
  const kinds = new Set<string>()
  for (const { path, shape, largest } of one.overview.gradients) {
    for (const index of someOf(sizeOf(shape), largest)) {
      const { value, gradient, update } = await one.weight(path, index)
      const { optimizer, step, rate, scale, before, after, momentum, beta1, beta2, epsilon, nesterov } =
        update
      kinds.add(optimizer)
      expect(step).toBe(41)
      expect(scale).toBeCloseTo(Math.min(1, 0.8 / one.overview.gradientNorm), 4)
      const w = scalar(value)
      const m = scalar(before.m)
      const v = scalar(before.v ?? 0)
      const all = { beta1, beta2, epsilon, momentum, nesterov, weight_decay: update.weightDecay }
      if (optimizer === 'adamw')
        adamwOp.reference([scalar(step), scalar(rate), scalar(scale), w, scalar(gradient), m, v], [], all)
      else if (optimizer === 'sgd')
        sgdOp.reference([scalar(rate), scalar(scale), w, scalar(gradient), m], [], all)
      else {
        expect(after.m).toBeCloseTo(momentum * before.m + scale * gradient, 5)
        continue
      }
      expect(Math.abs(update.value - w.data[0])).toBeLessThan(1e-6)
      expect(after.m).toBeCloseTo(m.data[0], 6)
      if (optimizer === 'adamw') expect(after.v).toBeCloseTo(v.data[0], 6)
    }
  }
  expect([...kinds].sort()).toEqual(name === 'muon' ? ['adamw', 'muon'] : [name])
  await one.dispose()
})

test('a run that is over takes its last learning rate', async () => {
  const out = folder.path('over')
  await (await train({ ...single, schedule: 'linear', finalLearningRateFraction: 0, out })).dispose()
  const one = await opened(out)
  expect(one.overview.rateFraction).toBeCloseTo(1 / 40, 9)
  await one.dispose()
})

test('a weight that is not there', async () => {
  const one = await opened(folder.path('adamw'))
  const { path, shape } = one.overview.gradients[0]
  expect((await failureOf(() => one.weight('nothing', 0))).code).toBe('option')
  for (const index of [-1, 0.5, sizeOf(shape), '0' as never])
    expect((await failureOf(() => one.weight(path, index))).code).toBe('option')
  await one.dispose()
})

test('a text that has changed, and one that is gone', async () => {
  const out = folder.path('gone')
  cpSync(folder.path('adamw'), out, { recursive: true })
  const text = join(out, 'text.txt')
  writeFileSync(text, `${readFileSync(text)}!`)
  expect(await failureOf(() => opened(out))).toMatchObject({
    code: 'data',
    message: expect.stringContaining('changed'),
  })
  rmSync(text)
  expect(await failureOf(() => opened(out))).toMatchObject({
    code: 'data',
    message: expect.stringContaining('its file is no longer there'),
  })
})
