// Gradients of composed functions, in float64, against central differences.

import { JsSession } from '../../lib/backend/js/session'
import { NanoGptError } from '../../lib/errors'
import { sizeOf } from '../../lib/graph/dtype'
import { Tensor, tensor } from '../../lib/graph/tensor'
import { Trace } from '../../lib/graph/trace'
import {
  add,
  attention,
  copy,
  crossEntropy,
  dropout,
  embedding,
  fill,
  globalNorm,
  layerNorm,
  matmul,
  relu,
  requireFinite,
  zero,
} from '../../lib/ops'
import { copyOp } from '../../lib/ops/copy'
import { applyInto } from '../../lib/ops/op'
import { gradients } from '../../lib/passes/autodiff'
import { compiled } from '../support/models'
import { Numbers } from '../support/numeric'

/** Integer inputs of a function: constants of the eager call, inputs of the Program. */
type Integers = Record<string, { dtype: 'i32' | 'u32'; shape: number[]; values: number[] }>
type Loss = (x: Record<string, Tensor>) => Tensor

interface Function {
  shapes: Record<string, number[]>
  integers: Integers
  loss: Loss
}

const targets = (...shape: number[]): Integers => ({
  targets: { dtype: 'i32', shape, values: Array.from({ length: sizeOf(shape) }, (_, i) => (i * 2 + 1) % 3) },
})

/** The loss and the gradients of all tensors in `shapes`, from a Program run in float64. */
async function byAutodiff(
  { shapes, integers, loss }: Function,
  values: Record<string, Float64Array>,
  seed?: number,
) {
  const session = new JsSession({ precision: 'f64' })
  const trace = new Trace('gradients', { training: true })
  const stores = Object.entries(shapes).map(([name, shape]) => trace.store(name, 'f32', shape))
  const inputs = Object.entries(integers).map(([name, { dtype, shape }]) => [
    name,
    trace.input(name, dtype, shape),
  ])
  const value = loss({
    ...Object.fromEntries(Object.keys(shapes).map((name, i) => [name, stores[i]])),
    ...Object.fromEntries(inputs),
  })
  // Results leave through the Store, because outputs are f32.
  gradients(value, stores, seed).forEach((gradient, i) => {
    const name = `gradient/${Object.keys(shapes)[i]}`
    applyInto(copyOp, [gradient], {}, [trace.store(name, 'f32', stores[i].shape)])
  })
  applyInto(copyOp, [value], {}, [trace.store('loss', 'f32', [])])
  const program = trace.finish()
  for (const { name, role, dtype, shape } of program.buffers)
    if (role === 'store') await session.allocate(name, dtype, shape)
  for (const [name, data] of Object.entries(values)) await session.write(name, data)
  const { run } = await compiled(session, program)
  await run(Object.fromEntries(Object.entries(integers).map(([name, { values }]) => [name, values])))
  const results: Record<string, ArrayLike<number>> = {}
  for (const name of Object.keys(shapes)) results[name] = await session.read(`gradient/${name}`)
  return { loss: (await session.read('loss'))[0], gradients: results }
}

function eagerly({ shapes, integers, loss }: Function, values: Record<string, Float64Array>): number {
  const floats = Object.entries(shapes).map(([name, shape]) => [name, new Tensor('f64', shape, values[name])])
  const whole = Object.entries(integers).map(([name, { dtype, shape, values }]) => {
    return [name, tensor(dtype === 'i32' ? Int32Array.from(values) : Uint32Array.from(values), dtype, shape)]
  })
  return loss(Object.fromEntries([...floats, ...whole])).item()
}

