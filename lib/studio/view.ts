// Runs as the page shows them: plain data, small enough to send.

import { titleOf } from '../data/corpus'
import type { Fork } from '../history/fork'
import type { RunHistory, RunRecord, RunState, StepRecord } from '../history/types'
import { type TokenUnit, unitOf } from '../tokenizer/names'
import { stageOf } from './stage_of'

/** 'preparing': the text is read and the device is measured. 'stopping': a checkpoint is being written. */
export type ViewState = RunState | 'preparing' | 'stopping'

/** The mean training loss of updates `from` … `to` − 1, in nats per token. */
export type Point = readonly [from: number, to: number, loss: number]

/** The curve of a run, and what is pinned along it. */
export interface Marks {
  readonly points: readonly Point[]
  readonly evaluations: readonly {
    readonly step: number
    readonly trainLoss: number
    readonly valLoss: number
  }[]
  readonly samples: RunHistory['samples']
  readonly warnings: RunHistory['warnings']
}

/** What changes while a run trains. */
export interface Status {
  readonly state: ViewState
  /** What is being prepared, or why the run failed. A sentence. */
  readonly note: string | null
  readonly step: number
  /** 0 until the plan is made. */
  readonly steps: number
  readonly tokensPerSecond: number | null
  /** Whether there is a checkpoint, so that its model can write. */
  readonly isSaved: boolean
  /** An estimate of the remaining time. */
  readonly secondsLeft: number | null
}

export interface RunView extends Status, Marks {
  /** The path of its folder in the runs folder. */
  readonly id: string
  /** The name of its text. */
  readonly text: string
  readonly device: string | null
  readonly parameters: number | null
  /** What a token is. */
  readonly unit: TokenUnit
  /** Whether this studio trains it, and so can pause it. */
  readonly isOurs: boolean
  /** The number of its stage of the course; null: it is of none. */
  readonly stage: string | null
}

/** A row of the table of runs. */
export interface RunSummary {
  readonly id: string
  readonly text: string
  readonly state: ViewState
  readonly step: number
  readonly steps: number
  readonly parameters: number
  readonly bestValLoss: number | null
  readonly unit: TokenUnit
  /** The number of its stage of the course; null: it is of none. */
  readonly stage: string | null
  /** ISO 8601. */
  readonly started: string
  readonly updated: string
  /** Some points of its curve: losses at regular distances. */
  readonly curve: readonly number[]
  /** Of a fork: the run that it continues, the step, and what it changes. */
  readonly fork: ForkView | null
}

export interface ForkView {
  /** The id of the other run, which may be gone. */
  readonly parent: string
  readonly step: number
  readonly changes: readonly (Fork['changes'][number] & { readonly label: string })[]
}

/** Enough digits for a curve. */
export const rounded = (loss: number) => Math.round(loss * 1e4) / 1e4

export function pointsOf(steps: readonly StepRecord[]): Point[] {
  return steps.flatMap(({ from, to, loss }) => (loss === null ? [] : [[from, to, rounded(loss)] as const]))
}

export function marksOf({ steps, evaluations, samples, warnings }: RunHistory): Marks {
  return {
    points: pointsOf(steps),
    evaluations: evaluations.map(({ step, trainLoss, valLoss, exactValLoss }) => ({
      step,
      trainLoss: rounded(trainLoss),
      valLoss: rounded(exactValLoss ?? valLoss),
    })),
    samples,
    warnings,
  }
}

/** The view of a run that its folder describes. */
export function viewOf(id: string, run: RunRecord): RunView {
  const { history, state, step, steps, parameters, tokensPerStep } = run
  const newest = history.steps.at(-1)?.tokensPerSecond ?? null
  const speed = state === 'running' ? newest : null
  return {
    id,
    text: titleOf(run.data.name),
    state,
    note: run.reason ?? null,
    step,
    steps,
    tokensPerSecond: speed,
    // A run of an earlier version has no history, but a checkpoint.
    isSaved: state !== 'running' || history.checkpoints.length > 0,
    secondsLeft: speed ? ((steps - step) * tokensPerStep) / speed : null,
    device: history.sessions.at(-1)?.device ?? null,
    parameters,
    unit: unitOf(run.tokenizer),
    isOurs: false,
    stage: stageOf(run.model, run.options),
    ...marksOf(history),
  }
}

/** The number of points of a small curve. */
const fewPoints = 48

/** @param fork what it continues, if it is a fork */
export function summaryOf(id: string, run: RunRecord, fork: ForkView | null): RunSummary {
  const { state, step, steps, parameters, bestValLoss, updated, history } = run
  // The history of a fork begins with that of the other run.
  const own = fork && history.sessions.find((each) => each.resumed && each.step >= fork.step)
  return {
    id,
    text: titleOf(run.data.name),
    state,
    step,
    steps,
    parameters,
    bestValLoss,
    unit: unitOf(run.tokenizer),
    stage: stageOf(run.model, run.options),
    started: own?.time ?? run.started,
    updated,
    curve: curveOf(pointsOf(history.steps)),
    fork,
  }
}

/** Losses at regular distances. */
function curveOf(points: readonly Point[]): number[] {
  const last = points.at(-1)?.[1] ?? 0
  const at = (i: number) => points.find(([, to]) => to >= (last * (i + 1)) / fewPoints)!
  return points.length <= fewPoints
    ? points.map(([, , loss]) => loss)
    : Array.from({ length: fewPoints }, (_, i) => at(i)[2])
}
