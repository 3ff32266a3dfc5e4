// A case of the table: a small Program, the Store's contents before it, and the expected results.

import type { Session } from '../../lib/backend/backend'
import { JsSession } from '../../lib/backend/js/session'
import { RecordLayout } from '../../lib/backend/records'
import { allocate, type Dtype, lastOf, type Shape, sizeOf, type TypedArray } from '../../lib/graph/dtype'
import type { Attributes, Buffer, Precision, Program } from '../../lib/graph/program'
import { fromBf16Bits } from '../../lib/graph/rounding'
import { opsByName } from '../../lib/ops'
import { boundsOf, type Operand } from './bounds'

export interface StoreTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: Shape
  readonly values: TypedArray
}

export interface Case {
  /** Unique. Begins with the op's name. */
  readonly name: string
  readonly op: string
  readonly program: Program
  readonly store: readonly StoreTensor[]
  /** One record per run. */
  readonly records: readonly Readonly<Record<string, number | ArrayLike<number>>>[]
  /** The Store tensors and outputs that are compared. */
  readonly results: readonly { readonly kind: 'store' | 'output'; readonly name: string }[]
  /** Computes the bounds of the results from the reference's results. */
  bounds(expected: readonly ArrayLike<number>[]): ArrayLike<number>[]
  /** The bound on the normalized mean squared errors. */
  readonly nmse: number
  /** The same for each row. */
  readonly rowNmse: number
  /** The error that must end the run: its code and op. */
  readonly error?: { readonly code: string; readonly op: number }
  /** Takes long, or makes a large file. */
  readonly large: boolean
}

/** An input of a case's op. If the same object occurs twice, both inputs use one buffer. */
export interface Given extends Operand {
  readonly values: TypedArray
}

export interface CaseOptions {
  /** Shapes and dtypes of the outputs, if the op's own rule does not determine them. */
  readonly outputs?: readonly { dtype: Dtype; shape: Shape }[]
  /** The bf16 outputs, by index. */
  readonly bf16?: readonly number[]
  readonly large?: boolean
  /** Where f32 cannot achieve the default of 1e-12; the reason is given next to it. */
  readonly nmse?: number
  /** The bound for each row. Default: `nmse`. */
  readonly rowNmse?: number
  /** The run must end with this code. */
  readonly error?: string
  /** With `error`: whether the op writes its results before it fails, so that they are compared. */
  readonly written?: boolean
  /** The Program's precision. Default: bf16 if a tensor is bf16, otherwise f32. */
  readonly precision?: Precision
}

/**
 * A case of one op. Its tensors are in the Store; its scalars, integers and random keys are inputs.
 * Results go to the Store, which initially holds NaN (or −1) there, so that elements that are not
 * written are detected.
 */
export function opCase(
  op: string,
  variant: string,
  inputs: readonly Given[],
  attributes: Attributes = {},
  options: CaseOptions = {},
): Case {
  const definition = opsByName.get(op)
  if (!definition) throw new Error(`there is no op ${op}`)
  const specs = (options.outputs ?? definition.shape(inputs.map(asFloat), attributes)).map((spec, output) =>
    options.bf16?.includes(output) ? { ...spec, dtype: 'bf16' as const } : spec,
  )
  const inBf16 = [...inputs, ...specs].some(({ dtype }) => dtype === 'bf16')
  const precision = options.precision ?? (inBf16 ? 'bf16' : 'f32')
  const buffers: Buffer[] = []
  const store: StoreTensor[] = []
  const record: Record<string, TypedArray> = {}
  const ids = new Map<Given, number>()
  const updated = new Set(specs.map((_, output) => definition.inPlace?.(inputs.length, output) ?? -1))
  inputs.forEach((input, index) => {
    if (ids.has(input)) return
    const { dtype, shape, values } = input
    const name = `in${index}`
    const stored = (dtype === 'f32' || dtype === 'bf16') && shape.length > 0
    const role = updated.has(index) || stored ? 'store' : 'input'
    ids.set(input, buffers.push({ name, dtype, role, shape }) - 1)
    if (role === 'store') store.push({ name, dtype, shape, values })
    else record[name] = values
  })
  const outputs = specs.map(({ dtype, shape }, output) => {
    const shared = definition.inPlace?.(inputs.length, output) ?? -1
    if (shared >= 0) return ids.get(inputs[shared])!
    const name = `out${output}`
    const values = allocate(dtype, sizeOf(shape)).fill(dtype === 'f32' ? Number.NaN : -1) // −1 as bf16 bits is a NaN
    store.push({ name, dtype, shape, values })
    return buffers.push({ name, dtype, role: 'store', shape }) - 1
  })
  const name = `${op} ${variant}`
  const node = { op, inputs: inputs.map((input) => ids.get(input)!), outputs, attributes }
  return {
    name,
    op,
    program: { name, ...(precision !== 'f32' && { precision }), buffers, ops: [node] },
    store,
    records: [record],
    results:
      options.error && !options.written
        ? []
        : outputs.map((id) => ({ kind: 'store', name: buffers[id].name })),
    bounds: (expected) =>
      boundsOf(op, {
        inputs: inputs.map(asFloat),
        outputs: specs.map(({ dtype, shape }, i) => ({ dtype, shape, values: expected[i] })),
        attributes,
      }),
    nmse: options.nmse ?? (specs.some(({ dtype }) => dtype === 'bf16') ? bf16Nmse(specs) : 1e-12),
    rowNmse: options.rowNmse ?? options.nmse ?? (inBf16 ? bf16RowNmse : 1e-12),
    error: options.error ? { code: options.error, op: 0 } : undefined,
    large: options.large ?? false,
  }
}

