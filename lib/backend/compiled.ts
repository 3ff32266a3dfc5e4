// Compiles a Program for a session: fuses it for the device, converts it to a precision, and
// computes the layout of its records.

import type { Precision, Program } from '../graph/program'
import { fuse } from '../passes/fuse'
import { inPrecision } from '../passes/precision'
import type { Executable, Session } from './backend'
import { RecordLayout } from './records'

export interface Compiled {
  /** The Program after all passes. */
  readonly program: Program
  readonly handle: Executable
  readonly inputs: RecordLayout
  readonly outputs: RecordLayout
}

/** Fuses, converts and compiles a Program. The Store must already hold the tensors that it uses. */
export function compile(session: Session, unfused: Program, precision: Precision = 'f32'): Promise<Compiled> {
  return compileAsItIs(session, inPrecision(fuse(unfused, session.fusedOps), precision))
}

/** Compiles a Program that has already been through the passes. */
export async function compileAsItIs(session: Session, program: Program): Promise<Compiled> {
  const handle = await session.compile(program)
  return {
    program,
    handle,
    inputs: new RecordLayout(program, 'input'),
    outputs: new RecordLayout(program, 'output'),
  }
}
