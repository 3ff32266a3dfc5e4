// The key/value cache of one generation, as a Program that is being traced sees it: what attention has computed for the tokens
// so far stands in the Store, and the Program's own tokens continue it.

import type { Tensor } from './tensor'
import type { Trace } from './trace'

export class Cache {
  /** Position of the first new token: i32 []. */
  readonly start: Tensor

  /**
   * @param lane tells generations that run side by side apart
   * @param capacity positions it can hold: the model's block size
   */
  constructor(
    private readonly trace: Trace,
    private readonly lane: string,
    private readonly capacity: number,
  ) {
    this.start = trace.input('start', 'i32', [])
  }

  /** The Store tensor [B, capacity, C] for a module's keys or values, given new ones x [B, T, C]. */
  tensor(path: string, x: Tensor): Tensor {
    const [B, , C] = x.shape
    return this.trace.store(`cache/${this.lane}/${path}`, 'f32', [B, this.capacity, C])
  }
}
