// Checks the references, against which every kernel is compared, against independently written
// formulas and known values.

import { type Shape, sizeOf } from '../../lib/graph/dtype'
import type { Attributes } from '../../lib/graph/program'
import { Tensor, tensor } from '../../lib/graph/tensor'
import { Trace } from '../../lib/graph/trace'
import {
  batchedMatmul,
  gelu,
  maskedSoftmax,
  opsByName,
  reluSquared,
  rmsNorm,
  rope,
  softCap,
  swiglu,
  trilMean,
} from '../../lib/ops'
import { keepMask, uniform } from '../../lib/random/philox'
import { Numbers } from '../support/numeric'

const numbers = new Numbers('references')
const floats = (...shape: number[]) => new Tensor('f64', shape, numbers.doubles(sizeOf(shape)))
const f64 = (shape: Shape, ...values: number[]) => new Tensor('f64', shape, Float64Array.from(values))
const i32 = (shape: Shape, ...values: number[]) => new Tensor('i32', shape, Int32Array.from(values))
const rng = (low: number, high: number, draw: number) =>
  new Tensor('u32', [3], Uint32Array.from([low, high, draw]))

/** The op's outputs; floats are float64. */
function run(name: string, inputs: Tensor[], attributes: Attributes = {}): Tensor[] {
  const op = opsByName.get(name)!
  const outputs = op.shape(inputs, attributes).map(({ dtype, shape }, output) => {
    const shared = op.inPlace?.(inputs.length, output) ?? -1
    if (shared >= 0) return inputs[shared]
    const size = sizeOf(shape)
    return new Tensor(dtype, shape, dtype === 'i32' ? new Int32Array(size) : new Float64Array(size))
  })
  op.reference(inputs, outputs, attributes)
  return outputs
}

