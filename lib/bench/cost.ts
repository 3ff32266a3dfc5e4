// The least cost of an op: its floating-point operations, and the bytes of memory traffic if each
// input is read once and each output written once. Extra work of a kernel does not count, so a
// share of the peak means the same for all kernels.

import { NanoGptError } from '../errors'
import { bytesPerElement, lastOf, sizeOf, type TensorSpec } from '../graph/dtype'
import type { Attributes, Node, Program } from '../graph/program'
import { matmulSizes } from '../ops/matmul'

export interface Cost {
  /**
   * Additions, multiplications, divisions, roots, comparisons and exponentials count as one each;
   * integer operations are not counted.
   */
  readonly flops: number
  readonly bytes: number
}

/** The operands and attributes of an op, without its Program. */
export interface OpCall {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  readonly attributes: Attributes
}

interface CostRule {
  flops(call: OpCall): number
  /** Default: inputs and outputs, once each. */
  bytes?(call: OpCall): number
}

const bytesIn = (specs: readonly TensorSpec[]) =>
  specs.reduce((sum, { dtype, shape }) => sum + bytesPerElement[dtype] * sizeOf(shape), 0)

/** A number of operations for each element of input `index`, or of output 0. */
const perInput =
  (operations: number, index = 0) =>
  ({ inputs }: OpCall) =>
    operations * sizeOf(inputs[index].shape)
const perOutput =
  (operations: number) =>
  ({ outputs }: OpCall) =>
    operations * sizeOf(outputs[0].shape)
const none = () => 0

/** Counts only the outputs: the inputs are not read, or are small. */
const written = ({ outputs }: OpCall) => bytesIn(outputs)
/** Reads as many bytes of input 0 as it writes; input 1 is the index. */
const readAsWritten = ({ inputs: [, index], outputs }: OpCall) => bytesIn([index]) + 2 * bytesIn(outputs)

function matmulFlops(op: string, a: TensorSpec, b: TensorSpec, attributes: Attributes): number {
  const { M, K, N } = matmulSizes(op, a, b, attributes)
  return 2 * M * N * K
}

/** Each element of the result is a sum over the dimension of `a` that the result does not have. */
function batchedMatmulFlops({ inputs: [a], outputs: [y], attributes }: OpCall): number {
  return 2 * sizeOf(y.shape) * (attributes.transpose_a ? (a.shape.at(-2) ?? 1) : lastOf(a.shape))
}

/** The number of visible query/key pairs. A cache is assumed to be full. */
function visiblePairs({ inputs: [q, k], attributes }: OpCall): number {
  const [B, T] = q.shape
  return B * (attributes.heads as number) * seenBy(T, k.shape[1])
}

/** Σ (S − T + t + 1) over t = 0 … T − 1: the number of visible elements of a [T, S] matrix. */
const seenBy = (T: number, S: number) => T * (S - T) + (T * (T + 1)) / 2

/**
 * `products` matrix products over the visible pairs, at 2·D operations per pair. The softmax is
 * negligible.
 */
const attentionFlops = (products: number) => (call: OpCall) =>
  (products * 2 * visiblePairs(call) * lastOf(call.inputs[0].shape)) / (call.attributes.heads as number)

/** The number of visible elements of a causal softmax. */
function visibleElements({ outputs: [y] }: OpCall): number {
  const [T, S] = y.shape.slice(-2)
  return (sizeOf(y.shape) / (T * S)) * seenBy(T, S)
}

/** Visible elements are read; all are written. */
const softmaxBytes = (reads: number) => (call: OpCall) =>
  reads * bytesPerElement[call.outputs[0].dtype] * visibleElements(call) + bytesIn(call.outputs)

/** The number of elements of all outputs. */
const elements = ({ outputs }: OpCall) => outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0)

/**
 * Newton–Schulz: each iteration computes X·Xᵀ over the shorter side, its square, and their
 * polynomial times X.
 */
function muonFlops({ outputs, attributes }: OpCall): number {
  const matrices = outputs.slice(0, outputs.length / 2)
  return matrices.reduce((sum, { shape: [rows, columns] }) => {
    const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)]
    const iteration = 2 * short * short * (2 * long + short) + 3 * short * short
    return sum + (attributes.iterations as number) * iteration + 11 * rows * columns
  }, 0)
}

