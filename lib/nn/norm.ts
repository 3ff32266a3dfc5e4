// The norms that a block can use.

import { LayerNorm } from './layer_norm'
import { RmsNorm } from './rms_norm'

export const normNames = ['layer', 'rms'] as const
export type NormName = (typeof normNames)[number]

export interface NormOptions {
  /** The kind of norm. Default: 'layer'. */
  norm?: NormName
  /** Whether the norm has a gain and, for a layer norm, a bias. Default: true. */
  normAffine?: boolean
  /** Added to the variance or mean square. 0: 1e-5 for 'layer', 1e-6 for 'rms'. Default: 0. */
  normEpsilon?: number
  /** Whether a layer norm may have a bias. Default: true. */
  bias?: boolean
}

export type Norm = LayerNorm | RmsNorm

/** Creates a norm over `channels` channels. */
export function createNorm(channels: number, options: NormOptions = {}): Norm {
  const { norm = 'layer', normAffine = true, normEpsilon, bias = true } = options
  const epsilon = normEpsilon || undefined
  if (norm === 'rms') return new RmsNorm(channels, { epsilon, gain: normAffine })
  return new LayerNorm(channels, { epsilon, gain: normAffine, bias: normAffine && bias })
}
