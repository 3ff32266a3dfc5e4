// The key/value cache of one generation: what attention has computed for the tokens so far.

import type { Tensor } from '../graph/tensor'
import type { Trace } from '../graph/trace'

export class Cache {
  /** Position of the first new token: i32 []. */
  readonly start: Tensor

  /**
   * @param name tells generations that run side by side apart
   * @param capacity positions it can hold: the model's block size
   */
  constructor(
    private readonly trace: Trace,
    private readonly name: string,
    private readonly capacity: number,
  ) {
    this.start = trace.input('start', 'i32', [])
  }

  /** The Store tensor [B, capacity, C] for a module's keys or values, given new ones x [B, T, C]. */
  tensor(path: string, x: Tensor): Tensor {
    const [B, , C] = x.shape
    return this.trace.store(`cache/${this.name}/${path}`, 'f32', [B, this.capacity, C])
  }
}
