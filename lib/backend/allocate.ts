// Allocation of many tensors.

import type { Dtype, Shape } from '../graph/dtype'
import type { Session } from './backend'

interface Tensor {
  readonly name: string
  /** Default: f32. */
  readonly dtype?: Dtype
  readonly shape: Shape
}

/**
 * Allocates tensors. The calls of a session run in order, so none of them waits here for the one before:
 * for small tensors, waiting takes longer than allocating.
 *
 * @throws NanoGptError 'out_of_memory'; the tensors before the one that failed are allocated
 */
export async function allocateAll(session: Session, tensors: readonly Tensor[]): Promise<void> {
  await Promise.all(tensors.map(({ name, dtype = 'f32', shape }) => session.allocate(name, dtype, shape)))
}