async function check(f: Function, name: string, seed?: number): Promise<void> {
  const numbers = new Numbers(name)
  const values = Object.fromEntries(
    Object.entries(f.shapes).map(([key, shape]) => [key, numbers.doubles(sizeOf(shape), -1.5, 1.5)]),
  )
  const result = await byAutodiff(f, values, seed)
  expect(result.loss).toBeCloseTo(eagerly(f, values), 12)
  const h = 1e-5
  for (const [key, gradient] of Object.entries(result.gradients)) {
    let largest = 0
    for (let i = 0; i < gradient.length; i++) {
      const at = (delta: number) => {
        const moved = values[key].slice()
        moved[i] += delta
        return eagerly(f, { ...values, [key]: moved })
      }
      const expected = ((at(h) - at(-h)) / (2 * h)) * (seed ?? 1)
      largest = Math.max(largest, Math.abs(expected))
      if (!(Math.abs(gradient[i] - expected) < 1e-8)) {
        throw new Error(`d/d${key}[${i}]: got ${gradient[i]}, expected ${expected}`)
      }
    }
    // A loss that does not change would prove nothing.
    expect(largest).toBeGreaterThan(1e-4)
  }
}

const functions: Record<string, Function> = {
  'a tensor used four times': {
    shapes: { x: [2, 3] },
    integers: targets(2),
    loss: ({ x, targets }) => crossEntropy(add(add(x, x), add(relu(x), x)), targets),
  },
  'both operands of one op': {
    shapes: { x: [3, 3] },
    integers: targets(3),
    loss: ({ x, targets }) => crossEntropy(matmul(matmul(x, x), x, true, true), targets),
  },
  'all transposes': {
    shapes: { a: [2, 3], b: [3, 4], c: [5, 4], d: [2, 5], e: [5, 2] },
    integers: targets(5),
    loss: ({ a, b, c, d, e, targets }) => {
      const x = matmul(matmul(a, b), c, false, true)
      return crossEntropy(matmul(add(x, d), e, true, true), targets)
    },
  },
  'queries, keys and values that are one tensor': {
    shapes: { x: [2, 4, 6] },
    integers: targets(2, 4),
    loss: ({ x, targets }) => crossEntropy(attention(x, x, x, { heads: 3 }), targets),
  },
  'a bias that is added at two depths': {
    shapes: { x: [2, 3, 4], b: [4] },
    integers: targets(2, 3),
    loss: ({ x, b, targets }) => crossEntropy(add(relu(add(x, b)), b), targets),
  },
  'a table that embeds and projects': {
    shapes: { table: [3, 5] },
    integers: { ...targets(2, 4), tokens: { dtype: 'i32', shape: [2, 4], values: [0, 1, 2, 1, 1, 0, 0, 2] } },
    loss: ({ table, tokens, targets }) =>
      crossEntropy(matmul(embedding(tokens, table), table, false, true), targets),
  },
  'norms over norms': {
    shapes: { x: [2, 2, 4], gain: [4], bias: [4] },
    integers: targets(2, 2),
    loss: ({ x, gain, bias, targets }) => {
      const once = layerNorm(x, gain, bias)
      return crossEntropy(layerNorm(add(once, x), gain, bias), targets)
    },
  },
  'dropout of what dropout left': {
    shapes: { x: [3, 4] },
    integers: { ...targets(3), rng: { dtype: 'u32', shape: [3], values: [1, 2, 3] } },
    loss: ({ x, rng, targets }) =>
      crossEntropy(add(dropout(relu(dropout(x, rng, 0.3, 1)), rng, 0.3, 2), x), targets),
  },
  'passing through copy and require_finite': {
    shapes: { x: [2, 3] },
    integers: targets(2),
    loss: ({ x, targets }) => requireFinite(crossEntropy(copy(x), targets)),
  },
}

test.each(Object.keys(functions))('%s', (name) => check(functions[name], name))

test('the gradient of the loss scales all others', () => check(functions['norms over norms'], 'seed', -0.375))

