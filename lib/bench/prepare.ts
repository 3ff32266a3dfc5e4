// Prepares and times single Programs: fills their Store tensors and compiles them on a session.

import type { Session } from '../backend/backend'
import { type Compiled, compileAsItIs } from '../backend/compiled'
import { shakespeareVocabSize as vocabSize } from '../data/shakespeare'
import { NanoGptError } from '../errors'
import { allocate, sizeOf } from '../graph/dtype'
import type { Precision, Program } from '../graph/program'
import { bf16Bits } from '../graph/rounding'
import { fuse } from '../passes/fuse'
import { inPrecision } from '../passes/precision'

/** The inputs of all cases by name. Each Program uses those that it has. */
const inputs = { rng: [1, 2, 3], step: 1, learningRate: 1e-3, momentum: 0.95, scale: 1 }

/** Fills the Store and compiles. */
export async function prepare(session: Session, traced: Program, precision?: Precision): Promise<Compiled> {
  const program = withoutCasts(inPrecision(fuse(traced, session.fusedOps), precision ?? 'f32'))
  for (const { name, dtype, shape, role } of program.buffers) {
    if (role !== 'store') continue
    await session.allocate(name, dtype, shape)
    const isFloat = dtype === 'f32' || dtype === 'bf16'
    const values = allocate(isFloat ? 'f32' : dtype, sizeOf(shape))
    // Floats from 0.01 to about 1, so that none is subnormal; integers are token ids.
    const value = (i: number) => (isFloat ? ((i * 7919) % 1009) / 1009 + 0.01 : i % vocabSize)
    for (let i = 0; i < values.length; i++) values[i] = value(i)
    await session.write(name, dtype === 'bf16' ? bf16Bits(values) : values)
  }
  return compileAsItIs(session, program)
}

/**
 * Removes casts of Store tensors to bf16, and stores these tensors in bf16, as if a previous op had
 * written them.
 */
export function withoutCasts(program: Program): Program {
  const casts = new Map(
    program.ops
      .filter(({ op, inputs: [from] }) => op === 'cast' && program.buffers[from].role === 'store')
      .map(({ inputs: [from], outputs: [to] }) => [to, from]),
  )
  const cast = new Set(casts.values())
  // Remove the buffers that the casts wrote.
  const kept = [...program.buffers.keys()].filter((id) => !casts.has(id))
  const number = (id: number) => kept.indexOf(casts.get(id) ?? id)
  return {
    ...program,
    buffers: kept.map((id) => ({ ...program.buffers[id], ...(cast.has(id) && { dtype: 'bf16' as const }) })),
    ops: program.ops
      .filter(({ outputs: [to] }) => !casts.has(to))
      .map((node) => ({ ...node, inputs: node.inputs.map(number), outputs: node.outputs.map(number) })),
  }
}

/** Runs a Program `count` times and returns the milliseconds of one run. */
export async function timeRuns(session: Session, compiled: Compiled, count: number): Promise<number> {
  const records = Array.from({ length: count }, () => inputs)
  const { seconds, failure } = await session.run(count, [
    { program: compiled.handle, times: 1, inputs: compiled.inputs.pack(records) },
  ])
  if (failure) throw new NanoGptError(failure.code, `bench ${compiled.program.name}: ${failure.message}`)
  return (1000 * seconds) / count
}
