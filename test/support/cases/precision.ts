// Programs in precisions other than f32: cast; products in tf32; and every op that may have bf16
// tensors, with some of them.

import type { Dtype, Shape } from '../../../lib/graph/dtype'
import type { Attributes, Buffer } from '../../../lib/graph/program'
import { fromBf16Bits } from '../../../lib/graph/rounding'
import { opsByName } from '../../../lib/ops'
import { layerNormOp } from '../../../lib/ops/layer_norm'
import type { Bf16 } from '../../../lib/ops/op'
import { rmsNormOp } from '../../../lib/ops/rms_norm'
import { type Case, type CaseOptions, type Given, opCase } from '../case'
import { bf16, edges, floats, given, integers, outputsOf, replaced, rng, scalar } from './values'

export function precisionCases(): Case[] {
  return [
    ...casts(),
    ...elementwise(),
    ...adds(),
    ...sums(),
    ...ropes(),
    ...layerNorms(),
    ...rmsNorms(),
    ...crossEntropies(),
    ...products(),
    ...batchedProducts(),
    gainOfTheSameBytes(),
  ]
}

/** The op with some of its tensors in bf16, given by index. */
function withBf16(
  op: string,
  variant: string,
  inputs: readonly Given[],
  attributes: Attributes,
  places: Required<Pick<Bf16, 'inputs' | 'outputs'>>,
  options: CaseOptions = {},
): Case {
  const [xs, ys] = [places.inputs.map((i) => `x${i}`), places.outputs.map((i) => `y${i}`)]
  const chosen = inputs.map((input, i) => (places.inputs.includes(i) ? bf16(input) : input))
  const name = `${variant}, bf16 ${[...xs, ...ys].join(' ')}`
  return opCase(op, name, chosen, attributes, { ...options, bf16: places.outputs })
}

/** The tensors in `list` that may be bf16. */
function slotsOf(op: string): Required<Pick<Bf16, 'inputs' | 'outputs'>> {
  const { inputs = [], outputs = [] } = opsByName.get(op)!.bf16 as Bf16
  return { inputs, outputs }
}

/** With all of them in bf16. */
function inBf16(op: string, variant: string, inputs: readonly Given[], attributes: Attributes = {}): Case {
  return withBf16(op, variant, inputs, attributes, slotsOf(op))
}

/** With every non-empty subset of them in bf16. */
function mixed(
  op: string,
  variant: string,
  inputs: readonly Given[],
  attributes: Attributes = {},
  options?: CaseOptions,
): Case[] {
  const all = slotsOf(op)
  const count = all.inputs.length + all.outputs.length
  return Array.from({ length: 2 ** count - 1 }, (_, i) => {
    const isChosen = (place: number) => (((i + 1) >> place) & 1) === 1
    const places = {
      inputs: all.inputs.filter((_, place) => isChosen(place)),
      outputs: all.outputs.filter((_, place) => isChosen(all.inputs.length + place)),
    }
    return withBf16(op, variant, inputs, attributes, places, options)
  })
}

/** f32 values that bf16 can represent. */
function coarse(operand: Given): Given {
  return { ...operand, values: fromBf16Bits(bf16(operand).values as Uint16Array) }
}

function casts(): Case[] {
  const shapes: Shape[] = [...edges.map((n) => [n]), [513], [3, 5, 7], [70001]]
  // Ties, subnormals, values that round to infinity, and NaNs.
  const special = [
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    -(1 + 2 ** -8),
    1 + 2 ** -8 + 2 ** -20,
    2 ** -149,
    2 ** -126,
    -0,
  ]
  const limits = [3.4028235e38, -3.4028235e38, 3.3961775e38, Infinity, -Infinity, Number.NaN]
  const values = given('f32', [special.length + limits.length], [...special, ...limits])
  return [
    ...shapes.flatMap((shape) => {
      const x = floats('x', shape)
      return [
        opCase('cast', `f32 to bf16 [${shape}]`, [x], {}, { bf16: [0] }),
        opCase('cast', `bf16 to f32 [${shape}]`, [bf16(x)]),
      ]
    }),
    opCase('cast', 'values at the limits', [values], {}, { bf16: [0] }),
    opCase('cast', 'values at the limits, back', [bf16(values)]),
    // Fewer elements than are processed together.
    opCase('cast', 'values at ties', [given('f32', [3], special.slice(0, 3))], {}, { bf16: [0] }),
  ]
}