describe('random graphs', () => {
  /** Ten ops on [2, 3, 4], each on any of the earlier results. */
  function randomGraph(name: string): Function {
    const shapes = { x: [2, 3, 4], y: [2, 3, 4], w: [4, 4], b: [4] }
    const loss: Loss = ({ x, y, w, b, rng, targets }) => {
      const numbers = new Numbers(name)
      const found = [x, y]
      const any = () => numbers.pick(found)
      for (let i = 0; i < 10; i++) {
        const next = numbers.pick<() => Tensor>([
          () => add(any(), any()),
          () => add(any(), b),
          () => relu(any()),
          () => matmul(any(), w, false, numbers.word() % 2 === 0),
          () => layerNorm(any(), b, b),
          () => attention(any(), any(), any(), { heads: 2, dropout: 0.25, site: i, rng }),
          () => dropout(any(), rng, 0.25, i),
        ])
        found.push(next())
      }
      // Every result contributes to the loss.
      const sum = found.reduce((total, tensor) => add(total, tensor))
      return crossEntropy(layerNorm(matmul(sum, w), b, b), targets)
    }
    return {
      shapes,
      integers: { ...targets(2, 3), rng: { dtype: 'u32', shape: [3], values: [7, 8, 9] } },
      loss,
    }
  }

  test.each(Array.from({ length: 25 }, (_, i) => `graph ${i}`))('%s', (name) =>
    check(randomGraph(name), name),
  )
})

describe('an intermediate result', () => {
  test('can be a target', async () => {
    const trace = new Trace('intermediate')
    const x = trace.input('x', 'f32', [2, 2])
    const y = relu(x)
    const loss = crossEntropy(add(y, y), trace.input('targets', 'i32', [2]))
    const [dloss, dy, dx] = gradients(loss, [loss, y, x])
    trace.output('dloss', dloss)
    trace.output('dy', copy(dy))
    trace.output('dx', dx)
    const { run } = await compiled(new JsSession(), trace.finish())
    const results = await run({ x: [1, 1, -1, 2], targets: [0, 1] })
    expect(results.dloss[0]).toBe(1)
    expect(Array.from(results.dy.subarray(0, 2))).toEqual([-0.5, 0.5])
    expect(Array.from(results.dx)).toEqual([-0.5, 0.5, 0, results.dy[3]])
  })
})

describe('missing gradients', () => {
  const trace = () => {
    const trace = new Trace('t')
    const x = trace.input('x', 'f32', [2, 3])
    return {
      trace,
      x,
      other: trace.input('other', 'f32', [2, 3]),
      targets: trace.input('targets', 'i32', [2]),
    }
  }

  test('the loss does not depend on the target', () => {
    const { x, other, targets } = trace()
    const loss = crossEntropy(x, targets)
    expect(() => gradients(loss, [x, other])).toThrow(NanoGptError)
    expect(() => gradients(loss, [x, other])).toThrow(/does not depend on/)
    // A result that the loss does not use doesn't matter.
    relu(other)
    expect(() => gradients(loss, [other])).toThrow(/does not depend on/)
  })

  test('an op without a rule fails only if the loss depends on it', () => {
    const { x, targets } = trace()
    const norm = globalNorm([x])
    expect(() => gradients(norm, [x])).toThrow('global_norm has no gradient rule')
    expect(gradients(crossEntropy(x, targets), [x])).toHaveLength(1)
  })

  test('an op without a rule is allowed where no target affects it', () => {
    const { trace: t, x, other, targets } = trace()
    const norm = globalNorm([other])
    const loss = crossEntropy(add(add(x, fill([2, 3], 1, t)), norm), targets)
    expect(gradients(loss, [x])).toHaveLength(1)
    expect(() => gradients(loss, [other])).toThrow('global_norm has no gradient rule')
  })

  test('attention over a cache', () => {
    const { trace: t, targets } = trace()
    const q = t.input('q', 'f32', [1, 2, 3])
    const k = t.input('k', 'f32', [1, 5, 3])
    const cache = { start: t.input('start', 'i32', [1]), slot: t.input('slot', 'i32', [1]) }
    const y = attention(q, k, k, { heads: 1, cache })
    expect(() => gradients(crossEntropy(y, t.input('t', 'i32', [1, 2])), [q])).toThrow(
      /cache has no gradient/,
    )
    expect(targets.shape).toEqual([2])
  })

  test('an op in place', () => {
    const { trace: t } = trace()
    const w = t.store('w', 'f32', [])
    zero([w])
    expect(() => gradients(w, [w])).toThrow(/no gradient rule/)
  })

  test('an eager loss', () => {
    const loss = crossEntropy(tensor([[1, 2]]), tensor(Int32Array.from([0]), 'i32'))
    expect(() => gradients(loss, [loss])).toThrow('part of a trace')
  })
})
