// The processor's peak, and how far an op is from it: the roofline model (Williams, Waterman and Patterson, 2009).

import { loadAddon } from '../backend/native/addon'
import { setThreads } from '../backend/native/session'
import type { Cost } from './cost'
import type { BenchOptions, Peak, Result } from './result'

/** Measured with the pool's threads; undefined where there is no native engine to measure with. */
export async function measurePeak(options: BenchOptions): Promise<Peak | undefined> {
  const { addon } = loadAddon()
  if (!addon) return undefined
  await setThreads(addon, options.threads)
  const { flopsPerSecond, readBytesPerSecond, triadBytesPerSecond } = await addon.peak(options.instructionSet)
  // What no traffic exceeds, be it all reading or not.
  return { flopsPerSecond, bytesPerSecond: Math.max(readBytesPerSecond, triadBytesPerSecond) }
}

/** What was reached, and how much of what the peak allows. */
export function achieved(
  cost: Cost,
  ms: number,
  peak: Peak | undefined,
): Pick<Result, 'flopsPerSecond' | 'bytesPerSecond' | 'share' | 'limit'> {
  const seconds = ms / 1000
  const rates = { flopsPerSecond: cost.flops / seconds, bytesPerSecond: cost.bytes / seconds }
  if (!peak) return rates
  const [computing, moving] = [cost.flops / peak.flopsPerSecond, cost.bytes / peak.bytesPerSecond]
  return {
    ...rates,
    share: Math.max(computing, moving) / seconds,
    limit: computing >= moving ? 'compute' : 'memory',
  }
}
