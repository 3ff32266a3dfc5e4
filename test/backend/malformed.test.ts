// Programs that break the contract: the native engine rejects each with an error that says why, and
// none crashes it.

import type { Session } from '../../lib/backend/backend'
import { RecordLayout } from '../../lib/backend/records'
import { sizeOf } from '../../lib/graph/dtype'
import type { Buffer, Node, Precision, Program } from '../../lib/graph/program'
import { decode, encode } from '../../lib/graph/wire'
import type { ModelConfig } from '../../lib/model/config'
import { fusedOpNames, opsByName } from '../../lib/ops'
import { fuse } from '../../lib/passes/fuse'
import { handleOf, onNative, type TestDevice } from '../support/devices'
import { allocateStores, compiled, configs, programsOf } from '../support/models'
import { Numbers } from '../support/numeric'

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly number[] ? number[] : T[K] }
interface Draft {
  name: string
  precision?: Precision
  buffers: Mutable<Buffer>[]
  ops: Mutable<Node>[]
}

const f32 = (name: string, role: Buffer['role'], ...shape: number[]): Mutable<Buffer> => ({
  name,
  role,
  dtype: 'f32',
  shape,
})

/** total += relu(x · wᵀ), which is also the output y; z is the row of w for each token. */
function valid(): Draft {
  return {
    name: 'base',
    buffers: [
      f32('w', 'store', 3, 4),
      f32('x', 'input', 2, 4),
      { name: 'tokens', role: 'input', dtype: 'i32', shape: [2] },
      f32('', 'temporary', 2, 3),
      f32('y', 'output', 2, 3),
      f32('total', 'store', 2, 3),
      f32('z', 'output', 2, 4),
    ],
    ops: [
      { op: 'matmul', inputs: [1, 0], outputs: [3], attributes: { transpose_a: false, transpose_b: true } },
      { op: 'relu', inputs: [3], outputs: [4], attributes: {} },
      { op: 'accumulate', inputs: [5, 4], outputs: [5], attributes: {} },
      { op: 'embedding', inputs: [2, 0], outputs: [6], attributes: {} },
    ],
  }
}

interface Hostile {
  title: string
  edit(program: Draft): void
  message: RegExp
  code?: string
}

const most = 2 ** 32 - 1
const added = (program: Draft, ...buffers: Mutable<Buffer>[]) => program.buffers.push(...buffers) - 1
const op = (op: string, inputs: number[], outputs: number[], attributes = {}): Mutable<Node> => ({
  op,
  inputs,
  outputs,
  attributes,
})

