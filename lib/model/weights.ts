// A model's weights in a session's Store: initialization, loading and reading.

import { allocateAll } from '../backend/allocate'
import type { Session } from '../backend/backend'
import { beforeDiverged, NanoGptError, printable } from '../errors'
import {
  allocate,
  type Dtype,
  describe,
  type Shape,
  sameShape,
  sizeOf,
  type TensorSpec,
  type TypedArray,
} from '../graph/dtype'
import type { Parameter } from '../graph/tensor'
import { averageName, averagePrefix } from '../optim/average'
import { optimizerNames } from '../optim/names'
import { normalFill, type Seed, site, uniformFill } from '../random/philox'

/** A named tensor outside the Store. */
export interface TensorState {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: Shape
  readonly data: TypedArray
}

/** The initial values of a parameter. They depend only on the seed and the parameter's path. */
export function initialValues(parameter: Parameter, seed: Seed): Float32Array {
  const { initial, path } = parameter
  const values = allocate('f32', sizeOf(parameter.shape), `the weight ${path}`)
  if (initial.kind === 'constant') values.fill(initial.value)
  else if (initial.kind === 'normal') normalFill(values, site(`${path}.init`), seed, initial.deviation)
  else uniformFill(values, initial.bound, site(`${path}.init`), seed)
  return values
}

/** The names (paths) and shapes of the parameters. */
export function weightTensors(parameters: readonly Parameter[]): { name: string; shape: Shape }[] {
  return parameters.map(({ path, shape }) => ({ name: path, shape }))
}

/** Allocates the parameters and fills them with their initial values. */
export async function initializeWeights(
  session: Session,
  parameters: readonly Parameter[],
  seed: Seed,
): Promise<void> {
  await allocateAll(
    session,
    parameters.map(({ path, dtype, shape }) => ({ name: path, dtype, shape })),
  )
  for (const parameter of parameters) await session.write(parameter.path, initialValues(parameter, seed))
}

/** A tensor of a file that has not been read yet. */
export interface StreamedTensor extends TensorSpec {
  readonly name: string
  /** Reads the elements in order, part by part. The memory of a part is used again for the next. */
  parts(): AsyncIterable<TypedArray>
}

export type StoredTensor = TensorState | StreamedTensor

/** Tensors by name, and the file they come from. */
export interface TensorSource {
  readonly path: string
  readonly tensors: ReadonlyMap<string, StoredTensor>
}

/**
 * The prefix of a parameter's path in the name of its average or of an optimizer's state, such as
 * `adamw/m/`.
 */
const group = new RegExp(`^(${averagePrefix}|(${optimizerNames.join('|')})/[a-z]+/)`)

/**
 * The weights among the tensors of a checkpoint, by path: the averaged ones if it has any. The state
 * of the optimizer is left out.
 */
export function weightsIn(tensors: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  const weights = new Map<string, StoredTensor>()
  for (const [name, tensor] of tensors) {
    if (tensor.dtype !== 'f32' || group.test(name)) continue
    const averaged = tensors.get(averageName(name))
    weights.set(name, averaged ? { ...averaged, name } : tensor)
  }
  return weights
}

/** The elements of a tensor in parts, each of which must be used before the next one. */
export function partsOf(tensor: StoredTensor): Iterable<TypedArray> | AsyncIterable<TypedArray> {
  return 'data' in tensor ? [tensor.data] : tensor.parts()
}

/** All elements of an f32 tensor. */
export async function elementsOf(tensor: StoredTensor): Promise<Float32Array> {
  if ('data' in tensor) return tensor.data as Float32Array
  const all = allocate('f32', sizeOf(tensor.shape), `the weight ${tensor.name}`)
  let first = 0
  for await (const part of tensor.parts()) {
    all.set(part, first)
    first += part.length
  }
  return all
}

/**
 * Rejects a file with tensors that belong to no parameter. Its metadata then describes a different
 * model, and some of its layers would be ignored.
 *
 * @param wanted names of tensors that include the path of each parameter, with or without a prefix
 * @throws NanoGptError 'checkpoint' that names one of these tensors
 */
