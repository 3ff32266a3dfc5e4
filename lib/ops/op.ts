// The definition of an op, and how a call becomes a recorded node (symbolic operands) or a result
// (eager operands).

import { NanoGptError } from '../errors'
import { allocate, type Dtype, describe, type FloatArray, sizeOf, type TensorSpec } from '../graph/dtype'
import type { Attributes } from '../graph/program'
import { type Parameter, Tensor } from '../graph/tensor'

export interface GradientCall {
  readonly inputs: readonly Tensor[]
  readonly outputs: readonly Tensor[]
  /** The gradient of each output; undefined where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | undefined)[]
  readonly attributes: Attributes
  /** For each input, whether its gradient is needed. The others are ignored. */
  readonly needed: readonly boolean[]
}

/** The indices of an op's tensors that may be bf16 in a bf16 Program. */
export interface Bf16 {
  /** Inputs of products. They must be bf16. */
  readonly operands?: readonly number[]
  readonly inputs?: readonly number[]
  readonly outputs?: readonly number[]
  /** Whether the outputs must be bf16. Default: false. */
  readonly always?: boolean
}

export interface Op {
  readonly name: string
  /** Whether only the fusion pass creates this op. Default: false. */
  readonly fused?: boolean
  /** Names of the attributes that are encoded as integers. */
  readonly integers?: readonly string[]
  /**
   * The shape rule: returns the specs of the outputs, or throws an error that names the mismatch.
   */
  shape(inputs: readonly TensorSpec[], attributes: Attributes): TensorSpec[]
  /** The gradient rule: returns a gradient for each input, undefined where there is none. */
  gradient?(call: GradientCall): (Tensor | undefined)[]
  /**
   * The formula, for both Float32Array and Float64Array. The outputs of an in-place op are the
   * arrays of its inputs.
   */
  reference(inputs: readonly Tensor[], outputs: readonly Tensor[], attributes: Attributes): void
  /** Inputs of products. A tf32 Program rounds them first. */
  readonly tf32?: readonly number[]
  /**
   * The tensors that may be bf16. The shape rule deals only with f32, since passes/precision.ts
   * runs after it.
   */
  readonly bf16?: Bf16 | ((attributes: Attributes) => Bf16 | undefined)
  /** The input whose buffer output `output` shares, or -1. Absent if no output shares a buffer. */
  inPlace?(inputs: number, output: number): number
}

const defined = new Map<string, Op>()

/** Every op by name. Import it from ops/index.ts, which loads the file of each op. */
export const opsByName: ReadonlyMap<string, Op> = defined

/** Adds an op to `opsByName`. */
export function defineOp(op: Op): Op {
  if (defined.has(op.name)) throw new Error(`two ops are named ${op.name}`)
  defined.set(op.name, op)
  return op
}

export type Operand = Tensor | Parameter

/** Calls an op: records it if any operand is symbolic, otherwise computes it with its reference. */
export function apply(op: Op, operands: readonly Operand[], attributes: Attributes = {}): Tensor[] {
  const trace = operands.find(
    (operand): operand is Tensor => operand instanceof Tensor && !!operand.trace,
  )?.trace
  const inputs = operands.map((operand) => {
    if (operand instanceof Tensor) return operand
    if (trace) return trace.parameter(operand)
    throw new NanoGptError(
      'shape',
      `${op.name}: the parameter ${operand.path || '(unnamed)'} has no data outside a Program`,
    )
  })
  const specs = op.shape(inputs, attributes)
  if (trace) {
    const into = op.inPlace && specs.map((_, output) => inputs[op.inPlace!(inputs.length, output)])
    return trace.record(op.name, inputs, attributes, specs, into)
  }
  return computeEagerly(op, inputs, attributes, specs)
}

/** Like `apply`, but writes the results over whole Store tensors. */
export function applyInto(
  op: Op,
  inputs: readonly Tensor[],
  attributes: Attributes,
  into: readonly Tensor[],
): void {
  const trace = into[0].trace
  if (!trace) throw new NanoGptError('program', `${op.name}: the destination is not part of a Program`)
  op.shape(inputs, attributes).forEach((spec, i) => {
    expectSpec(op.name, 'destination', into[i], spec.dtype, spec.shape)
  })
  trace.record(op.name, inputs, attributes, into, into)
}