const rules: Readonly<Record<string, CostRule>> = {
  fill: { flops: none },
  tril_mean: { flops: none },
  copy: { flops: none },
  cast: { flops: none },
  gather_batch: {
    flops: none,
    bytes: ({ inputs: [corpus, offsets], outputs: [tokens, targets] }) =>
      bytesIn([offsets, tokens, targets]) + bytesPerElement[corpus.dtype] * sizeOf(tokens.shape),
  },
  positions: { flops: none },
  embedding: {
    flops: none,
    bytes: ({ inputs: [tokens, table], outputs }) =>
      bytesIn([tokens]) + Math.min(bytesIn([table]), bytesIn(outputs)) + bytesIn(outputs),
  },
  embedding_backward: { flops: perInput(1, 1) },
  matmul: { flops: ({ inputs: [a, b], attributes }) => matmulFlops('matmul', a, b, attributes) },
  batched_matmul: { flops: batchedMatmulFlops },
  add: { flops: perOutput(1) },
  lerp: { flops: perOutput(3) },
  sum_leading: { flops: perInput(1) },
  scale: { flops: perOutput(1) },
  relu: { flops: perOutput(1) },
  relu_backward: { flops: perOutput(1) },
  relu_squared: { flops: perOutput(2) },
  relu_squared_backward: { flops: perOutput(3) },
  // erf and tanh count as one operation, like an exponential.
  gelu: { flops: (call) => (call.attributes.tanh ? 9 : 5) * sizeOf(call.outputs[0].shape) },
  gelu_backward: { flops: (call) => (call.attributes.tanh ? 18 : 11) * sizeOf(call.outputs[0].shape) },
  swiglu: { flops: perOutput(4) },
  swiglu_backward: { flops: perOutput(11) },
  soft_cap: { flops: perOutput(3) },
  soft_cap_backward: { flops: perOutput(4) },
  dropout: { flops: perOutput(1) },
  // The mean, the variance, and (x − mean) · rstd · gain + bias.
  layer_norm: { flops: perOutput(8) },
  layer_norm_backward: { flops: perOutput(14) },
  // The mean square, and x · rstd · gain.
  rms_norm: { flops: ({ inputs, outputs: [y] }) => (2 + inputs.length) * sizeOf(y.shape) },
  rms_norm_backward: { flops: ({ inputs, outputs: [dx] }) => (inputs.length > 3 ? 9 : 6) * sizeOf(dx.shape) },
  // The angles are computed once for all heads, which is negligible.
  rope: { flops: perOutput(3) },
  masked_softmax: { flops: (call) => 5 * visibleElements(call), bytes: softmaxBytes(1) },
  masked_softmax_backward: { flops: (call) => 5 * visibleElements(call), bytes: softmaxBytes(2) },
  // q·kᵀ and P·v.
  attention: { flops: attentionFlops(2) },
  // q·kᵀ and dy·vᵀ, then dv, dq and dk.
  attention_backward: { flops: attentionFlops(5) },
  cross_entropy: { flops: perInput(4) },
  cross_entropy_backward: { flops: perInput(4) },
  accumulate: { flops: perOutput(1) },
  zero: { flops: none, bytes: written },
  global_norm: {
    flops: ({ inputs }) => inputs.reduce((sum, { shape }) => sum + 2 * sizeOf(shape), 0),
  },
  clip_scale: { flops: () => 3 },
  require_finite: { flops: none },
  // Reads parameter, gradient and both moments, and writes all but the gradient: 28 bytes per
  // parameter.
  adamw: { flops: (call) => (15 / 3) * elements(call) },
  // Reads parameter, gradient and m, and writes all but the gradient: 20 bytes per parameter.
  sgd: { flops: (call) => ((call.attributes.nesterov ? 9 : 7) / 2) * elements(call) },
  muon: { flops: muonFlops },
  ema: { flops: (call) => 3 * elements(call) },
  cache_write: { flops: none, bytes: ({ inputs: [, x] }) => 2 * bytesIn([x]) },
  select_row: { flops: none, bytes: readAsWritten },
  slice_positions: { flops: none, bytes: ({ outputs }) => 2 * bytesIn(outputs) },
  concat_positions: { flops: none },
  count_tokens: { flops: none, bytes: ({ inputs: [, tokens] }) => 3 * bytesIn([tokens]) },
  repetition_penalty: { flops: perOutput(1) },
  // A softmax and its running sum, and the logarithm of another.
  sample: { flops: perInput(8) },
  linear: {
    flops: ({ inputs: [x, weight], outputs: [y], attributes }) =>
      matmulFlops('linear', x, weight, { transpose_b: true }) + (attributes.relu ? 2 : 1) * sizeOf(y.shape),
  },
  dropout_add: { flops: perOutput(2) },
  // Of the total, the rows of the tokens.
  embedding_accumulate: {
    flops: perInput(1, 2),
    bytes: ({ inputs: [, tokens, dy] }) => bytesIn([tokens]) + 3 * bytesIn([dy]),
  },
  matmul_accumulate: {
    flops: ({ inputs: [total, a, b], attributes }) =>
      matmulFlops('matmul_accumulate', a, b, attributes) + sizeOf(total.shape),
  },
}

/** @throws NanoGptError 'unsupported' for an op without a cost rule */
export function costOf(op: string, call: OpCall): Cost {
  if (!Object.hasOwn(rules, op))
    throw new NanoGptError('unsupported', `bench: the op ${op} has no cost; give it one in lib/bench/cost.ts`)
  const { flops, bytes } = rules[op]
  return { flops: flops(call), bytes: bytes?.(call) ?? bytesIn(call.inputs) + bytesIn(call.outputs) }
}

/** An op of a Program with the specs of its operands. */
export function callOf(program: Program, node: Node): OpCall {
  const specs = (ids: readonly number[]) => ids.map((id) => program.buffers[id])
  return { inputs: specs(node.inputs), outputs: specs(node.outputs), attributes: node.attributes }
}

/** The cost of one run of a Program. */
export function costOfProgram(program: Program): Cost {
  const costs = program.ops.map((node) => costOf(node.op, callOf(program, node)))
  return costs.reduce((sum, { flops, bytes }) => ({ flops: sum.flops + flops, bytes: sum.bytes + bytes }), {
    flops: 0,
    bytes: 0,
  })
}
