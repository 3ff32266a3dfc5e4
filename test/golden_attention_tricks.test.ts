// Stage 02 as computed by PyTorch (scripts/torch/golden.py): the mean of the past in three ways,
// and one causal head with its gradients.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '../lib/backend/backend'
import { JsSession } from '../lib/backend/js/session'
import { sizeOf } from '../lib/graph/dtype'
import { Tensor } from '../lib/graph/tensor'
import { Trace } from '../lib/graph/trace'
import { add, batchedMatmul, crossEntropy, maskedSoftmax, matmul, trilMean } from '../lib/ops'
import { copyOp } from '../lib/ops/copy'
import { applyInto } from '../lib/ops/op'
import { gradients } from '../lib/passes/autodiff'
import { fuse } from '../lib/passes/fuse'
import { normalFill, seedFrom, site, uniformFill } from '../lib/random/philox'
import { onEveryDevice } from './support/devices'
import { allocateStores, compiled } from './support/models'

interface Values {
  shape: number[]
  values: number[]
}

interface Golden {
  config: { batchSize: number; blockSize: number; channels: number; headSize: number }
  seed: string
  sites: Record<string, number>
  initial: Record<string, { shape: number[]; first: number[]; sum: number }>
  expected: { runningMean: Values; weights: Values; y: Values; gradients: Record<string, Values> }
}

const golden: Golden = JSON.parse(readFileSync(join(__dirname, 'golden', 'attention-tricks.json'), 'utf8'))
const { expected } = golden
const { batchSize: B, blockSize: T, channels: C, headSize: D } = golden.config

/** A tensor of the stage, drawn from the seed: f32 values stored as f64. */
function drawn(name: string): Tensor {
  const { shape } = golden.initial[name]
  const values = new Float64Array(sizeOf(shape))
  const where = site(`attention-tricks.${name}`)
  const seed = seedFrom(BigInt(golden.seed))
  if (name === 'x' || name === 'dy') normalFill(values, where, seed)
  else uniformFill(values, 1 / Math.sqrt(C), where, seed)
  return new Tensor('f64', shape, values)
}

/** Requires each element within `bound`, relative to the larger of 1 and its absolute value. */
function expectNear(what: string, got: ArrayLike<number>, { values }: Values, bound: number): void {
  expect(got).toHaveLength(values.length)
  values.forEach((value, i) => {
    const off = Math.abs(got[i] - value)
    if (!(off <= bound * Math.max(1, Math.abs(value)))) {
      throw new Error(`${what}[${i}]: got ${got[i]}, expected ${value} ± ${bound}`)
    }
  })
}

/** x [B, T, C], matrices [D, C] → one causal head: weights [B, T, T], y [B, T, D] */
function head(x: Tensor, query: Tensor, key: Tensor, value: Tensor) {
  const project = (matrix: Tensor) => matmul(x, matrix, false, true)
  const scores = batchedMatmul(project(query), project(key), false, true)
  const weights = maskedSoftmax(scores, { scale: D ** -0.5 })
  return { weights, y: batchedMatmul(weights, project(value)) }
}

test('random values from the seed', () => {
  expect(Object.keys(golden.sites).map((path) => [path, site(path)])).toEqual(Object.entries(golden.sites))
  for (const [name, { shape, first, sum }] of Object.entries(golden.initial)) {
    const data = Array.from(drawn(name).data)
    // Logarithm, sine and cosine may differ in the last place between libraries.
    expectNear(name, data.slice(0, 4), { shape: [4], values: first }, 1e-7)
    expectNear(`Σ ${name}`, [data.reduce((a, b) => a + b, 0)], { shape, values: [sum] }, 1e-9 * data.length)
  }
})

