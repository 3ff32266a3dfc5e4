// Switches off attention heads for a whole generation. The result of each attention layer is
// multiplied by a diagonal matrix in the Store, so other heads can be switched off without compiling
// anything anew.

import type { Tensor } from '../graph/tensor'
import type { Attended, Observer } from '../graph/trace'
import { matmul } from '../ops'
import type { Generation } from './options'

/** The heads that are switched off. */
export type Without = Generation['without']

/** The matrix of an attention layer: f32 [channels, channels]. */
export const headsName = (cache: string, layer: number) => `generation/${cache}/heads/${layer}`

/** An attention layer whose heads can be switched off. */
export interface SwitchedLayer {
  readonly channels: number
  readonly heads: number
}

/** Adds the products to a Program that is traced. */
export class HeadSwitches implements Observer {
  /** The layers seen, in the order in which they are computed. */
  readonly layers: SwitchedLayer[] = []

  constructor(private readonly cache: string) {}

  attended(_: string, { heads }: Attended, y: Tensor): Tensor {
    const channels = y.shape[2]
    const name = headsName(this.cache, this.layers.length)
    this.layers.push({ channels, heads })
    return matmul(y, y.trace!.store(name, 'f32', [channels, channels]))
  }
}