function computeEagerly(op: Op, inputs: Tensor[], attributes: Attributes, specs: TensorSpec[]): Tensor[] {
  // f64 operands give f64 results. Gradient checks rely on this.
  const wide = inputs.some((input) => input.dtype === 'f64')
  const outputs = specs.map((spec, output) => {
    const alias = op.inPlace?.(inputs.length, output) ?? -1
    if (alias >= 0) return inputs[alias]
    const dtype: Dtype = wide && spec.dtype === 'f32' ? 'f64' : spec.dtype
    return new Tensor(dtype, spec.shape, allocate(dtype, sizeOf(spec.shape)))
  })
  op.reference(inputs, outputs, attributes)
  return outputs
}

/** The elements of a float tensor. */
export function floats(tensor: Tensor): FloatArray {
  return tensor.data as FloatArray
}

const isFloat = (dtype: Dtype) => dtype === 'f32' || dtype === 'f64'

/** @throws NanoGptError 'shape', with the message `<op>: <message>`, unless `condition` holds */
export function demand(condition: boolean, op: string, message: () => string): asserts condition {
  if (!condition) throw new NanoGptError('shape', `${op}: ${message()}`)
}

/**
 * @throws NanoGptError 'shape' unless the spec has this dtype ('f32' also accepts f64) and shape
 */
export function expectSpec(
  op: string,
  what: string,
  spec: TensorSpec | undefined,
  dtype: Dtype,
  shape?: readonly number[],
): void {
  demand(spec !== undefined, op, () => `${what} is missing`)
  const right = dtype === 'f32' ? isFloat(spec.dtype) : spec.dtype === dtype
  demand(right, op, () => `${what} must be ${dtype}, not ${describe(spec)}`)
  if (shape) {
    const same = spec.shape.length === shape.length && spec.shape.every((d, i) => d === shape[i])
    demand(same, op, () => `${what} must have shape [${shape.join(', ')}], not [${spec.shape.join(', ')}]`)
  }
}

export function expectFloat(op: string, what: string, spec: TensorSpec | undefined): void {
  expectSpec(op, what, spec, 'f32')
}

/**
 * Checks the operands of an op that takes n tensors for each of several names. Each group of n must
 * have the shapes of the first, in the same order.
 *
 * @returns n
 */
export function expectGroups(op: string, tensors: readonly TensorSpec[], names: readonly string[]): number {
  const n = tensors.length / names.length
  demand(
    Number.isInteger(n) && n >= 1,
    op,
    () => `${tensors.length} tensors are not as many of each: ${names.join(', ')}`,
  )
  tensors.forEach((tensor, i) => {
    expectFloat(op, names[0], tensors[i % n])
    expectSpec(op, names[Math.floor(i / n)], tensor, 'f32', tensors[i % n].shape)
  })
  return n
}

/** The error that ends a run because an op rejects the contents of its input number `input`. */
export class InputError extends NanoGptError {
  readonly input: number

  constructor(code: 'out_of_range' | 'non_finite', message: string, input: number) {
    super(code, message)
    this.input = input
  }
}

export function outOfRange(message: string, input: number): never {
  throw new InputError('out_of_range', message, input)
}

/** The error that ends a run because an op wrote a value that is not finite to an output. */
export class OutputError extends NanoGptError {
  readonly output: number

  constructor(op: string, output: number) {
    super('non_finite', `${op}: output ${output} has a value that is not finite`)
    this.output = output
  }
}

/**
 * Throws an OutputError for the last output with a value that is not finite. Outputs are parameters
 * followed by their state, so the error names the state, which is computed first. A float64 value
 * that a float32 cannot hold counts too, because float64 only stands in for float32.
 */
export function expectFinite(op: string, outputs: readonly Tensor[]): void {
  const output = outputs.findLastIndex((tensor) => !allFinite(floats(tensor)))
  if (output >= 0) throw new OutputError(op, output)
}

function allFinite(values: FloatArray): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(Math.fround(values[i]))) return false
  return true
}
