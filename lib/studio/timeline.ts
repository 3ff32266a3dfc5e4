// Where along a run its model is at hand, how long it takes to compute another moment, and what a fork can
// change there.

import { stat } from 'node:fs/promises'
import { snapshotFile, snapshotsIn } from '../checkpoint/folder'
import { readFork } from '../history/fork'
import { readRun } from '../history/read'
import type { RunRecord } from '../history/types'
import { type CheckedTrainOptions, rowOf, trainOptions } from '../options'
import { changedByFork, isFor } from '../train/resolve'
import { type Field, fieldOf, optionsOf } from './fields'
import type { Moments } from './moments'
import { RequestError } from './respond'

/** An option that a fork can change, and its value in the run. */
export interface Changeable extends Field {
  readonly value: string
}

export interface Timeline {
  /** The first step that is the run's own: 0, or that of the fork. */
  readonly first: number
  /** The steps whose model is at hand, in order. */
  readonly steps: readonly number[]
  /** Those from which training can be computed again. */
  readonly starts: readonly number[]
  readonly snapshots: { readonly count: number; readonly bytes: number }
  /** The mean time of a step; null: unknown. */
  readonly secondsPerStep: number | null
  readonly options: readonly Changeable[]
}

export async function timelineOf(folder: string, moments: Moments): Promise<Timeline> {
  const run = await readRun(folder)
  const states = await moments.of(folder)
  const snapshots = await snapshotsIn(folder)
  const sizes = await Promise.all(
    snapshots.map((step) =>
      stat(snapshotFile(folder, step))
        .then(({ size }) => size)
        .catch(() => 0),
    ),
  )
  const fork = await readFork(folder)
  const whole = states.filter(({ isWhole }) => isWhole).map(({ step }) => step)
  const last = run.history.steps.at(-1)
  return {
    first: fork?.step ?? 0,
    steps: [...new Set(states.map(({ step }) => step))],
    starts: [...new Set(fork ? whole : [0, ...whole])],
    snapshots: { count: snapshots.length, bytes: sizes.reduce((sum, size) => sum + size, 0) },
    secondsPerStep: last && last.to > 0 ? last.seconds / last.to : null,
    options: changeableIn(run),
  }
}

function changeableIn({ options, model }: RunRecord): Changeable[] {
  const values: Readonly<Record<string, unknown>> = { ...options, ...model }
  return changedByFork
    .filter((name) => values[name] !== undefined && isFor(rowOf(trainOptions, name), values))
    .map((name) => ({ ...fieldOf(name), value: values[name] === null ? 'Infinity' : String(values[name]) }))
}

/**
 * The change of a fork, from the texts of its fields.
 *
 * @throws RequestError for an option that a fork cannot change; NanoGptError 'option' for a wrong value
 */
export function changeIn(option: unknown, value: unknown, steps: unknown): CheckedTrainOptions {
  if (option !== undefined && !changedByFork.some((name) => name === option))
    throw new RequestError(400, 'A fork cannot change this option.')
  return optionsOf({ ...(option !== undefined && { [option as string]: value }), steps })
}