function expectClose(got: ArrayLike<number>, expected: readonly number[]): void {
  expect(Array.from(got)).toEqual(expected.map((value) => expect.closeTo(value, 11)))
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const range = (length: number) => Array.from({ length }, (_, i) => i)

describe('attention', () => {
  const [B, T, H, D, S] = [2, 4, 3, 2, 6]
  const C = H * D
  const scale = 0.6
  const at = (x: Tensor, b: number, t: number, h: number, d: number) =>
    x.data[(b * x.shape[1] + t) * C + h * D + d]

  /**
   * softmax(scale·q·kᵀ + mask)·v written as in the formula: whole matrices, a mask of −Infinity.
   */
  function naive(q: Tensor, k: Tensor, v: Tensor, start: number, keeps?: (element: number) => number) {
    const keys = k.shape[1]
    const y: number[] = new Array(B * T * C)
    const lse: number[] = []
    for (const b of range(B)) {
      for (const h of range(H)) {
        const scores = range(T).map((t) =>
          range(keys).map((j) =>
            j <= start + t
              ? scale * sum(range(D).map((d) => at(q, b, t, h, d) * at(k, b, j, h, d)))
              : -Infinity,
          ),
        )
        const totals = scores.map((row) => sum(row.map(Math.exp)))
        lse.push(...totals.map(Math.log))
        for (const t of range(T)) {
          for (const d of range(D)) {
            const terms = range(keys).map((j) => {
              const kept = keeps ? keeps(((b * H + h) * T + t) * keys + j) : 1
              return ((kept * Math.exp(scores[t][j])) / totals[t]) * at(v, b, j, h, d)
            })
            y[(b * T + t) * C + h * D + d] = sum(terms)
          }
        }
      }
    }
    return { y, lse }
  }

  test('is causal and separate for each head', () => {
    const [q, k, v] = [floats(B, T, C), floats(B, T, C), floats(B, T, C)]
    const [y, lse] = run('attention', [q, k, v], {
      heads: H,
      kv_heads: H,
      scale,
      dropout: 0,
      site: 0,
      cached: false,
    })
    const expected = naive(q, k, v, 0)
    expectClose(y.data, expected.y)
    expectClose(lse.data, expected.lse)
  })

  test('works on a cache, from any position', () => {
    const [q, k, v] = [floats(B, T, C), floats(B, S, C), floats(B, S, C)]
    for (const start of [0, 1, 2]) {
      const attributes = { heads: H, kv_heads: H, scale, dropout: 0, site: 0, cached: true }
      const [y, lse] = run('attention', [q, k, v, i32([B], start, start), i32([B], 0, 1)], attributes)
      const expected = naive(q, k, v, start)
      expectClose(y.data, expected.y)
      expectClose(lse.data, expected.lse)
    }
  })

  test('drops weights with mask element ((b·H + h)·T + t)·S + j', () => {
    const [q, k, v] = [floats(B, T, C), floats(B, T, C), floats(B, T, C)]
    const mask = new Uint8Array(B * H * T * T)
    keepMask(mask, 0.4, 99, 5, { low: 1, high: 2 })
    const attributes = { heads: H, kv_heads: H, scale, dropout: 0.4, site: 99, cached: false }
    const [y, lse] = run('attention', [q, k, v, rng(1, 2, 5)], attributes)
    const expected = naive(q, k, v, 0, (element) => mask[element] * Math.fround(1 / (1 - 0.4)))
    expectClose(y.data, expected.y)
    expectClose(lse.data, expected.lse)
  })

  test('does not overflow', () => {
    const big = f64([1, 2, 1], 1e4, 1e4)
    const [y, lse] = run('attention', [big, big, f64([1, 2, 1], 2, 4)], {
      heads: 1,
      kv_heads: 1,
      scale: 1,
      dropout: 0,
      site: 0,
      cached: false,
    })
    expectClose(y.data, [2, 3])
    expectClose(lse.data, [1e8, 1e8 + Math.log(2)])
  })
})

test('layer_norm: mean 0 and variance 1, then gain and bias', () => {
  const [x, gain, bias] = [floats(3, 5), floats(5), floats(5)]
  const [y, mean, rstd] = run('layer_norm', [x, gain, bias], { epsilon: 0.1 })
  for (const row of range(3)) {
    const values = Array.from(x.data.subarray(row * 5, row * 5 + 5))
    const average = sum(values) / 5
    // E[x²] − E[x]², not Σ(x − mean)².
    const variance = sum(values.map((value) => value * value)) / 5 - average * average
    expectClose([mean.data[row], rstd.data[row]], [average, (variance + 0.1) ** -0.5])
    const expected = values.map(
      (v, c) => ((v - average) / Math.sqrt(variance + 0.1)) * gain.data[c] + bias.data[c],
    )
    expectClose(y.data.subarray(row * 5, row * 5 + 5), expected)
  }
})

describe('rms_norm', () => {
  test('divides each group by its root mean square and multiplies by the shared gain', () => {
    const [x, gain] = [floats(2, 3, 6), floats(3)]
    const [y, rstd] = run('rms_norm', [x, gain], { groups: 2, epsilon: 0.1 })
    expect(rstd.shape).toEqual([2, 3, 2])
    for (const group of range(12)) {
      const values = Array.from(x.data.subarray(group * 3, group * 3 + 3))
      const scale = (sum(values.map((value) => value * value)) / 3 + 0.1) ** -0.5
      expectClose([rstd.data[group]], [scale])
      expectClose(
        y.data.subarray(group * 3, group * 3 + 3),
        values.map((value, c) => value * scale * gain.data[c]),
      )
    }
  })

  test('a group is a separate row; the default gain is 1', () => {
    const x = floats(2, 3, 6)
    const apart = rmsNorm(new Tensor('f64', [2, 3, 3, 2], x.data))
    expect(Array.from(rmsNorm(x, { groups: 3 }).data)).toEqual(Array.from(apart.data))
    expect(Array.from(rmsNorm(x, { groups: 3, gain: f64([2], 1, 1) }).data)).toEqual(Array.from(apart.data))
  })

  test('invalid groups, gains and epsilons', () => {
    expect(() => rmsNorm(floats(2, 6), { groups: 4 })).toThrow(
      'rms_norm: 6 channels do not divide into 4 groups',
    )
    for (const groups of [0, -1, 1.5]) expect(() => rmsNorm(floats(6), { groups })).toThrow(/do not divide/)
    expect(() => rmsNorm(floats(2, 6), { groups: 2, gain: floats(6) })).toThrow(/gain must have shape \[3\]/)
    for (const epsilon of [0, -1, NaN, Infinity, 1e-50])
      expect(() => rmsNorm(floats(6), { epsilon })).toThrow(`positive and finite, not ${epsilon}`)
    expect(() => rmsNorm(floats())).toThrow(/at least one dimension/)
  })
})

describe('rope', () => {
  const at = (...positions: number[]) => i32([positions.length], ...positions)

  test('rotates channels i and i + D/2, more slowly for larger i', () => {
    // One head of 4: angles 3·100^0 and 3·100^(−1/2).
    const y = rope(f64([1, 1, 4], 1, 0, 0, 2), at(3), { heads: 1, base: 100 })
    expectClose(y.data, [Math.cos(3), -2 * Math.sin(0.3), Math.sin(3), 2 * Math.cos(0.3)])
  })

  test('position 0 is unchanged, and the inverse rotates back', () => {
    const x = floats(2, 3, 12)
    expect(Array.from(rope(x, at(0, 0, 0), { heads: 3 }).data)).toEqual(Array.from(x.data))
    const turned = rope(x, at(5, 60, 700), { heads: 3 })
    expectClose(rope(turned, at(5, 60, 700), { heads: 3, inverse: true }).data, Array.from(x.data))
  })

  test('the product of a query and a key depends only on their distance', () => {
    const [q, k] = [floats(1, 1, 8), floats(1, 1, 8)]
    const product = (query: number, key: number) => {
      const [a, b] = [rope(q, at(query), { heads: 1 }), rope(k, at(key), { heads: 1 })]
      return sum(range(8).map((d) => a.data[d] * b.data[d]))
    }
    expectClose([product(17, 4), product(1013, 1000)], [product(13, 0), product(13, 0)])
  })

  test('positions for each token, or shared by all sequences', () => {
    const x = floats(2, 2, 4)
    const each = rope(x, i32([2, 2], 3, 4, 3, 4), { heads: 2 })
    expect(Array.from(each.data)).toEqual(Array.from(rope(x, at(3, 4), { heads: 2 }).data))
  })

  test('invalid arguments', () => {
    expect(() => rope(floats(1, 2, 6), at(0, 1), { heads: 2 })).toThrow('size of a head must be even, not 3')
    expect(() => rope(floats(1, 2, 6), at(0, 1), { heads: 4 })).toThrow(/do not divide into 4 heads/)
    expect(() => rope(floats(1, 2, 6), at(0), { heads: 3 })).toThrow(/positions must have shape \[2\]/)
    expect(() => rope(floats(2, 2, 6), i32([1, 2], 0, 1), { heads: 3 })).toThrow(/shape \[2, 2\]/)
    expect(() => rope(floats(2, 6), at(0, 1), { heads: 3 })).toThrow(/\[B, T, C\]/)
    for (const base of [0, 0.5, NaN, Infinity])
      expect(() => rope(floats(1, 2, 6), at(0, 1), { heads: 1, base })).toThrow(
        `at least 1 and finite, not ${base}`,
      )
    for (const position of [-1, 2 ** 24])
      expect(() => rope(floats(1, 2, 6), at(0, position), { heads: 1 })).toThrow(`position 1 is ${position}`)
  })
})

describe('activations', () => {
  test('gelu: x·Φ(x), accurate on both sides', () => {
    // Φ from tables of the normal distribution.
    const known = [
      [0, 0.5],
      [1, 0.8413447460685429],
      [-1, 0.15865525393145707],
      [-2.9, 0.0018658133003840378],
      [3.1, 0.9990323967867817],
      [-5, 2.866515718791939e-7],
      [-10, 7.619853024160527e-24],
    ]
    for (const [x, share] of known) {
      const y = gelu(f64([1], x)).data[0]
      expect(Math.abs(y - x * share)).toBeLessThanOrEqual(1e-12 * Math.abs(x * share))
    }
  })

  test('gelu with tanh, in the order of its formula', () => {
    const x = floats(50)
    const expected = Array.from(
      x.data,
      (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
    )
    expectClose(gelu(x, { tanh: true }).data, expected)
  })

  test('relu_squared, swiglu and soft_cap: known values', () => {
    expectClose(reluSquared(f64([4], -2, 0, 1.5, 3)).data, [0, 0, 2.25, 9])
    expectClose(swiglu(f64([3], 1, -1, 0), f64([3], 2, 3, 4)).data, [
      2 / (1 + Math.exp(-1)),
      -3 / (1 + Math.E),
      0,
    ])
    expectClose(softCap(f64([3], 0, 15, -1e9), 15).data, [0, 15 * Math.tanh(1), -15])
    expect(reluSquared(f64([1], NaN)).data[0]).toBeNaN()
  })

  test('invalid arguments', () => {
    expect(() => swiglu(floats(2, 3), floats(3, 2))).toThrow('swiglu: up must have shape [2, 3], not [3, 2]')
    for (const cap of [0, -1, NaN, Infinity, 1e50])
      expect(() => softCap(floats(2), cap)).toThrow(`cap must be positive and finite, not ${cap}`)
  })
})

test('cross_entropy: −log of the softmax of the target, and its gradient', () => {
  const logits = floats(3, 4)
  const targets = [2, 0, 3]
  const [loss, lse] = run('cross_entropy', [logits, i32([3], ...targets)])
  const softmax = range(3).map((row) => {
    const exponentials = range(4).map((i) => Math.exp(logits.data[row * 4 + i]))
    return exponentials.map((e) => e / sum(exponentials))
  })
  expectClose(loss.data, [-sum(softmax.map((row, i) => Math.log(row[targets[i]]))) / 3])
  const gradient = run('cross_entropy_backward', [logits, i32([3], ...targets), lse, f64([], 1.5)])[0]
  expectClose(
    gradient.data,
    softmax.flatMap((row, r) => row.map((p, i) => ((p - (i === targets[r] ? 1 : 0)) / 3) * 1.5)),
  )
})

test('cross_entropy: known values', () => {
  expectClose(run('cross_entropy', [f64([2, 2], 0, 0, 1000, 0), i32([2], 1, 0)])[0].data, [Math.log(2) / 2])
  expectClose(run('cross_entropy', [f64([1, 3], 5, 5, 5), i32([1], 2)])[0].data, [Math.log(3)])
})

test('adamw: two steps by hand', () => {
  const [p, m, v] = [f64([1], 1), f64([1], 0), f64([1], 0)]
  const attributes = { beta1: 0.9, beta2: 0.99, epsilon: 0.001, weight_decay: 0.1 }
  const step = (count: number, gradient: number) =>
    run('adamw', [i32([], count), f64([], 0.01), f64([], 0.5), p, f64([1], gradient), m, v], attributes)
  // g = 0.5·2 = 1: m = 0.1, v = 0.01, both 1 after bias correction.
  step(1, 2)
  expectClose([m.data[0], v.data[0], p.data[0]], [0.1, 0.01, 1 * (1 - 0.001) - 0.01 / 1.001])
  // g = −2: m = 0.09 − 0.2 = −0.11, divided by 0.19; v = 0.0099 + 0.04 = 0.0499, divided by 0.0199.
  const before = 0.999 - 0.01 / 1.001
  step(2, -4)
  const update = (0.01 * (-0.11 / 0.19)) / (Math.sqrt(0.0499 / 0.0199) + 0.001)
  expectClose([m.data[0], v.data[0], p.data[0]], [-0.11, 0.0499, before * 0.999 - update])
})

test('sgd: two steps by hand, plain and Nesterov', () => {
  for (const nesterov of [false, true]) {
    const [p, m] = [f64([1], 1), f64([1], 0)]
    const attributes = { momentum: 0.9, nesterov, weight_decay: 0.1 }
    const step = (gradient: number) =>
      run('sgd', [f64([], 0.01), f64([], 0.5), p, f64([1], gradient), m], attributes)
    // g = 0.5·2 + 0.1 = 1.1, and m = g.
    step(2)
    const first = 1 - 0.01 * (nesterov ? 1.1 + 0.9 * 1.1 : 1.1)
    expectClose([m.data[0], p.data[0]], [1.1, first])
    // g = −2 + 0.1·p, m = 0.9·1.1 + g.
    step(-4)
    const [g] = [-2 + 0.1 * first]
    expectClose(
      [m.data[0], p.data[0]],
      [0.99 + g, first - 0.01 * (nesterov ? g + 0.9 * (0.99 + g) : 0.99 + g)],
    )
  }
})

test('muon: on a diagonal each singular value changes separately', () => {
  const [p, m] = [f64([3, 2], 1, 0, 0, 2, 0, 0), f64([3, 2], 0, 0, 0, 0, 0, 0)]
  const gradient = f64([3, 2], 6, 0, 0, 8, 0, 0)
  const inputs = [f64([], 0.1), f64([], 0.5), f64([], 0.5), p, gradient, m]
  run('muon', inputs, { iterations: 2, weight_decay: 0.3 })
  // g = (3, 4), m = g, u = g + m/2 = (4.5, 6), of norm 7.5.
  const iterate = (x: number) => 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5
  const twice = (x: number) => iterate(iterate(x / (7.5 + 1e-7)))
  const rate = 0.1 * Math.sqrt(3 / 2)
  expectClose(m.data, [3, 0, 0, 4, 0, 0])
  expectClose(p.data, [0.97 - rate * twice(4.5), 0, 0, 2 * 0.97 - rate * twice(6), 0, 0])
})

test('ema: moves a fraction of the way', () => {
  const average = f64([2], 1, 2)
  run('ema', [f64([], 0.75), average, f64([2], 5, -2)])
  expectClose(average.data, [2, 1])
})

describe('sample', () => {
  const draw = (logits: Tensor, temperature: number, topK: number) => {
    const rows = range(logits.shape[0])
    const keys = new Tensor('u32', [rows.length, 3], Uint32Array.from(rows.flatMap((row) => [1, 2, row])))
    const how = [f64([], temperature), i32([], topK), f64([], 1), f64([], 0)]
    return Array.from(run('sample', [logits, ...how, keys], { site: 42 })[0].data)
  }

  test('temperature 0 selects the first of the largest', () => {
    expect(draw(f64([3, 4], 1, 3, 3, 0, -1, -1, -1, -1, 0, 0, 0, 1), 0, 0)).toEqual([1, 0, 3])
  })

  test('inverts the cumulative sum, in index order', () => {
    const logits = floats(50, 7)
    const tokens = draw(logits, 0.7, 0)
    tokens.forEach((token, row) => {
      const weights = range(7).map((i) => Math.exp(logits.data[row * 7 + i] / 0.7))
      const u = uniform(0, 42, row, { low: 1, high: 2 })
      const below = sum(weights.slice(0, token)) / sum(weights)
      const upTo = sum(weights.slice(0, token + 1)) / sum(weights)
      expect(below <= u && u < upTo).toBe(true)
    })
  })

  test('keeps the top_k largest, and ties at the threshold', () => {
    const row = [0, 2, 1, 2, 1, -1]
    const seen = (topK: number) => {
      const logits = f64([400, 6], ...range(400).flatMap(() => row))
      return [...new Set(draw(logits, 1, topK))].sort()
    }
    expect(seen(1)).toEqual([1, 3])
    expect(seen(2)).toEqual([1, 3])
    expect(seen(3)).toEqual([1, 2, 3, 4])
    expect(seen(5)).toEqual([0, 1, 2, 3, 4])
    expect(seen(0)).toEqual(range(6))
    expect(seen(6)).toEqual(range(6))
  })

  test('draws each token with its probability', () => {
    const row = [0, 1, -1, 0.5]
    const count = 20000
    const tokens = draw(f64([count, 4], ...range(count).flatMap(() => row)), 2, 0)
    const weights = row.map((x) => Math.exp(x / 2))
    row.forEach((_, i) => {
      const p = weights[i] / sum(weights)
      const seen = tokens.filter((token) => token === i).length
      // Five standard deviations.
      expect(Math.abs(seen - count * p)).toBeLessThan(5 * Math.sqrt(count * p * (1 - p)))
    })
  })
})

test('dropout: kept elements are scaled, others are 0', () => {
  const x = floats(3, 7)
  const mask = new Uint8Array(21)
  keepMask(mask, 0.3, 8, 4, { low: 5, high: 6 })
  const [y] = run('dropout', [x, rng(5, 6, 4)], { p: 0.3, site: 8 })
  expectClose(
    y.data,
    range(21).map((i) => mask[i] * x.data[i] * Math.fround(1 / (1 - 0.3))),
  )
  const residual = floats(3, 7)
  const [z] = run('dropout_add', [x, rng(5, 6, 4), residual], { p: 0.3, site: 8 })
  expectClose(
    z.data,
    range(21).map((i) => y.data[i] + residual.data[i]),
  )
})

test('matmul: every transpose', () => {
  const [M, K, N] = [2, 3, 4]
  const [a, b] = [floats(M, K), floats(K, N)]
  const transposed = (x: Tensor) => {
    const [rows, columns] = x.shape
    const values = range(columns).flatMap((c) => range(rows).map((r) => x.data[r * columns + c]))
    return f64([columns, rows], ...values)
  }
  const expected = range(M).flatMap((m) =>
    range(N).map((n) => sum(range(K).map((k) => a.data[m * K + k] * b.data[k * N + n]))),
  )
  for (const transpose_a of [false, true]) {
    for (const transpose_b of [false, true]) {
      const inputs = [transpose_a ? transposed(a) : a, transpose_b ? transposed(b) : b]
      const [y] = run('matmul', inputs, { transpose_a, transpose_b })
      expect(y.shape).toEqual([M, N])
      expectClose(y.data, expected)
    }
  }
})

describe('batched_matmul', () => {
  test('multiplies matrices pairwise, with every transpose', () => {
    const a = f64([2, 1, 2], 1, 2, 3, 4)
    const b = f64([2, 2, 2], 1, 2, 3, 4, 5, 6, 7, 8)
    const product = (a: Tensor, b: Tensor, transpose_a: boolean, transpose_b: boolean) =>
      run('batched_matmul', [a, b], { transpose_a, transpose_b })[0]
    // [1 2]·[1 2; 3 4] and [3 4]·[5 6; 7 8].
    const y = product(a, b, false, false)
    expect(y.shape).toEqual([2, 1, 2])
    expect(Array.from(y.data)).toEqual([7, 10, 43, 50])
    // [1 2]·[1 3; 2 4] and [3 4]·[5 7; 6 8].
    expect(Array.from(product(a, b, false, true).data)).toEqual([5, 11, 39, 53])
    const columns = f64([2, 2, 1], 1, 2, 3, 4)
    expect(Array.from(product(columns, b, true, false).data)).toEqual([7, 10, 43, 50])
    expect(Array.from(product(columns, b, true, true).data)).toEqual([5, 11, 39, 53])
  })

  test('an operand of rank 2 is shared', () => {
    const attributes = { transpose_a: false, transpose_b: false }
    const twice = f64([2, 2], 2, 0, 0, 1)
    const x = f64([2, 2, 1], 1, 2, 3, 4)
    const left = run('batched_matmul', [twice, x], attributes)[0]
    expect([left.shape, Array.from(left.data)]).toEqual([
      [2, 2, 1],
      [2, 2, 6, 4],
    ])
    const right = run('batched_matmul', [f64([2, 1, 2], 1, 2, 3, 4), twice], attributes)[0]
    expect([right.shape, Array.from(right.data)]).toEqual([
      [2, 1, 2],
      [2, 2, 6, 4],
    ])
  })

  test('operands with mismatched shapes', () => {
    const refused = (a: number[], b: number[]) => () => batchedMatmul(floats(...a), floats(...b))
    expect(refused([2, 3, 4], [2, 5, 6])).toThrow('batched_matmul: inner sizes differ: [3, 4] · [5, 6]')
    expect(refused([2, 3, 4], [3, 4, 5])).toThrow(/leading dimensions of \[2,3,4\] and \[3,4,5\] differ/)
    expect(refused([2, 1, 3, 4], [2, 4, 5])).toThrow(/leading dimensions/)
    expect(refused([4], [2, 4, 5])).toThrow(/two dimensions/)
  })
})

describe('masked_softmax', () => {
  test('known values: columns that a row does not see have no weight', () => {
    const x = tensor([
      [5, 9],
      [0, Math.log(3)],
    ])
    expect(maskedSoftmax(x).toArray()).toEqual([
      [1, 0],
      [expect.closeTo(0.25, 6), expect.closeTo(0.75, 6)],
    ])
  })

  test('more columns than rows: the last row sees them all', () => {
    const [y] = run('masked_softmax', [f64([2, 3], 0, 0, NaN, 0, 1, 2)], { scale: 2 })
    const total = 1 + Math.exp(2) + Math.exp(4)
    expectClose(y.data, [0.5, 0.5, 0, 1 / total, Math.exp(2) / total, Math.exp(4) / total])
  })

  test('does not overflow', () => {
    const [y] = run('masked_softmax', [f64([1, 3], 1e4, 1e4, -1e4)], { scale: 1 })
    expectClose(y.data, [0.5, 0.5, 0])
  })

  test('its gradient, by hand', () => {
    const dy = f64([2, 2], 3, NaN, 1, 2)
    const [dx] = run('masked_softmax_backward', [f64([2, 2], 1, 0, 0.25, 0.75), dy], { scale: 2 })
    // Σ y·dy = 1.75: 2·0.25·(1 − 1.75) and 2·0.75·(2 − 1.75).
    expect(Array.from(dx.data)).toEqual([0, 0, -0.375, 0.375])
  })

  test('invalid shapes and scales', () => {
    expect(() => maskedSoftmax(floats(2, 3, 2))).toThrow(/S at least T, not \[2,3,2\]/)
    expect(() => maskedSoftmax(floats(3))).toThrow(/S at least T/)
    for (const scale of [0, -1, Infinity, NaN, 1e-50, 1e50]) {
      expect(() => maskedSoftmax(floats(2, 2), { scale })).toThrow(`positive and finite, not ${scale}`)
    }
  })
})

describe('tril_mean', () => {
  test('weights the past equally', () => {
    expect(trilMean(3).dtype).toBe('f32')
    expect(trilMean(3).toArray()).toEqual([
      [1, 0, 0],
      [0.5, 0.5, 0],
      [Math.fround(1 / 3), Math.fround(1 / 3), Math.fround(1 / 3)],
    ])
    expect(trilMean(1).toArray()).toEqual([[1]])
    for (const length of [0, -1, 1.5, NaN]) expect(() => trilMean(length)).toThrow(/at least 1/)
  })

  test('is recorded in a trace', () => {
    const trace = new Trace('means')
    const y = batchedMatmul(trilMean(4, trace), trace.input('x', 'f32', [2, 4, 3]))
    expect(y.shape).toEqual([2, 4, 3])
    expect(trace.ops.map(({ op }) => op)).toEqual(['tril_mean', 'batched_matmul'])
    expect(trace.ops[0].attributes).toEqual({ length: 4 })
  })

  test('multiplied by x it is the mean of the past', () => {
    const x = floats(2, 4, 3)
    const y = batchedMatmul(trilMean(4), x)
    for (const b of range(2)) {
      for (const t of range(4)) {
        for (const c of range(3)) {
          const past = range(t + 1).map((j) => x.data[(b * 4 + j) * 3 + c])
          // The weights are f32.
          expect(y.data[(b * 4 + t) * 3 + c]).toBeCloseTo(sum(past) / (t + 1), 6)
        }
      }
    }
  })
})

test('clip_scale, global_norm and sum_leading', () => {
  expectClose(run('global_norm', [f64([2], 3, 0), f64([], 4)])[0].data, [5])
  expectClose(run('clip_scale', [f64([], 5)], { max_norm: 1 })[0].data, [1 / (5 + 1e-6)])
  expectClose(run('clip_scale', [f64([], 0.5)], { max_norm: 1 })[0].data, [1])
  expectClose(run('clip_scale', [f64([], Infinity)], { max_norm: Infinity })[0].data, [1])
  expectClose(run('sum_leading', [f64([2, 3], 1, 2, 3, 10, 20, 30)], { rank: 1 })[0].data, [11, 22, 33])
  expectClose(run('sum_leading', [f64([2, 3], 1, 2, 3, 10, 20, 30)], { rank: 0 })[0].data, [66])
})
