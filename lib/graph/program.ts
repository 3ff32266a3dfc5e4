// A Program is what a backend runs. It is plain data, specified in docs/program.md.

import { describe, type TensorSpec } from './dtype'

export const roles = ['store', 'input', 'output', 'temporary'] as const
export type Role = (typeof roles)[number]

export interface Buffer extends TensorSpec {
  readonly name: string
  readonly role: Role
}

/**
 * The value of an attribute. A number is encoded as an integer if its op lists the attribute in
 * `Op.integers`, and as a float otherwise.
 */
export type Attribute = boolean | number
export type Attributes = Readonly<Record<string, Attribute>>

export interface Node {
  readonly op: string
  /** Indices into the Program's buffers. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly attributes: Attributes
}

/**
 * The number formats in which a Program computes. With tf32, products round their operands to tf32.
 * With bf16, the values between products are bf16 where their buffers say so. Sums, statistics and
 * the Store are always f32.
 */
export const precisions = ['f32', 'tf32', 'bf16'] as const
export type Precision = (typeof precisions)[number]

export interface Program {
  readonly name: string
  /** Default: 'f32'. */
  readonly precision?: Precision
  readonly buffers: readonly Buffer[]
  readonly ops: readonly Node[]
}

/**
 * Prints a Program, one line per op:
 *
 *   %7 f32 [32, 65] = matmul(%3, blocks.0.weight) transpose_b=true
 */
export function print(program: Program): string {
  const name = (id: number) => {
    const buffer = program.buffers[id]
    return buffer.role === 'temporary' ? `%${id}` : buffer.name
  }
  const lines = program.buffers
    .filter((buffer) => buffer.role !== 'temporary')
    .map((buffer) => `  ${buffer.role} ${buffer.name}: ${describe(buffer)}`)
  for (const node of program.ops) {
    const outputs = node.outputs.map((id) => `${name(id)} ${describe(program.buffers[id])}`).join(', ')
    const sorted = Object.entries(node.attributes).sort(([a], [b]) => (a < b ? -1 : 1))
    const attributes = sorted.map(([key, value]) => ` ${key}=${value}`)
    lines.push(`  ${outputs} = ${node.op}(${node.inputs.map(name).join(', ')})${attributes.join('')}`)
  }
  const { name: title, precision = 'f32' } = program
  return `program ${title}${precision === 'f32' ? '' : ` (${precision})`}\n${lines.join('\n')}\n`
}

/** The Program's buffers of a role. `run` packs inputs and outputs into records in this order. */
export function buffersOf(program: Program, role: Role): Buffer[] {
  return program.buffers.filter((buffer) => buffer.role === role)
}
