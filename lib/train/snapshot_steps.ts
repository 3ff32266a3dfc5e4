// Which steps of a run have a snapshot. This depends only on the step, `evalInterval` and the size of the
// model, so a resumed run continues the pattern.

/** The largest number of snapshots of a run. */
export const mostSnapshots = 50
/** That of a run whose model is so large that they would have more bytes than `mostBytes`. */
export const fewestSnapshots = 5
const mostBytes = 2 * 2 ** 30
/** If there may be fewer than this, the early powers of two, at most 16, have none. */
const withEarly = 20

/** How many snapshots come between two evaluations at first, as a power of two. */
const firstHalvings = 3

/** A model learns most at the beginning. */
const early = Array.from({ length: 16 }, (_, i) => 2 ** i)

/** The largest number of snapshots of a model with this number of weights, of four bytes each. */
export function mostSnapshotsOf(weights: number): number {
  return Math.min(Math.max(Math.floor(mostBytes / (4 * weights)), fewestSnapshots), mostSnapshots)
}

/**
 * The steps that have a snapshot when a run has made `newest` steps: 0, the early powers of two, and steps
 * at equal distances. The distance doubles whenever there would be more than `most`, and each set contains
 * the next one as far as it reaches.
 */
export function snapshotSteps(newest: number, evalInterval: number, most: number): Set<number> {
  for (let distance = firstDistance(evalInterval); ; distance *= 2) {
    const count = Math.floor(newest / distance) + 1
    if (count > most) continue
    const even = Array.from({ length: count + 1 }, (_, i) => Math.round(i * distance))
    const steps = new Set([...even, ...earlyOf(evalInterval, most)].filter((step) => step <= newest))
    if (steps.size <= most) return steps
  }
}

/** The first step after `step` that may have a snapshot. */
export function nextSnapshot(step: number, evalInterval: number, most: number): number {
  let distance = firstDistance(evalInterval)
  while (Math.floor(step / distance) + 1 > most) distance *= 2
  let at = Math.floor(step / distance)
  while (Math.round(at * distance) <= step) at++
  return Math.min(Math.round(at * distance), ...earlyOf(evalInterval, most).filter((each) => each > step))
}

/** At least 1. Evaluations are at multiples of it, so that a sample has a snapshot of the same step. */
function firstDistance(evalInterval: number): number {
  let distance = evalInterval / 2 ** firstHalvings
  while (distance < 1) distance *= 2
  return distance
}

const earlyOf = (evalInterval: number, most: number) =>
  most < withEarly ? [] : early.filter((step) => 2 * step < evalInterval)
