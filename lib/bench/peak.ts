// Measures the peak of a device, and compares ops with it: the roofline model (Williams, Waterman
// and Patterson, 2009).

import type { Session } from '../backend/backend'
import { openSession } from '../backend/devices'
import { loadAddon } from '../backend/native/addon'
import { setThreads } from '../backend/native/session'
import type { Precision } from '../graph/program'
import { Trace } from '../graph/trace'
import { copy, matmul } from '../ops'
import { type Cost, costOfProgram } from './cost'
import { prepare, timeRuns } from './prepare'
import type { BenchOptions, Peak, Result } from './result'

/** The peak of the device; undefined for 'js'. */
export async function measurePeak(options: BenchOptions): Promise<Peak | undefined> {
  const session = await openSession(options)
  try {
    if (session.device === 'js') return undefined
    if (session.device !== 'cpu') return await peakOfGpu(session, options.precision)
  } finally {
    await session.dispose()
  }
  const addon = loadAddon().addon!
  await setThreads(addon, options.threads)
  const { flopsPerSecond, readBytesPerSecond, triadBytesPerSecond } = await addon.peak(options.instructionSet)
  // The larger of read and triad bandwidth bounds every mix of reads and writes.
  return { flopsPerSecond, bytesPerSecond: Math.max(readBytesPerSecond, triadBytesPerSecond) }
}

/**
 * The peak that nano-gpt's own kernels reach, so that shares are relative to what is possible with
 * them: a product of two large square matrices in the given precision, and a copy much larger than
 * the caches.
 */
async function peakOfGpu(session: Session, precision?: Precision): Promise<Peak> {
  const product = await fastest(session, precision, 256, 8192, (trace, side) =>
    matmul(trace.store(`a${side}`, 'f32', [side, side]), trace.store(`b${side}`, 'f32', [side, side])),
  )
  const moved = await fastest(session, precision, 2 ** 18, 2 ** 26, (trace, length) =>
    copy(trace.store(`x${length}`, 'f32', [length])),
  )
  return {
    flopsPerSecond: (1000 * product.cost.flops) / product.ms,
    bytesPerSecond: (1000 * moved.cost.bytes) / moved.ms,
  }
}

const enoughMs = 2
const rounds = 5

/**
 * The best time of a Program, whose size is doubled until it takes `enoughMs` or reaches `most`.
 */
async function fastest(
  session: Session,
  precision: Precision | undefined,
  least: number,
  most: number,
  build: (trace: Trace, size: number) => void,
) {
  for (let size = least; ; size *= 2) {
    const trace = new Trace(`peak ${size}`)
    build(trace, size)
    const compiled = await prepare(session, trace.finish(), precision)
    await timeRuns(session, compiled, 1)
    let ms = await timeRuns(session, compiled, 1)
    if (ms < enoughMs && size < most) continue
    const count = Math.max(1, Math.round(20 / ms))
    for (let round = 0; round < rounds; round++) {
      ms = Math.min(ms, await timeRuns(session, compiled, count))
    }
    return { ms, cost: costOfProgram(compiled.program) }
  }
}

/** The rates of a measurement, and their share of what the peak allows. */
export function achieved(
  cost: Cost,
  ms: number,
  peak: Peak | undefined,
): Pick<Result, 'flopsPerSecond' | 'bytesPerSecond' | 'share' | 'limit'> {
  const seconds = ms / 1000
  const rates = { flopsPerSecond: cost.flops / seconds, bytesPerSecond: cost.bytes / seconds }
  if (!peak) return rates
  const least = bound(cost, peak)
  return { ...rates, share: least.seconds / seconds, limit: least.limit }
}

/** The least time that the peak allows, and whether compute or memory bounds it. */
export function bound(cost: Cost, peak: Peak): { seconds: number; limit: 'compute' | 'memory' } {
  const [computing, moving] = [cost.flops / peak.flopsPerSecond, cost.bytes / peak.bytesPerSecond]
  return { seconds: Math.max(computing, moving), limit: computing >= moving ? 'compute' : 'memory' }
}