describe('the mean of the past', () => {
  const x = drawn('x')

  test('by a loop', () => {
    const means: number[] = []
    for (let b = 0; b < B; b++) {
      const sums = new Float64Array(C)
      for (let t = 0; t < T; t++) {
        for (let c = 0; c < C; c++) {
          sums[c] += x.data[(b * T + t) * C + c]
          means.push(sums[c] / (t + 1))
        }
      }
    }
    expectNear('mean', means, expected.runningMean, 1e-11)
  })

  test('by a lower-triangular matrix', () => {
    // The triangle is f32, so its thirds and fifths are rounded.
    const mean = batchedMatmul(trilMean(T), x)
    expect(mean.shape).toEqual(expected.runningMean.shape)
    expectNear('mean', mean.data, expected.runningMean, 1e-6)
  })

  test('by a masked softmax of zeros', () => {
    const zeros = new Tensor('f64', [T, T], new Float64Array(T * T))
    const mean = batchedMatmul(maskedSoftmax(zeros), x)
    expect(mean.shape).toEqual(expected.runningMean.shape)
    expectNear('mean', mean.data, expected.runningMean, 1e-11)
  })
})

test('one causal head', () => {
  const { weights, y } = head(drawn('x'), drawn('query'), drawn('key'), drawn('value'))
  expect([weights.shape, y.shape]).toEqual([expected.weights.shape, expected.y.shape])
  expectNear('weights', weights.data, expected.weights, 1e-10)
  expectNear('y', y.data, expected.y, 1e-10)
})

/**
 * The gradients of Σ dy·y. No op multiplies element by element, but cross_entropy selects elements.
 * Row t of the logits holds y[t]·dy[s] for every s and, after them, y[t]·0. The loss with that last
 * column as the target, minus the loss with column t as the target, is the mean of y[t]·dy[t].
 */
function gradientsOfWeightedSum(trace: Trace, y: Tensor, targets: Tensor[]): Tensor[] {
  const logits = batchedMatmul(y, trace.input('dy and 0', 'f32', [B, T + 1, D]), false, true)
  const by = (target: string, seed: number) =>
    gradients(crossEntropy(logits, trace.input(target, 'i32', [B, T])), targets, seed)
  const diagonal = by('diagonal', -B * T)
  return by('last', B * T).map((gradient, i) => add(gradient, diagonal[i]))
}

/** The inputs of such a Program. */
function record(): Record<string, number[]> {
  const dy = Array.from(drawn('dy').data)
  const of = <V>(part: (b: number) => V[]) => Array.from({ length: B }, (_, b) => part(b)).flat()
  return {
    'dy and 0': of((b) => [...dy.slice(b * T * D, (b + 1) * T * D), ...new Array(D).fill(0)]),
    diagonal: of(() => Array.from({ length: T }, (_, t) => t)),
    last: of(() => new Array(T).fill(T)),
  }
}

function differentiatesAsPyTorch(open: () => Session, bound: number): void {
  test('y and the gradients of Σ dy·y', async () => {
    const session = open()
    const trace = new Trace('attention tricks', { training: true })
    const names = ['x', 'query', 'key', 'value']
    const stores = names.map((name) => trace.store(name, 'f32', drawn(name).shape))
    const [x, query, key, value] = stores
    const { weights, y } = head(x, query, key, value)
    // Results leave through the Store, because outputs are f32.
    const keep = (name: string, tensor: Tensor) =>
      applyInto(copyOp, [tensor], {}, [trace.store(name, 'f32', tensor.shape)])
    gradientsOfWeightedSum(trace, y, stores).forEach((gradient, i) => {
      keep(`gradient/${names[i]}`, gradient)
    })
    keep('weights', weights)
    keep('y', y)
    const program = fuse(trace.finish(), session.fusedOps)
    await allocateStores(session, program)
    for (const name of names) await session.write(name, Float32Array.from(drawn(name).data))
    const { run } = await compiled(session, program)
    await run(record())

    expectNear('weights', await session.read('weights'), expected.weights, bound)
    expectNear('y', await session.read('y'), expected.y, bound)
    for (const name of names) {
      expectNear(
        `gradient of ${name}`,
        await session.read(`gradient/${name}`),
        expected.gradients[name],
        bound,
      )
    }
    await session.dispose()
  })
}

describe('one causal head through a Program, js, float64', () => {
  differentiatesAsPyTorch(() => new JsSession({ precision: 'f64' }), 1e-10)
})

onEveryDevice('one causal head through a Program, float32', ({ open }) => differentiatesAsPyTorch(open, 1e-5))
