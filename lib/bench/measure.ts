// Times several sides in alternating rounds, because the speed of a machine drifts, and takes
// medians.

import { setTimeout as sleep } from 'node:timers/promises'

/** Work to be timed: that of nano-gpt, PyTorch or MLX. */
export interface Side {
  readonly name: string
  /** Does the work `count` times and returns the milliseconds of one. */
  run(count: number): Promise<number>
}

/** The side of nano-gpt, which must close its session. */
export interface Ours extends Side {
  close(): Promise<void>
}

export interface Pace {
  readonly rounds: number
  /** The approximate time of each side in a round. Default: 0.25. */
  readonly seconds?: number
}

const defaultSeconds = 0.25
/**
 * A pause before each measurement, because idle threads of the other side may spin for a while
 * before they sleep.
 */
const pauseMs = 10
const mostTimes = 100_000

/** The middle value, or the mean of the two middle values of an even number; NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** How often a side does its work in `seconds`. Measuring this also warms it up. */
export async function timesIn(side: Side, seconds: number): Promise<number> {
  await side.run(1)
  let times = 1
  let ms = await side.run(times)
  // A measurement shorter than a tenth of the time is too inaccurate.
  while (ms * times < 100 * seconds && times < mostTimes) {
    times = Math.min(mostTimes, 4 * times)
    ms = await side.run(times)
  }
  return Math.max(1, Math.min(mostTimes, Math.round((1000 * seconds) / ms)))
}

/** Milliseconds of one run: for each side, a list with one value per round. */
export async function alternate(sides: readonly Side[], pace: Pace): Promise<number[][]> {
  const { rounds, seconds = defaultSeconds } = pace
  const times: number[] = []
  for (const side of sides) times.push(await timesIn(side, seconds))
  const found: number[][] = sides.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, side] of sides.entries()) {
      if (sides.length > 1) await sleep(pauseMs)
      found[index].push(await side.run(times[index]))
    }
  }
  return found
}

/** The medians of all sides, and the ratio of each other side's time to the first side's. */
export function compare(sides: readonly Side[], found: readonly (readonly number[])[]) {
  const [ours, ...others] = found
  return {
    ms: median(ours),
    others: others.map((theirs, index) => {
      const ratios = theirs.map((ms, round) => ms / ours[round])
      return { variant: sides[index + 1].name, ms: median(theirs), ratio: median(ratios), ratios }
    }),
  }
}

/** Times the sides, and always closes the first one. */
export async function measure(sides: readonly [Ours, ...Side[]], pace: Pace) {
  try {
    return compare(sides, await alternate(sides, pace))
  } finally {
    await sides[0].close()
  }
}
