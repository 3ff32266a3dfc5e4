// A model's weights in a session's Store: how they begin, and how they come and go.

import type { Session } from '../backend/backend'
import { NanoGptError } from '../errors'
import { type Dtype, describe, type Shape, sameShape, sizeOf, type TypedArray } from '../graph/dtype'
import type { Parameter } from '../graph/tensor'
import { averageName } from '../optim/average'
import { normalFill, type Seed, site, uniformFill } from '../random/philox'

/** A named tensor outside the Store. */
export interface TensorState {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: Shape
  readonly data: TypedArray
}

/** What a parameter begins as: a function of the seed and its path alone. */
export function initialValues(parameter: Parameter, seed: Seed): Float32Array {
  const values = new Float32Array(sizeOf(parameter.shape))
  const { initial, path } = parameter
  if (initial.kind === 'constant') values.fill(initial.value)
  else if (initial.kind === 'normal') normalFill(values, site(`${path}.init`), seed, initial.deviation)
  else uniformFill(values, initial.bound, site(`${path}.init`), seed)
  return values
}

/** The parameters as named tensors. */
export function weightTensors(parameters: readonly Parameter[]): { name: string; shape: Shape }[] {
  return parameters.map(({ path, shape }) => ({ name: path, shape }))
}

/** Allocates the parameters and fills them with their initial values. */
export async function initializeWeights(
  session: Session,
  parameters: readonly Parameter[],
  seed: Seed,
): Promise<void> {
  for (const parameter of parameters) {
    await session.allocate(parameter.path, parameter.dtype, parameter.shape)
    await session.write(parameter.path, initialValues(parameter, seed))
  }
}

/** Allocates f32 tensors and fills them from a checkpoint's, which may have other names there. */
export async function loadTensors(
  session: Session,
  wanted: readonly { name: string; shape: Shape }[],
  source: { readonly path: string; readonly tensors: ReadonlyMap<string, TensorState> },
  nameThere = (name: string) => name,
): Promise<void> {
  for (const { name, shape } of wanted) {
    const there = nameThere(name)
    const found = source.tensors.get(there)
    if (found?.dtype !== 'f32' || !sameShape(found.shape, shape)) {
      const instead = found ? `it is ${describe(found)}` : 'it is missing'
      throw new NanoGptError(
        'checkpoint',
        `${source.path}: ${there} should be f32 [${shape.join(', ')}], but ${instead}`,
      )
    }
    await session.allocate(name, 'f32', shape)
    await session.write(name, found.data)
  }
}

/** Allocates the parameters and fills them from a checkpoint: with the averages of its weights, if it has any. */
export async function loadWeights(
  session: Session,
  parameters: readonly Parameter[],
  source: { readonly path: string; readonly tensors: ReadonlyMap<string, TensorState> },
): Promise<void> {
  const averaged = parameters.some(({ path }) => source.tensors.has(averageName(path)))
  await loadTensors(session, weightTensors(parameters), source, averaged ? averageName : undefined)
}

/** Copies the values with which a model computes out of the Store, by path. */
export async function readWeights(
  session: Session,
  parameters: readonly Parameter[],
): Promise<TensorState[]> {
  const states = await readTensors(
    session,
    parameters.map(({ name, shape }) => ({ name, shape })),
  )
  return states.map((state, i) => ({ ...state, name: parameters[i].path }))
}

/** Copies f32 tensors out of the Store. */
export async function readTensors(
  session: Session,
  wanted: readonly { name: string; shape: Shape }[],
): Promise<TensorState[]> {
  const states: TensorState[] = []
  for (const { name, shape } of wanted)
    states.push({ name, dtype: 'f32', shape, data: await session.read(name) })
  return states
}
