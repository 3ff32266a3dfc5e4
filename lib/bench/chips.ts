// What is published of GPUs that may not be at hand.

import type { ChipName } from '../options'
import type { Peak } from './result'

/**
 * Multiply-adds in f32 with all cores at the highest clock; those in bf16 and f16 are no faster. Memory's rate is Apple's.
 * github.com/philipturner/metal-benchmarks has both.
 */
export const chips = {
  m2: { flopsPerSecond: 3.6e12, bytesPerSecond: 100e9 },
  'm2-max': { flopsPerSecond: 13.6e12, bytesPerSecond: 400e9 },
  'm1-max': { flopsPerSecond: 10.6e12, bytesPerSecond: 400e9 },
} as const satisfies Readonly<Record<ChipName, Peak>>
