// Which steps of a run have a snapshot. This depends only on the step and `evalInterval`, so a resumed run
// continues the pattern.

/** The largest number of snapshots of a run. */
export const mostSnapshots = 50

/** How many snapshots come between two evaluations at first, as a power of two. */
const firstHalvings = 3

/** A model learns most at the beginning. */
const early = Array.from({ length: 16 }, (_, i) => 2 ** i)

/**
 * The steps that have a snapshot when a run has made `newest` steps: 0, the early powers of two, and steps
 * at equal distances. The distance doubles whenever there would be too many, and each set contains the
 * next one as far as it reaches.
 */
export function snapshotSteps(newest: number, evalInterval: number): Set<number> {
  for (let distance = firstDistance(evalInterval); ; distance *= 2) {
    const count = Math.floor(newest / distance) + 1
    if (count > mostSnapshots) continue
    const even = Array.from({ length: count + 1 }, (_, i) => Math.round(i * distance))
    const steps = new Set([...even, ...earlyOf(evalInterval)].filter((step) => step <= newest))
    if (steps.size <= mostSnapshots) return steps
  }
}

/** The first step after `step` that may have a snapshot. */
export function nextSnapshot(step: number, evalInterval: number): number {
  let distance = firstDistance(evalInterval)
  while (Math.floor(step / distance) + 1 > mostSnapshots) distance *= 2
  let at = Math.floor(step / distance)
  while (Math.round(at * distance) <= step) at++
  return Math.min(Math.round(at * distance), ...earlyOf(evalInterval).filter((each) => each > step))
}

/** At least 1. Evaluations are at multiples of it, so that a sample has a snapshot of the same step. */
function firstDistance(evalInterval: number): number {
  let distance = evalInterval / 2 ** firstHalvings
  while (distance < 1) distance *= 2
  return distance
}

const earlyOf = (evalInterval: number) => early.filter((step) => 2 * step < evalInterval)
