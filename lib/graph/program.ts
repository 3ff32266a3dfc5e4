// A Program: what a backend runs. Plain data; docs/program.md is its contract.

import { describe, type TensorSpec } from './dtype'

export const roles = ['store', 'input', 'output', 'temporary'] as const
export type Role = (typeof roles)[number]

export interface Buffer extends TensorSpec {
  readonly name: string
  readonly role: Role
}

/** An integer attribute is a `bigint` or an integer `number` whose op declares it so; see `Op.integers`. */
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
 * What a Program computes in. tf32: products round their operands to tf32. bf16: what lies between products is bf16, where the
 * buffers say so. Sums, statistics and the Store are f32 in any case.
 */
export const precisions = ['f32', 'tf32', 'bf16'] as const
export type Precision = (typeof precisions)[number]

export interface Program {
  readonly name: string
  /** Absent: f32. */
  readonly precision?: Precision
  readonly buffers: readonly Buffer[]
  readonly ops: readonly Node[]
}

/** One line for each op: `%7 f32 [32, 65] = matmul(%3, blocks.0.weight) transpose_b=true`. */
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

/** The Program's input (or output) buffers in order, as `run` packs them into records. */
export function buffersOf(program: Program, role: Role): Buffer[] {
  return program.buffers.filter((buffer) => buffer.role === role)
}
