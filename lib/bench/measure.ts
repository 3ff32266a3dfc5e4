// How things are timed beside each other: in turns, since machines drift, and by medians.

import { setTimeout as sleep } from 'node:timers/promises'

/** Something that is timed: ours, or another's. */
export interface Side {
  readonly name: string
  /** Does it `count` times and gives the milliseconds of one. */
  run(count: number): Promise<number>
}

/** Our side holds a session. */
export interface Ours extends Side {
  close(): Promise<void>
}

export interface Pace {
  readonly rounds: number
  /** About how long each side works in a round. Default 0.25. */
  readonly seconds?: number
}

const defaultSeconds = 0.25
/** Idle threads of one side may go on looking for work for a while: the other begins when they sleep. */
const pauseMs = 10
const mostTimes = 100_000

/** The middle value; the mean of the middle two of an even number; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** How often a side does its work in a round that is to take `seconds`; finding out warms it up. */
export async function timesIn(side: Side, seconds: number): Promise<number> {
  await side.run(1)
  let times = 1
  let ms = await side.run(times)
  // A measurement as short as this says little.
  while (ms * times < 100 * seconds && times < mostTimes) {
    times = Math.min(mostTimes, 4 * times)
    ms = await side.run(times)
  }
  return Math.max(1, Math.min(mostTimes, Math.round((1000 * seconds) / ms)))
}

/** Milliseconds of one, for each side a list with one number a round. */
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

/** The medians of all sides, and for each but the first how many times as long as the first it took. */
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

/** Times the sides, and closes the first, ours, whatever happens. */
export async function measure(sides: readonly [Ours, ...Side[]], pace: Pace) {
  try {
    return compare(sides, await alternate(sides, pace))
  } finally {
    await sides[0].close()
  }
}
