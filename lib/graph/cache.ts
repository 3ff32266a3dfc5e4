// The key/value cache of some generations, as a Program that is being traced sees it: what attention has computed for the tokens
// so far stands in the Store, a slot for each generation, and the Program's own tokens continue some of them.

import type { Tensor } from './tensor'
import type { Trace } from './trace'

export interface CacheOptions {
  /** Tells caches apart: generations in different caches share nothing. */
  readonly name: string
  /** Sequences that it holds (R). */
  readonly slots: number
  /** Positions that a slot holds (S): the model's block size. */
  readonly capacity: number
  /** Generations that the Program continues (B). */
  readonly batch: number
}

export class Cache {
  /** For each sequence, the position of its first new token: i32 [B]. */
  readonly start: Tensor
  /** For each sequence, its slot: i32 [B]. */
  readonly slot: Tensor

  constructor(
    private readonly trace: Trace,
    readonly options: CacheOptions,
  ) {
    this.start = trace.input('start', 'i32', [options.batch])
    this.slot = trace.input('slot', 'i32', [options.batch])
  }

  /** The Store tensor [R, S, C] for a module's keys or values, given new ones x [B, T, C]. */
  tensor(path: string, x: Tensor): Tensor {
    const { name, slots, capacity } = this.options
    return this.trace.store(`cache/${name}/${path}`, 'f32', [slots, capacity, x.shape[2]])
  }
}