const hostile: Hostile[] = [
  // Dtypes and shapes.
  {
    title: 'an operand of another dtype',
    edit: (p) => (p.buffers[1].dtype = 'i32'),
    message: /matmul.*dtype.*f32/,
  },
  { title: 'an f64 operand', edit: (p) => (p.buffers[1].dtype = 'f64'), message: /matmul.*dtype/ },
  { title: 'a bf16 operand', edit: (p) => (p.buffers[1].dtype = 'bf16'), message: /matmul.*dtype/ },
  ...([undefined, 'tf32'] as const).map((precision) => ({
    title: `a bf16 tensor in a Program of ${precision ?? 'f32'}`,
    edit: (p: Draft) => {
      p.precision = precision
      p.buffers[4].dtype = 'bf16'
    },
    message: new RegExp(`relu.*bf16, and the program's precision is ${precision ?? 'f32'}`),
  })),
  ...(
    [
      ['a product of f32 and bf16', 1, /matmul.*input 1 \(b\).*dtype must be bf16/],
      ['a bf16 product of f32', 3, /matmul.*result is bf16.*must be f32/],
      ['a bf16 tensor where none may be', 6, /embedding.*output 0.*must be f32/],
    ] as const
  ).map(([title, buffer, message]) => ({
    title,
    edit: (p: Draft) => {
      p.precision = 'bf16'
      p.buffers[buffer].dtype = 'bf16'
    },
    message,
  })),
  {
    title: 'an output of another dtype',
    edit: (p) => (p.buffers[4].dtype = 'i32'),
    message: /relu.*output 0/,
  },
  {
    title: 'tokens of another dtype',
    edit: (p) => (p.buffers[2].dtype = 'u32'),
    message: /embedding.*dtype/,
  },
  { title: 'inner sizes that differ', edit: (p) => (p.buffers[1].shape = [2, 5]), message: /matmul.*5/ },
  { title: 'a result of another shape', edit: (p) => (p.buffers[3].shape = [3, 2]), message: /matmul.*\[/ },
  { title: 'a result of another rank', edit: (p) => (p.buffers[3].shape = [2, 3, 1]), message: /matmul.*\[/ },
  { title: 'a scalar operand', edit: (p) => (p.buffers[1].shape = []), message: /matmul/ },
  { title: 'a dimension 0', edit: (p) => (p.buffers[1].shape = [0, 4]), message: /dimension 0 is 0/ },
  {
    title: 'a dimension of 2³² − 1',
    edit: (p) => (p.buffers[1].shape = [most, 4]),
    message: /matmul|larger/,
  },
  {
    title: 'sizes that overflow 64 bits',
    edit: (p) => (p.buffers[1].shape = [most, most, most]),
    message: /larger than/,
  },
  {
    title: 'eight huge dimensions',
    edit: (p) => (p.buffers[1].shape = new Array<number>(8).fill(most)),
    message: /larger than/,
  },
  {
    title: 'sizes that wrap to small numbers',
    edit: (p) => (p.buffers[1].shape = [2 ** 31, 2 ** 31, 4]),
    message: /larger than/,
  },
  { title: 'rank 9', edit: (p) => (p.buffers[1].shape = new Array<number>(9).fill(1)), message: /rank 9/ },

  // Which ops may write what, and when.
  {
    title: 'an op that writes an input',
    edit: (p) => (p.ops[1].outputs = [added(p, f32('in', 'input', 2, 3))]),
    message: /inputs are only read/,
  },
  {
    title: 'an output that is written twice',
    edit: (p) => p.ops.push(op('relu', [3], [4])),
    message: /written already/,
  },
  {
    title: 'a temporary that is written twice',
    edit: (p) => p.ops.splice(1, 0, p.ops[0]),
    message: /written already/,
  },
  {
    title: 'a temporary that is read before it is written',
    edit: (p) => p.ops.reverse(),
    message: /no op has written yet/,
  },
  {
    title: 'an output that is read before it is written',
    edit: (p) => p.ops.unshift(p.ops[2]),
    message: /no op has written yet/,
  },
  {
    title: 'a temporary that is read and never written',
    edit: (p) => p.ops.shift(),
    message: /no op has written yet/,
  },
  {
    title: 'a temporary that is never written',
    edit: (p) => added(p, f32('', 'temporary', 1)),
    message: /no op writes/,
  },
  {
    title: 'an output that is never written',
    edit: (p) => added(p, f32('n', 'output', 1)),
    message: /no op writes/,
  },

  // In-place ops.
  {
    title: 'an in-place op on two buffers',
    edit: (p) => (p.ops[2].outputs = [added(p, f32('other', 'store', 2, 3))]),
    message: /in place/,
  },
  {
    title: 'a temporary that is updated in place',
    edit(p) {
      const copied = added(p, f32('', 'temporary', 2, 3))
      p.ops.splice(2, 1, op('copy', [4], [copied]), op('accumulate', [copied, 4], [copied]))
    },
    message: /written already|only store buffers/,
  },
  {
    title: 'an input that is updated in place',
    edit: (p) => p.ops.push(op('zero', [1], [1])),
    message: /inputs are only read/,
  },
  {
    title: 'a buffer updated in place that is read twice',
    edit: (p) => (p.ops[2].inputs = [5, 5]),
    message: /twice among the inputs/,
  },
  {
    title: 'an op that does not support in-place work',
    edit: (p) => p.ops.push(op('relu', [5], [5])),
    message: /both an input and an output/,
  },
  {
    title: 'a buffer twice among the outputs',
    edit: (p) => p.ops.push(op('zero', [5, 5], [5, 5])),
    message: /twice/,
  },

  // Names.
  { title: 'two inputs of one name', edit: (p) => (p.buffers[2].name = 'x'), message: /not unique/ },
  {
    title: 'an input and a store of one name',
    edit: (p) => (p.buffers[1].name = 'w'),
    message: /not unique/,
  },
  { title: 'a store of two buffers', edit: (p) => added(p, f32('w', 'store', 3, 4)), message: /not unique/ },
  { title: 'an input without a name', edit: (p) => (p.buffers[1].name = ''), message: /no name/ },
  { title: 'a store without a name', edit: (p) => (p.buffers[0].name = ''), message: /no name/ },

  // Ops and attributes.
  { title: 'an unknown op', edit: (p) => (p.ops[1].op = 'swish'), message: /no such op/ },
  { title: 'an op without a name', edit: (p) => (p.ops[1].op = ''), message: /no such op/ },
  { title: 'a missing input', edit: (p) => (p.ops[0].inputs = [1]), message: /matmul/ },
  { title: 'no inputs at all', edit: (p) => (p.ops[0].inputs = []), message: /matmul/ },
  { title: 'one input too many', edit: (p) => (p.ops[0].inputs = [1, 0, 0]), message: /matmul/ },
  { title: 'a missing output', edit: (p) => (p.ops[0].outputs = []), message: /matmul/ },
  {
    title: 'one output too many',
    edit: (p) => (p.ops[1].outputs = [4, added(p, f32('o', 'output', 2, 3))]),
    message: /relu/,
  },
  {
    title: 'a missing attribute',
    edit: (p) => (p.ops[0].attributes = { transpose_a: false }),
    message: /transpose_b/,
  },
  { title: 'an unknown attribute', edit: (p) => (p.ops[1].attributes = { slope: 0.1 }), message: /slope/ },
  {
    title: 'an attribute of another type',
    edit: (p) => (p.ops[0].attributes = { transpose_a: 0, transpose_b: true }),
    message: /transpose_a/,
  },

  // The Store.
  {
    title: 'a tensor that is not in the Store',
    edit: (p) => (p.buffers[0].name = 'v'),
    message: /no tensor of that name/,
    code: 'invalid_argument',
  },
  {
    title: 'a tensor of another shape',
    edit: (p) => {
      p.buffers[5].shape = [3, 2]
      p.ops.splice(2, 1)
    },
    message: /it is f32/,
    code: 'invalid_argument',
  },
]

/** Attributes out of range, each in a Program with one op. */
const outOfRange: Hostile[] = (
  [
    ['dropout', { p: 1, site: 1 }],
    ['dropout', { p: -0.1, site: 1 }],
    ['dropout', { p: Number.NaN, site: 1 }],
    ['dropout', { p: Infinity, site: 1 }],
    ['dropout', { p: 0.5, site: -1 }],
    ['dropout', { p: 0.5, site: 2 ** 32 }],
    ['positions', { length: 0 }],
    ['positions', { length: -1 }],
    ['positions', { length: 2 ** 40 }],
    ['gather_batch', { block_size: 0 }],
    ['gather_batch', { block_size: 20 }],
    ['gather_batch', { block_size: -5 }],
    ['embedding_backward', { vocabulary: 0 }],
    ['embedding_backward', { vocabulary: 2 ** 50 }],
    ['sum_leading', { rank: 3 }],
    ['sum_leading', { rank: -1 }],
    ['clip_scale', { max_norm: 0 }],
    ['clip_scale', { max_norm: -1 }],
    ['clip_scale', { max_norm: Number.NaN }],
    ['layer_norm', { epsilon: -1 }],
    ['layer_norm', { epsilon: Number.NaN }],
    ['attention', { heads: 0 }],
    ['attention', { heads: 3 }],
    ['attention', { heads: -2 }],
    ['attention', { heads: 2 ** 40 }],
    ['attention', { kv_heads: 0 }],
    ['attention', { kv_heads: 3 }],
    ['attention', { kv_heads: 4 }],
    ['attention', { dropout: 1 }],
    ['attention', { scale: Number.NaN }],
    ['fill', { value: Number.NaN }],
    ['fill', { value: 0.5 }],
    ['fill', { value: 2 ** 40 }],
    ['tril_mean', { length: 0 }],
    ['tril_mean', { length: -3 }],
    ['tril_mean', { length: 4 }],
    ['tril_mean', { length: 2 ** 40 }],
    ['batched_matmul', { transpose_a: true }],
    ['batched_matmul', { transpose_b: true }],
    ['batched_matmul', { transpose_a: 0 }],
    ['gelu', { tanh: 0 }],
    ...[-0.5, 1.5, Number.NaN, Infinity].map((weight) => ['lerp', { weight }]),
    ...[-1, 3, 4, 2 ** 40].map((begin) => ['slice_positions', { begin }]),
    ...[-1, 0, 3, 5, 2 ** 40].map((count) => ['slice_positions', { count }]),
    ['gelu_backward', { tanh: 1 }],
    ...['rms_norm', 'rms_norm_backward'].flatMap((name) =>
      [0, -1, 3, 2 ** 40].map((groups) => [name, { groups }]),
    ),
    ...[0, -1, Number.NaN, Infinity, 1e-50].map((epsilon) => ['rms_norm', { epsilon }]),
    ...[0, 4, 3, -1, 2 ** 40].map((heads) => ['rope', { heads }]),
    ...[0, 0.5, -1, Number.NaN, Infinity].map((base) => ['rope', { base }]),
    ['rope', { inverse: 1 }],
    ...[Number.NaN, Infinity, 1e40].map((factor) => ['scale', { factor }]),
    ...['soft_cap', 'soft_cap_backward'].flatMap((name) =>
      [0, -1, Number.NaN, Infinity, 1e-50, 1e40].map((cap) => [name, { cap }]),
    ),
    ...['masked_softmax', 'masked_softmax_backward'].flatMap((name) =>
      [0, -1, Number.NaN, Infinity, 1e-50, 1e40].map((scale) => [name, { scale }]),
    ),
  ] as [string, Record<string, number | boolean>][]
).map(([name, attributes]) => ({
  title: `${name} with ${JSON.stringify(attributes, (_, value) => (typeof value === 'number' ? String(value) : value))}`,
  edit(program) {
    const [key] = Object.keys(attributes)
    const { buffers, node } = one(name)
    program.buffers = buffers as Mutable<Buffer>[]
    program.ops = [{ ...node, attributes: { ...node.attributes, ...attributes } } as Mutable<Node>]
    expect(Object.keys(node.attributes)).toContain(key)
  },
  message: new RegExp(name),
}))

/** Buffers of a shape or dtype that the op does not accept, each in a Program with one op. */
const misshapen: Hostile[] = (
  [
    ['batched_matmul', { a: [3, 3, 4] }, /leading dimensions/],
    ['batched_matmul', { b: [2, 1, 4, 5] }, /leading dimensions/],
    ['batched_matmul', { a: [2, 3, 5] }, /5 columns.*4 rows/],
    ['batched_matmul', { b: [5, 4] }, /4 columns.*5 rows/],
    ['batched_matmul', { a: [4] }, /at least 2 dimensions/],
    ['batched_matmul', { b: [] }, /at least 2 dimensions/],
    ['batched_matmul', { y: [2, 5, 3] }, /output 0/],
    ['batched_matmul', { y: [6, 5] }, /output 0/],
    ['batched_matmul', { y: [2, 3, 5, 1] }, /output 0/],
    ['batched_matmul', { a: [3, 4], b: [4, 5] }, /output 0/],
    ['batched_matmul', { a: [most, most] }, /larger|columns/],
    ['batched_matmul', { a: 'i32' }, /dtype/],
    ['batched_matmul', { y: 'i32' }, /output 0/],
    ['masked_softmax', { x: [4, 2] }, /more rows than columns/],
    ['masked_softmax', { x: [2, 3, 2] }, /more rows than columns/],
    ['masked_softmax', { x: [4] }, /at least 2 dimensions/],
    ['masked_softmax', { x: [] }, /at least 2 dimensions/],
    ['masked_softmax', { x: 'f64' }, /dtype/],
    ['masked_softmax', { y: [4, 2] }, /output 0/],
    ['masked_softmax', { y: 'i32' }, /output 0/],
    ['masked_softmax_backward', { x: [4, 2] }, /more rows than columns/],
    ['masked_softmax_backward', { x: [8] }, /at least 2 dimensions/],
    ['masked_softmax_backward', { dy: [1, 2, 4] }, /input 1/],
    ['masked_softmax_backward', { dy: 'u32' }, /input 1/],
    ['masked_softmax_backward', { dx: [2, 3] }, /output 0/],
    ['rms_norm', { x: [] }, /at least 1 dimension/],
    ['rms_norm', { gain: [4] }, /input 1/],
    ['rms_norm', { gain: 'i32' }, /input 1/],
    ['rms_norm', { rstd: [2] }, /output 1/],
    ['rms_norm', { rstd: [2, 4] }, /output 1/],
    ['rms_norm', { y: [4, 2] }, /output 0/],
    ['rms_norm_backward', { rstd: [2, 1] }, /input 1/],
    ['rms_norm_backward', { dy: [2, 2] }, /input 2/],
    ['rms_norm_backward', { gain: [1] }, /input 3/],
    ['rms_norm_backward', { dx: [8] }, /output 0/],
    ['rms_norm_backward', { dgain: [4] }, /output 1/],
    ['rope', { x: [6, 4] }, /3 dimensions/],
    ['rope', { positions: [2] }, /input 1/],
    ['rope', { positions: [1, 3] }, /input 1/],
    ['rope', { positions: [] }, /input 1/],
    ['rope', { positions: 'u32' }, /input 1/],
    ['rope', { y: [2, 4, 3] }, /output 0/],
    ['gelu', { y: [4, 2] }, /output 0/],
    ['gelu', { x: 'u16' }, /dtype/],
    ['embedding_accumulate', { tokens: [3] }, /input 1/],
    ['embedding_accumulate', { tokens: 'u32' }, /input 1/],
    ['embedding_accumulate', { x: [2, 3] }, /input 2/],
    ['embedding_accumulate', { x: [] }, /input 2.*dimensions/],
    ['embedding_accumulate', { total: [5, 2, 2] }, /input 0.*dimensions/],
    ['lerp', { dy: [2, 3] }, /input 1/],
    ['lerp', { y: [8] }, /output 0/],
    ['slice_positions', { x: [12] }, /input 0.*dimensions/],
    ['slice_positions', { x: 'u16' }, /dtype/],
    ['slice_positions', { x: 'i32' }, /output 0/],
    ['slice_positions', { y: [2, 3, 4] }, /output 0/],
    ['concat_positions', { x: [2, 4, 3] }, /input 1/],
    ['concat_positions', { dy: [3, 1, 4] }, /input 1/],
    ['concat_positions', { dy: [8] }, /input 1.*dimensions/],
    ['concat_positions', { dy: 'i32' }, /input 1/],
    ['concat_positions', { x: 'u32' }, /input 0/],
    ['concat_positions', { y: [2, 3, 4] }, /output 0/],
    ['gelu_backward', { dy: [2, 3] }, /input 1/],
    ['relu_squared', { y: [2] }, /output 0/],
    ['relu_squared_backward', { dy: [4] }, /input 1/],
    ['relu_squared_backward', { dx: [4] }, /output 0/],
    ['scale', { y: [4, 2] }, /output 0/],
    ['soft_cap', { y: 'i32' }, /output 0/],
    ['soft_cap_backward', { dy: 'i32' }, /input 1/],
    ['swiglu', { up: [4, 2] }, /input 1/],
    ['swiglu', { y: [2] }, /output 0/],
    ['swiglu_backward', { dy: [2] }, /input 2/],
    ['swiglu_backward', { dgate: [2] }, /output 0/],
    ['swiglu_backward', { dup: 'i32' }, /output 1/],
    ['tril_mean', { y: [3, 4] }, /output 0/],
    ['tril_mean', { y: [9] }, /output 0/],
    ['tril_mean', { y: [1, 3, 3] }, /output 0/],
    ['tril_mean', { y: 'i32' }, /output 0/],
  ] as [string, Record<string, number[] | Buffer['dtype']>, RegExp][]
).map(([name, changes, message]) => ({
  title: `${name} with ${JSON.stringify(changes)}`,
  edit(program) {
    const { buffers, node } = one(name)
    for (const [buffer, value] of Object.entries(changes)) {
      const wrong = buffers.find((each) => each.name === buffer) as Mutable<Buffer>
      if (typeof value === 'string') wrong.dtype = value
      else wrong.shape = value
    }
    program.buffers = buffers as Mutable<Buffer>[]
    program.ops = [node as Mutable<Node>]
  },
  message,
}))

/** A valid Program with one op: its buffers, and the op. */
function one(name: string): { buffers: Buffer[]; node: Node } {
  const u32 = (name: string, ...shape: number[]): Buffer => ({ name, role: 'input', dtype: 'u32', shape })
  const i32 = (name: string, role: Buffer['role'], ...shape: number[]): Buffer => ({
    name,
    role,
    dtype: 'i32',
    shape,
  })
  const make = (inputs: Buffer[], outputs: Buffer[], attributes: Node['attributes']) => ({
    buffers: [...inputs, ...outputs],
    node: op(
      name,
      [...inputs.keys()],
      [...outputs.keys()].map((i) => i + inputs.length),
      attributes,
    ),
  })
  const [x, dy, y] = [f32('x', 'input', 2, 4), f32('dy', 'input', 2, 4), f32('y', 'output', 2, 4)]
  switch (name) {
    case 'dropout':
      return make([x, u32('rng', 3)], [f32('y', 'output', 2, 4)], { p: 0.5, site: 1 })
    case 'positions':
      return make([i32('start', 'input')], [i32('y', 'output', 4)], { length: 4 })
    case 'gather_batch':
      return make(
        [u32('corpus', 20), u32('offsets', 2)],
        [i32('a', 'output', 2, 4), i32('b', 'output', 2, 4)],
        { block_size: 4 },
      )
    case 'embedding_backward':
      return make([i32('tokens', 'input', 2), x], [f32('y', 'output', 5, 4)], { vocabulary: 5 })
    case 'embedding_accumulate':
      return {
        buffers: [f32('total', 'store', 5, 4), i32('tokens', 'input', 2), x],
        node: op(name, [0, 1, 2], [0]),
      }
    case 'sum_leading':
      return make([x], [f32('y', 'output', 4)], { rank: 1 })
    case 'lerp':
      return make([x, dy], [y], { weight: 0.5 })
    case 'slice_positions':
      return make([f32('x', 'input', 2, 4, 3)], [f32('y', 'output', 2, 2, 3)], { begin: 1, count: 2 })
    case 'concat_positions':
      return make(
        [f32('x', 'input', 2, 3, 4), f32('dy', 'input', 2, 1, 4)],
        [f32('y', 'output', 2, 4, 4)],
        {},
      )
    case 'clip_scale':
      return make([f32('x', 'input')], [f32('y', 'output')], { max_norm: 1 })
    case 'layer_norm':
      return make(
        [x, f32('gain', 'input', 4), f32('bias', 'input', 4)],
        [f32('y', 'output', 2, 4), f32('mean', 'output', 2), f32('rstd', 'output', 2)],
        { epsilon: 1e-5 },
      )
    case 'attention': {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => f32(name, 'input', 2, 3, 4))
      const attributes = { heads: 2, kv_heads: 2, scale: 0.5, dropout: 0, site: 1, cached: false }
      return make([q, k, v], [f32('y', 'output', 2, 3, 4), f32('lse', 'output', 2, 2, 3)], attributes)
    }
    case 'batched_matmul': {
      const operands = [f32('a', 'input', 2, 3, 4), f32('b', 'input', 2, 4, 5)]
      const attributes = { transpose_a: false, transpose_b: false }
      return make(operands, [f32('y', 'output', 2, 3, 5)], attributes)
    }
    case 'masked_softmax':
      return make([x], [f32('y', 'output', 2, 4)], { scale: 0.5 })
    case 'masked_softmax_backward':
      return make([x, f32('dy', 'input', 2, 4)], [f32('dx', 'output', 2, 4)], { scale: 0.5 })
    case 'relu_squared':
      return make([x], [y], {})
    case 'gelu':
      return make([x], [y], { tanh: false })
    case 'scale':
      return make([x], [y], { factor: 2 })
    case 'soft_cap':
      return make([x], [y], { cap: 15 })
    case 'relu_squared_backward':
      return make([x, dy], [f32('dx', 'output', 2, 4)], {})
    case 'gelu_backward':
      return make([x, dy], [f32('dx', 'output', 2, 4)], { tanh: false })
    case 'soft_cap_backward':
      return make([x, dy], [f32('dx', 'output', 2, 4)], { cap: 15 })
    case 'swiglu':
      return make([x, f32('up', 'input', 2, 4)], [y], {})
    case 'swiglu_backward':
      return make(
        [x, f32('up', 'input', 2, 4), dy],
        [f32('dgate', 'output', 2, 4), f32('dup', 'output', 2, 4)],
        {},
      )
    case 'rms_norm':
      return make([x, f32('gain', 'input', 2)], [y, f32('rstd', 'output', 2, 2)], {
        groups: 2,
        epsilon: 1e-6,
      })
    case 'rms_norm_backward':
      return make(
        [x, f32('rstd', 'input', 2, 2), dy, f32('gain', 'input', 2)],
        [f32('dx', 'output', 2, 4), f32('dgain', 'output', 2)],
        { groups: 2 },
      )
    case 'rope':
      return make([f32('x', 'input', 2, 3, 4), i32('positions', 'input', 3)], [f32('y', 'output', 2, 3, 4)], {
        heads: 2,
        base: 10000,
        inverse: false,
      })
    case 'tril_mean':
      return make([], [f32('y', 'output', 3, 3)], { length: 3 })
    case 'fill':
      return make([], [i32('y', 'output', 3)], { value: 7 })
    default:
      throw new Error(`no Program for ${name}`)
  }
}

onNative('malformed Programs', ({ open }) => {
  let session: Session
  beforeAll(async () => {
    session = open()
    await allocateStores(session, valid())
  })
  afterAll(() => session.dispose())

  test('the unmodified Programs are valid', async () => {
    const { run } = await compiled(session, valid())
    const w = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    await session.write('w', Float32Array.from(w))
    const { y, z } = await run({ x: [1, 0, 0, 0, 0, -1, 0, 1], tokens: [2, 0] })
    expect(Array.from(y)).toEqual([1, 5, 9, 2, 2, 2])
    expect(Array.from(z)).toEqual([9, 10, 11, 12, 1, 2, 3, 4])
    expect(Array.from(await session.read('total'))).toEqual([1, 5, 9, 2, 2, 2])
    for (const name of new Set(outOfRange.map(({ title }) => title.split(' ')[0]))) {
      const { buffers, node } = one(name)
      await session.compile({ name, buffers, ops: [node] })
    }
  })

  test.each([...hostile, ...outOfRange, ...misshapen])('$title', async ({ edit, message, code }) => {
    const program = valid()
    edit(program)
    const refused = await session.compile(program as Program).then(
      () => 'it compiled',
      (error) => error,
    )
    expect(refused).toMatchObject({
      code: code ?? 'invalid_program',
      message: expect.stringMatching(message),
    })
  })

  test('an unknown precision', async () => {
    const bytes = encode(valid() as Program, opsByName)
    bytes[6] = 3
    await expect(handleOf(session).compile(bytes)).rejects.toMatchObject({
      code: 'invalid_program',
      message: expect.stringMatching(/header.*precision.*3/),
    })
  })

  test('a Store tensor does not bind to a buffer of another dtype', async () => {
    await session.allocate('whole', 'i32', [3, 4])
    const program = valid()
    program.buffers[0].name = 'whole'
    await expect(session.compile(program)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/it is i32/),
    })
  })
})