function elementwise(): Case[] {
  const mask = { p: 0.3, site: 0x9abcdef0 }
  const ops: [string, (shape: Shape) => Given[], Attributes?][] = [
    ['relu', (shape) => [floats('a', shape)]],
    ['relu_backward', (shape) => [floats('a', shape), floats('b', shape)]],
    ['relu_squared', (shape) => [floats('a', shape)]],
    ['relu_squared_backward', (shape) => [floats('a', shape), floats('b', shape)]],
    ...[false, true].flatMap((tanh): [string, (shape: Shape) => Given[], Attributes][] => [
      ['gelu', (shape) => [floats('a', shape, -6, 6)], { tanh }],
      ['gelu_backward', (shape) => [floats('a', shape, -6, 6), floats('b', shape)], { tanh }],
    ]),
    ['swiglu', (shape) => [floats('a', shape, -6, 6), floats('b', shape)]],
    ['swiglu_backward', (shape) => [floats('a', shape, -6, 6), floats('b', shape), floats('c', shape)]],
    ['dropout', (shape) => [floats('a', shape), rng()], mask],
    ['dropout_add', (shape) => [floats('a', shape), rng(), floats('b', shape)], mask],
  ]
  const shapes: Shape[] = [[], [3], [4], [5], [8], [3, 5, 7], [33001]]
  const odd = given(
    'f32',
    [11],
    [0, -0, Number.NaN, Infinity, -Infinity, 1, -1, 2 ** -140, Number.NaN, 1e38, -2],
  )
  return [
    ...ops.flatMap(([op, inputs, attributes]) => {
      const name = (shape: Shape) => `[${shape}]${attributes?.tanh ? ' tanh' : ''}`
      return [
        ...mixed(op, name([1031]), inputs([1031]), attributes),
        ...shapes.map((shape) => inBf16(op, name(shape), inputs(shape), attributes)),
      ]
    }),
    ...mixed('relu', 'NaN, infinities and zeros', [odd]),
    ...mixed('dropout', 'NaN and infinities', [odd, rng()], { p: 0.5, site: 3 }),
  ]
}

function adds(): Case[] {
  const shapes: [Shape, Shape][] = [
    [[], []],
    [[1031], [1031]],
    [[3, 5], [5]],
    [[7], []],
    [[5, 12], [12]],
    [[9, 64], [64]],
    [
      [2, 3, 4],
      [3, 4],
    ],
    [
      [2, 3, 5],
      [3, 5],
    ],
    [[4, 1], [1]],
    [[129, 17], [17]],
    [[511, 65], [65]],
    [[33001], []],
  ]
  return shapes.flatMap(([a, b]) => mixed('add', `[${a}] + [${b}]`, [floats('a', a), floats('b', b)]))
}

function sums(): Case[] {
  const shapes: [number, number][] = [
    [1, 1],
    [1, 8],
    [3, 5],
    [4, 12],
    [65, 7],
    [257, 1],
    [257, 8],
    [512, 33],
    [300, 516],
    [9001, 7],
    [2, 40009],
    [2, 40012],
  ]
  return shapes.map(([rows, columns]) =>
    inBf16('sum_leading', `[${rows}, ${columns}]`, [floats('x', [rows, columns])], { rank: 1 }),
  )
}

function ropes(): Case[] {
  const shapes: [B: number, T: number, heads: number, pairs: number][] = [
    [1, 1, 1, 1],
    [2, 3, 2, 3],
    [2, 3, 2, 4],
    [2, 17, 3, 16],
    [1, 257, 1, 33],
    [2, 2, 1, 2500],
  ]
  return shapes.flatMap(([B, T, heads, pairs]) => {
    const x = floats('x', [B, T, 2 * heads * pairs])
    const positions = given(
      'i32',
      [T],
      Array.from({ length: T }, (_, t) => 3 * t + 1),
    )
    const attributes = { heads, base: 10000, inverse: T % 2 === 0 }
    return mixed('rope', `[${x.shape}] in ${heads}`, [x, positions], attributes)
  })
}

/** Whole vectors and others, and every plan of a GPU. */
const rows: Shape[] = [
  [3, 1],
  [3, 5],
  [7, 8],
  [5, 63],
  [5, 64],
  [65, 11],
  [1100, 65],
  [5, 127],
  [5, 384],
  [5, 771],
  [5, 1604],
]
const longRows: Shape[] = [
  [3, 2500],
  [35, 3001],
  [2, 4099],
  [2, 8204],
]

