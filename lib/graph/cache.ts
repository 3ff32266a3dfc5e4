// The key/value cache of generation, as seen by a Program being traced. The Store holds the keys
// and values that attention has computed so far, in one slot per generation. The Program's tokens
// continue some of these generations.

import type { Tensor } from './tensor'
import type { Trace } from './trace'

export interface CacheOptions {
  /** Identifies the cache. Generations in different caches share nothing. */
  readonly name: string
  /** Number of sequences that the cache holds (R). */
  readonly slots: number
  /** Positions per slot (S): the model's block size. */
  readonly capacity: number
  /** Number of generations that the Program continues (B). */
  readonly batch: number
}

export class Cache {
  /** The position of each sequence's first new token: i32 [B]. */
  readonly start: Tensor
  /** The slot of each sequence: i32 [B]. */
  readonly slot: Tensor

  constructor(
    private readonly trace: Trace,
    readonly options: CacheOptions,
  ) {
    this.start = trace.input('start', 'i32', [options.batch])
    this.slot = trace.input('slot', 'i32', [options.batch])
  }

  /**
   * The Store tensor [R, S, C] that caches a module's keys or values; x [B, T, C] holds the new
   * ones.
   */
  tensor(path: string, x: Tensor): Tensor {
    const { name, slots, capacity } = this.options
    return this.trace.store(`cache/${name}/${path}`, 'f32', [slots, capacity, x.shape[2]])
  }
}
