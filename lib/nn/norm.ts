// The norms that a block can have.

import { LayerNorm } from './layer_norm'
import { RmsNorm } from './rms_norm'

export const normNames = ['layer', 'rms'] as const
export type NormName = (typeof normNames)[number]

export interface NormOptions {
  /** Default 'layer'. */
  norm?: NormName
  /** Whether it has parameters: a gain, and a layer norm a bias. Default true. */
  normAffine?: boolean
  /** Whether there may be a bias at all. Default true. */
  bias?: boolean
}

export type Norm = LayerNorm | RmsNorm

/** A norm over so many channels. */
export function createNorm(channels: number, options: NormOptions = {}): Norm {
  const { norm = 'layer', normAffine = true, bias = true } = options
  if (norm === 'rms') return new RmsNorm(channels, { gain: normAffine })
  return new LayerNorm(channels, { gain: normAffine, bias: normAffine && bias })
}