/** Runs what compiles, unless a mutation made it enormous. */
const mostElements = 100_000

describe.each(['bigram', 'decoder with dropout', 'gpt as speedrun'])('%s', (kind) => {
  onNative('mutated Programs', (device) => mutate(configs[kind], device))
})

function mutate(config: ModelConfig, { open }: TestDevice): void {
  const programs = Object.values(programsOf(config)).flatMap((program) => [
    program,
    fuse(program, fusedOpNames),
  ])
  const originals = programs.map((program) => encode(program, opsByName))
  let session: Session
  beforeAll(async () => {
    session = open()
    const known = new Set<string>()
    for (const program of programs) await allocateStores(session, program, known)
  })
  afterAll(() => session.dispose())

  /** What happened to the bytes. */
  async function attempt(bytes: Uint8Array, numbers: Numbers): Promise<string> {
    const handle = handleOf(session)
    let program: number
    try {
      program = await handle.compile(bytes)
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      if (!message) throw new Error('an error without a message')
      if (!['invalid_program', 'invalid_argument', 'unsupported', 'out_of_memory'].includes(code ?? ''))
        throw error
      return code!
    }
    // TypeScript must be able to read what the engine accepts.
    const decoded = decode(bytes)
    const small = decoded.buffers.reduce((sum, { shape }) => sum + sizeOf(shape), 0) < mostElements
    let outcome = 'compiled'
    if (small) {
      const inputs = new Uint8Array(new RecordLayout(decoded, 'input').size)
      // Zeros, random bytes, or numbers that may be in range.
      const kind = numbers.word() % 3
      if (kind > 0)
        for (let i = 0; i < inputs.length; i++)
          inputs[i] = kind === 1 ? numbers.word() : i % 4 === 0 ? numbers.word() % 8 : 0
      const { failure, outputs } = await handle.run(1, [{ program, times: 1, inputs }], {
        checkFinite: kind === 2,
      })
      outcome = failure ? `failed: ${failure.code}` : 'ran'
      if (!failure) expect(outputs[0].length).toBe(new RecordLayout(decoded, 'output').size)
    }
    await handle.release(program)
    return outcome
  }

  const tally = (counts: Map<string, number>, outcome: string) =>
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)

  test('every truncation of a Program is rejected', async () => {
    const bytes = encode(fuse(programsOf(config).gradient, fusedOpNames), opsByName)
    const counts = new Map<string, number>()
    for (let length = 0; length < bytes.length; length++) {
      tally(counts, await attempt(bytes.slice(0, length), new Numbers('none')))
    }
    expect([...counts]).toEqual([['invalid_program', bytes.length]])
  })

  test('random bytes cause errors, never a crash', async () => {
    const numbers = new Numbers('native mutations')
    const counts = new Map<string, number>()
    for (let round = 0; round < 6000; round++) {
      const bytes = numbers.pick(originals).slice()
      for (let i = 0; i <= numbers.word() % 3; i++)
        bytes[numbers.word() % bytes.length] = numbers.word() >>> (numbers.word() % 32)
      tally(counts, await attempt(bytes, numbers))
    }
    // All of these must happen, or the test tests nothing.
    expect(counts.get('invalid_program')).toBeGreaterThan(1000)
    expect(counts.get('invalid_argument')).toBeGreaterThan(100)
    expect(counts.get('ran')).toBeGreaterThan(20)
    expect(counts.get('failed: out_of_range')).toBeGreaterThan(10)
  }, 30_000)

  test('valid buffers, ops and attributes in random combinations', async () => {
    const numbers = new Numbers('structured mutations')
    const counts = new Map<string, number>()
    const values = [
      0,
      1,
      -1,
      2,
      3,
      0.5,
      2 ** 31,
      2 ** 32,
      -(2 ** 40),
      2 ** 53 - 1,
      1e-300,
      Infinity,
      Number.NaN,
      true,
      false,
    ]
    for (let round = 0; round < 4000; round++) {
      const { name, buffers, ops } = decode(numbers.pick(originals)) as Draft
      for (let i = 0; i <= numbers.word() % 2; i++) {
        const node = numbers.pick(ops)
        const buffer = numbers.pick(buffers)
        const attribute = Object.keys(node.attributes)[0]
        const list = numbers.word() % 2 ? node.inputs : node.outputs
        const at = numbers.word() % Math.max(1, list.length)
        const edits = [
          () => (list[at] = numbers.word() % buffers.length),
          () => list.splice(at, 1),
          () => list.push(numbers.word() % buffers.length),
          () => (node.op = numbers.pick(ops).op),
          () => ops.splice(numbers.word() % ops.length, 1),
          () => ops.splice(numbers.word() % ops.length, 0, numbers.pick(ops)),
          () => (buffer.shape = numbers.pick(buffers).shape),
          () => (buffer.dtype = numbers.pick(['f32', 'f64', 'i32', 'u16', 'u32', 'bf16', 'f16'])),
          () => (buffer.role = numbers.pick(['store', 'input', 'output', 'temporary'])),
          () => {
            if (attribute) node.attributes = { ...node.attributes, [attribute]: numbers.pick(values) }
          },
          () => {
            const [, ...rest] = buffer.shape
            buffer.shape = [...rest, numbers.pick([1, 2, 3, 2 ** 16, 2 ** 32 - 1])]
          },
        ]
        numbers.pick(edits)()
      }
      let bytes: Uint8Array
      try {
        bytes = encode({ name, buffers, ops } as Program, opsByName)
      } catch {
        continue // an integer attribute that isn't an integer
      }
      tally(counts, await attempt(bytes, numbers))
    }
    expect(counts.get('invalid_program')).toBeGreaterThan(1000)
    // An update op rejects the random contents of most states.
    expect(counts.get('ran')).toBeGreaterThan(20)
  }, 30_000)

  test('the session still works afterwards', async () => {
    const handle = handleOf(session)
    const before = await handle.memory()
    for (const bytes of originals) await handle.compile(bytes)
    const after = await handle.memory()
    expect(after.store).toBe(before.store)
    expect(after.arena).toBeGreaterThan(0)
    expect(after.arena).toBeLessThan(10e6)
  })
}
