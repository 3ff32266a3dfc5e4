// Programs that are measured alone: made ready on a session, with numbers in the Store, and timed.

import type { Session } from '../backend/backend'
import { type Compiled, compileAsItIs } from '../backend/compiled'
import { shakespeareVocabSize as vocabSize } from '../data/shakespeare'
import { NanoGptError } from '../errors'
import { allocate, sizeOf } from '../graph/dtype'
import type { Precision, Program } from '../graph/program'
import { bf16Bits } from '../graph/rounding'
import { fuse } from '../passes/fuse'
import { inPrecision } from '../passes/precision'

/** Inputs of the cases, by name; a case takes those that its Program has. */
const inputs = { rng: [1, 2, 3], step: 1, learningRate: 1e-3, momentum: 0.95, scale: 1 }

/** Fills the Store and compiles. */
export async function prepare(session: Session, traced: Program, precision?: Precision): Promise<Compiled> {
  const program = withoutCasts(inPrecision(fuse(traced, session.fusedOps), precision ?? 'f32'))
  for (const { name, dtype, shape, role } of program.buffers) {
    if (role !== 'store') continue
    await session.allocate(name, dtype, shape)
    const isFloat = dtype === 'f32' || dtype === 'bf16'
    const values = allocate(isFloat ? 'f32' : dtype, sizeOf(shape))
    // Below 1 and none of them tiny, as a tensor's numbers are; an integer is a token.
    const value = (i: number) => (isFloat ? ((i * 7919) % 1009) / 1009 + 0.01 : i % vocabSize)
    for (let i = 0; i < values.length; i++) values[i] = value(i)
    await session.write(name, dtype === 'bf16' ? bf16Bits(values) : values)
  }
  return compileAsItIs(session, program)
}

/** What would be cast from the Store is in bf16 there, as if an op before had left it so. */
export function withoutCasts(program: Program): Program {
  const casts = new Map(
    program.ops
      .filter(({ op, inputs: [from] }) => op === 'cast' && program.buffers[from].role === 'store')
      .map(({ inputs: [from], outputs: [to] }) => [to, from]),
  )
  const cast = new Set(casts.values())
  // Buffers that nothing is cast to any more are left out.
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

/** Milliseconds of one of `count` runs. */
export async function timeRuns(session: Session, compiled: Compiled, count: number): Promise<number> {
  const records = Array.from({ length: count }, () => inputs)
  const { seconds, failure } = await session.run(count, [
    { program: compiled.handle, times: 1, inputs: compiled.inputs.pack(records) },
  ])
  if (failure) throw new NanoGptError(failure.code, `bench ${compiled.program.name}: ${failure.message}`)
  return (1000 * seconds) / count
}
