// A Program made ready on a session: fused as the device can, in the precision that is wanted, compiled, with the layout of
// its records.

import type { Precision, Program } from '../graph/program'
import { fuse } from '../passes/fuse'
import { inPrecision } from '../passes/precision'
import type { Executable, Session } from './backend'
import { RecordLayout } from './records'

export interface Compiled {
  /** As it runs. */
  readonly program: Program
  readonly handle: Executable
  readonly inputs: RecordLayout
  readonly outputs: RecordLayout
}

/** The tensors that the Program binds to must be in the Store. */
export function compile(session: Session, unfused: Program, precision: Precision = 'f32'): Promise<Compiled> {
  return compileAsItIs(session, inPrecision(fuse(unfused, session.fusedOps), precision))
}

/** A Program that has been through the passes already. */
export async function compileAsItIs(session: Session, program: Program): Promise<Compiled> {
  const handle = await session.compile(program)
  return {
    program,
    handle,
    inputs: new RecordLayout(program, 'input'),
    outputs: new RecordLayout(program, 'output'),
  }
}