/** An operand with its values as floats, for formulas. */
export function asFloat<T extends Operand>(operand: T): T {
  if (operand.dtype !== 'bf16') return operand
  return { ...operand, dtype: 'f32', values: fromBf16Bits(operand.values as Uint16Array) }
}

/**
 * The reference rounds too, so a correct result differs only where the two are on different sides
 * of a tie. The difference is then one unit in bf16's last place, at most 2⁻⁷ relative.
 */
const bf16RowNmse = 2 ** -14

/** Allows this for one element, and for one in 64 of many, among those that contribute most. */
function bf16Nmse(outputs: readonly { shape: Shape }[]): number {
  const fewest = Math.min(...outputs.map(({ shape }) => sizeOf(shape)))
  return bf16RowNmse * Math.min(1, 4 / fewest + 1 / 64)
}

/** The number of elements in a row of a result: the argument `row` of `compare`. */
export function rowOf({ program }: Case, result: string): number {
  const { shape } = program.buffers.find(({ name }) => name === result)!
  return lastOf(shape)
}

/** The outcome of a case on a session: its results, and how the run ended. */
export interface Outcome {
  readonly results: readonly TypedArray[]
  readonly failure?: {
    readonly code: string
    readonly message: string
    readonly op: number
    readonly opName: string
    readonly buffer?: string
  }
}

/** Runs a case in a new session. */
export async function runCase(session: Session, it: Case): Promise<Outcome> {
  const { program } = it
  try {
    // Calls run in order, so there is no need to await each.
    await Promise.all(
      it.store.flatMap(({ name, dtype, shape, values }) => [
        session.allocate(name, dtype, shape),
        session.write(name, values),
      ]),
    )
    const handle = await session.compile(program)
    const inputs = new RecordLayout(program, 'input').pack(it.records)
    const { outputs, failure } = await session.run(it.records.length, [{ program: handle, times: 1, inputs }])
    const layout = new RecordLayout(program, 'output')
    const results = await Promise.all(
      it.results.map(async ({ kind, name }) => {
        const values = kind === 'store' ? await session.read(name) : layout.unpack(outputs[0], name)
        const { dtype } = program.buffers.find((buffer) => buffer.name === name)!
        return dtype === 'bf16' ? fromBf16Bits(values as Uint16Array) : values
      }),
    )
    return { results, failure }
  } finally {
    await session.dispose()
  }
}

export interface Reference extends Outcome {
  readonly bounds: readonly ArrayLike<number>[]
}

/** The expected outcome: the case in float64, and the bounds. */
export async function referenceOf(it: Case): Promise<Reference> {
  const outcome = await runCase(new JsSession({ precision: 'f64' }), it)
  return { ...outcome, bounds: it.results.length > 0 ? it.bounds(outcome.results) : [] }
}
