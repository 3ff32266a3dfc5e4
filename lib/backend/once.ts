// Runs a Program once, outside a training.

import { NanoGptError } from '../errors'
import type { TypedArray } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { Session } from './backend'
import { type Compiled, compile } from './compiled'

type Inputs = Readonly<Record<string, number | ArrayLike<number>>>

/** Runs a Program that uses no Store tensors and returns its output `y`. */
export async function runOnce(session: Session, program: Program, inputs: Inputs): Promise<TypedArray> {
  const outputs = await runCompiled(session, await compile(session, program), inputs)
  return outputs('y')
}

/**
 * Runs a compiled Program once.
 *
 * @returns a function that returns an output by its name
 * @throws NanoGptError with the code of the failure
 */
export async function runCompiled(
  session: Session,
  { handle, inputs, outputs }: Compiled,
  values: Inputs,
): Promise<(name: string) => TypedArray> {
  const result = await session.run(1, [{ program: handle, times: 1, inputs: inputs.pack([values]) }])
  if (result.failure) throw new NanoGptError(result.failure.code, result.failure.message)
  return (name) => outputs.unpack(result.outputs[0], name)
}