function layerNorms(): Case[] {
  return [...rows, ...longRows].flatMap((shape) => {
    const C = shape[1]
    const x = coarse(floats('x', shape, -2, 3))
    const [gain, bias, dy] = [floats('gain', [C], 0.5, 1.5), floats('bias', [C]), floats('dy', shape)]
    const [, mean, rstd] = outputsOf(layerNormOp, [x, gain, bias], { epsilon: 1e-5 })
    // A single channel has no deviation: its gradient consists of rounding errors.
    const options = C <= 2 ? { nmse: Infinity } : {}
    return [
      ...mixed('layer_norm', `[${shape}]`, [x, gain, bias], { epsilon: 1e-5 }),
      ...mixed('layer_norm_backward', `[${shape}]`, [x, gain, mean, rstd, dy], {}, options),
    ]
  })
}

function rmsNorms(): Case[] {
  const shapes: [Shape, number][] = [
    [[3, 1], 1],
    [[3, 15], 3],
    [[7, 8], 2],
    [[65, 11], 1],
    [[1100, 65], 1],
    [[2, 384], 6],
    [[5, 771], 1],
    [[5, 5003], 1],
  ]
  return shapes.flatMap(([shape, groups]) => {
    const name = `[${shape}] in ${groups}`
    const n = shape[1] / groups
    const x = coarse(floats('x', shape, -2, 3))
    const [gain, dy] = [floats('gain', [n], 0.5, 1.5), floats('dy', shape)]
    const attributes = { groups, epsilon: 1e-6 }
    const [, rstd] = outputsOf(rmsNormOp, [x], attributes)
    // A single channel has no direction: its gradient consists of rounding errors.
    const options = n === 1 ? { nmse: Infinity } : {}
    return [
      ...mixed('rms_norm', name, [x, gain], attributes),
      inBf16('rms_norm', `${name}, no gain`, [x], attributes),
      ...mixed('rms_norm_backward', name, [x, rstd, dy, gain], { groups }, options),
      withBf16(
        'rms_norm_backward',
        `${name}, no gain`,
        [x, rstd, dy],
        { groups },
        slotsOf('rms_norm_backward'),
        options,
      ),
    ]
  })
}

function crossEntropies(): Case[] {
  const shapes: Shape[] = [
    [1, 1],
    [3, 5],
    [7, 8],
    [65, 65],
    [5, 1003],
    [3, 4000],
  ]
  return shapes.map((shape) => {
    const [rows, V] = shape
    const logits = floats('logits', shape, -3, 3)
    const targets = integers('targets', [rows], V)
    const lse = Float32Array.from({ length: rows }, (_, row) => {
      const of = logits.values.subarray(row * V, (row + 1) * V) as Float32Array
      return Math.log(of.reduce((sum, x) => sum + Math.exp(x), 0))
    })
    const inputs = [logits, targets, given('f32', [rows], lse), scalar(0.7)]
    return inBf16('cross_entropy_backward', `[${shape}]`, inputs)
  })
}

interface Sizes {
  M: number
  K: number
  N: number
}

const transposes = [false, true].flatMap((transpose_a) =>
  [false, true].map((transpose_b) => ({ transpose_a, transpose_b })),
)
type Transposes = (typeof transposes)[number]

function operands({ M, K, N }: Sizes, { transpose_a, transpose_b }: Transposes): Given[] {
  return [floats('a', transpose_a ? [K, M] : [M, K]), floats('b', transpose_b ? [N, K] : [K, N])]
}

const spell = ({ M, K, N }: Sizes, { transpose_a, transpose_b }: Transposes) =>
  `${M}x${K}x${N}${transpose_a ? ' ta' : ''}${transpose_b ? ' tb' : ''}`

/**
 * Few rows and many, small tiles and large ones, rows of whole 16-byte pieces and others, and
 * split-K.
 */
const sizes: Sizes[] = [
  { M: 1, K: 1, N: 1 },
  { M: 1, K: 40, N: 65 },
  { M: 3, K: 33, N: 19 },
  { M: 4, K: 4200, N: 7 },
  { M: 8, K: 64, N: 32 },
  { M: 9, K: 1, N: 9 },
  { M: 17, K: 31, N: 15 },
  { M: 33, K: 1025, N: 17 },
  { M: 64, K: 72, N: 40 },
  { M: 65, K: 130, N: 63 },
]