function refuseStrangers({ path, tensors }: TensorSource, wanted: readonly { name: string }[]): void {
  const paths = new Set(wanted.map(({ name }) => name.replace(group, '')))
  // Every tensor of a model is f32. Another program may have added other tensors to the file.
  const strangers = [...tensors.values()]
    .filter(({ name, dtype }) => dtype === 'f32' && !paths.has(name.replace(group, '')))
    .map(({ name }) => name)
  if (strangers.length === 0) return
  // Naming a weight is more helpful than naming its optimizer's state.
  const named = strangers.find((name) => !group.test(name)) ?? strangers[0]
  const others = strangers.length > 1 ? ` (nor do ${strangers.length - 1} more)` : ''
  throw new NanoGptError('checkpoint', {
    subject: path,
    reason: `its tensor ${printable(named)} belongs to no part of the model that its metadata describes${others}`,
    remedy: 'copy it again from where it came, or take another checkpoint of its run',
  })
}

/**
 * Allocates f32 tensors and fills them from a checkpoint.
 *
 * @param nameThere maps a tensor's name to its name in the checkpoint. Default: the same name
 * @throws NanoGptError 'checkpoint' if a tensor is missing, has another dtype or shape, or belongs
 *   to no parameter; 'non_finite' if one has a value that is not finite
 */
export async function loadTensors(
  session: Session,
  wanted: readonly { name: string; shape: Shape }[],
  source: TensorSource,
  nameThere = (name: string) => name,
): Promise<void> {
  refuseStrangers(source, wanted)
  for (const { name, shape } of wanted) {
    const there = nameThere(name)
    const found = source.tensors.get(there)
    if (found?.dtype !== 'f32' || !sameShape(found.shape, shape)) {
      const instead = found ? `it is ${describe(found)}` : 'it is missing'
      throw new NanoGptError('checkpoint', {
        subject: source.path,
        reason: `${there} should be f32 [${shape.join(', ')}], but ${instead}`,
        remedy: 'copy it again from where it came, or take another checkpoint of its run',
      })
    }
    await session.allocate(name, 'f32', shape)
    let first = 0
    // A part is written while the next one is read.
    let written = Promise.resolve()
    for await (const part of partsOf(found)) {
      requireFinite(source.path, there, part, first)
      await written
      written = session.write(name, part, first)
      // It is awaited, unless reading fails.
      written.catch(() => {})
      first += part.length
    }
    await written
  }
}

/** The exponent bits of a float32. NaN and the infinities have all of them. */
const exponent = 0x7f80_0000

/**
 * @param first the number of the first element
 * @throws NanoGptError 'non_finite' if a tensor of a checkpoint has a value that is not finite
 */
function requireFinite(path: string, name: string, data: TypedArray, first: number): void {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i] & exponent) !== exponent) continue
    throw new NanoGptError('non_finite', {
      subject: path,
      reason: `element ${first + i} of its tensor ${name} is ${data[i]}`,
      remedy: beforeDiverged,
    })
  }
}

/**
 * Allocates the parameters and fills them from a checkpoint: with the averaged weights if it has
 * any.
 */
export async function loadWeights(
  session: Session,
  parameters: readonly Parameter[],
  source: TensorSource,
): Promise<void> {
  const averaged = parameters.some(({ path }) => source.tensors.has(averageName(path)))
  await loadTensors(session, weightTensors(parameters), source, averaged ? averageName : undefined)
}

/** Copies the weights that the model computes with out of the Store, named by path. */
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

/** Copies f32 tensors out of the Store. Runs that are requested later do not change the copies. */
export function readTensors(
  session: Session,
  wanted: readonly { name: string; shape: Shape }[],
): Promise<TensorState[]> {
  return Promise.all(
    wanted.map(async ({ name, shape }) => ({ name, dtype: 'f32', shape, data: await session.read(name) })),
  )
}
