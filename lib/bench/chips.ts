// Published peaks of GPUs.

import type { ChipName } from '../options'
import type { Peak } from './result'

/**
 * The rate of f32 multiply-adds (2 FLOP each) with all cores at the highest clock; bf16 and f16 are
 * not faster. The memory bandwidth is Apple's specification. Source of both:
 * github.com/philipturner/metal-benchmarks
 */
export const chips = {
  m2: { flopsPerSecond: 3.6e12, bytesPerSecond: 100e9 },
  'm2-max': { flopsPerSecond: 13.6e12, bytesPerSecond: 400e9 },
  'm1-max': { flopsPerSecond: 10.6e12, bytesPerSecond: 400e9 },
} as const satisfies Readonly<Record<ChipName, Peak>>
