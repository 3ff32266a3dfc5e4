// Runs a Program once, outside a training.

import { NanoGptError } from '../errors'
import type { TypedArray } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { Session } from './backend'
import { compile } from './compiled'

/** Runs a Program that uses no Store tensors and returns its output `y`. */
export async function runOnce(
  session: Session,
  program: Program,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
): Promise<TypedArray> {
  const compiled = await compile(session, program)
  const { outputs, failure } = await session.run(1, [
    { program: compiled.handle, times: 1, inputs: compiled.inputs.pack([inputs]) },
  ])
  if (failure) throw new NanoGptError(failure.code, failure.message)
  return compiled.outputs.unpack(outputs[0], 'y')
}