/** f32 operands in a tf32 Program, and bf16 operands with a result of either kind. */
function products(): Case[] {
  const tf32 = { precision: 'tf32' } as const
  const special = { M: 13, K: 21, N: 19 }
  return [
    ...sizes.flatMap((each, i) => {
      const total = floats('total', [each.M, each.N])
      const inputs = [...operands(each, { transpose_a: false, transpose_b: true }), floats('bias', [each.N])]
      return [
        ...transposes.flatMap((attributes) => {
          const [a, b] = operands(each, attributes)
          const name = spell(each, attributes)
          const halves = [bf16(a), bf16(b)]
          return [
            opCase('matmul', `tf32 ${name}`, [a, b], attributes, tf32),
            opCase('matmul', `bf16 ${name}`, halves, attributes),
            opCase('matmul', `bf16 ${name} to bf16`, halves, attributes, { bf16: [0] }),
            opCase('matmul_accumulate', `tf32 ${name}`, [total, a, b], attributes, tf32),
            opCase('matmul_accumulate', `bf16 ${name}`, [total, ...halves], attributes),
          ]
        }),
        ...linears(each, inputs, i % 2 === 0),
      ]
    }),
    ...transposes.flatMap((attributes) => {
      const [a, b] = operands(special, attributes)
      const wrong = [replaced(a, { 4: Number.NaN }), replaced(b, { 7: Infinity })]
      return [
        opCase('matmul', `tf32 ${spell(special, attributes)} with a NaN`, wrong, attributes, tf32),
        opCase('matmul', `bf16 ${spell(special, attributes)} with a NaN`, wrong.map(bf16), attributes),
      ]
    }),
    // Only operands of products are rounded.
    ...[3, 13].map((M) => {
      const [x, weight] = operands({ M, K: 2, N: 5 }, { transpose_a: false, transpose_b: true })
      const bias = floats('bias', [5], 1000, 1001)
      return opCase('linear', `tf32 ${M}x2x5, a large bias`, [x, weight, bias], { relu: false }, tf32)
    }),
  ]
}

function linears({ M, K, N }: Sizes, [x, weight, bias]: Given[], relu: boolean): Case[] {
  const name = `${M}x${K}x${N}${relu ? ' relu' : ''}`
  const halves = [bf16(x), bf16(weight), bias]
  return [
    opCase('linear', `tf32 ${name}`, [x, weight, bias], { relu }, { precision: 'tf32' }),
    opCase('linear', `bf16 ${name}`, halves, { relu }),
    opCase('linear', `bf16 ${name} to bf16`, halves, { relu }, { bf16: [0] }),
  ]
}

/** In tf32. In a bf16 Program they stay f32. */
function batchedProducts(): Case[] {
  const each: [number, Sizes][] = [
    [3, { M: 5, K: 9, N: 17 }],
    [2, { M: 33, K: 65, N: 20 }],
  ]
  return each.flatMap(([batch, sizes]) =>
    transposes.flatMap((attributes) =>
      (['tf32', 'bf16'] as const).map((precision) => {
        const [a, b] = operands(sizes, attributes)
        const inputs = [floats('batched a', [batch, ...a.shape]), floats('batched b', [batch, ...b.shape])]
        const name = `${precision} [${batch}] ${spell(sizes, attributes)}`
        return opCase('batched_matmul', name, inputs, attributes, { precision })
      }),
    ),
  )
}

/**
 * y has as many bytes as the gain, whose life ends where y is written, but not as many elements, so
 * they must not share memory.
 */
function gainOfTheSameBytes(): Case {
  const [x, gain] = [bf16(floats('x', [2, 8])), floats('gain', [8], 0.5, 1.5)]
  const single = opCase('rms_norm', '', [x, gain], { groups: 1, epsilon: 1e-6 }, { bf16: [0] })
  const temporary = (dtype: Dtype, shape: Shape): Buffer => ({ name: '', role: 'temporary', dtype, shape })
  const [xId, gainId, yId, rstdId] = single.program.buffers.keys()
  const buffers = [...single.program.buffers]
  const movedGain = buffers.push(temporary('f32', gain.shape)) - 1
  const movedY = buffers.push(temporary('bf16', x.shape)) - 1
  const [norm] = single.program.ops
  return {
    ...single,
    name: 'program of a gain and a result of the same bytes',
    op: 'program',
    program: {
      ...single.program,
      buffers,
      ops: [
        { op: 'copy', inputs: [gainId], outputs: [movedGain], attributes: {} },
        { ...norm, inputs: [xId, movedGain], outputs: [movedY, rstdId] },
        { op: 'copy', inputs: [movedY], outputs: [yId], attributes: {} },
      ],
    },
  }
}
