// Follows a run to its end: shows its events, and on Ctrl-C stops and saves it.

import type { Model } from '../api/model'
import type { EvaluationEvent, TrainEvent } from '../train/events'
import type { Plan } from '../train/plan'
import type { Run } from '../train/run'
import { exitCodes, stopSignals } from './errors'
import { json, note, watch, whenPipeClosed } from './output'
import { Progress, type ProgressOptions } from './progress'
import { worded } from './sources'

export interface FollowOptions extends ProgressOptions {
  readonly json?: boolean
  /** Called for each event after it was shown. */
  readonly each?: (event: TrainEvent) => void
}

export interface Followed {
  readonly model: Model
  /** The planned total of steps. */
  readonly steps: number
  /** Undefined if the run never started. */
  readonly plan: Plan | undefined
  readonly evaluation: EvaluationEvent | undefined
  /** Seconds from the first event to the last. */
  readonly seconds: number
  /** The exit code, if the run was interrupted. */
  readonly interrupted: number | undefined
  /** Why the model could not be saved, if that is so. */
  readonly unsaved: string | undefined
}

/** At most this long a run may take to end that has not begun. */
const millisecondsToLeave = 1000

/** Shows the run until it ends. The first signal stops it, the second ends the process at once. */
export async function follow(run: Run<Model>, options: FollowOptions): Promise<Followed> {
  const progress = new Progress(options)
  let started = false
  let interrupted: number | undefined
  const uninterrupt = whenInterrupted((code) => {
    interrupted = code
    if (!started) {
      // There is nothing to save, but a file of tokens may have to be removed.
      const leave = () => process.exit(code)
      run.stop()
      run.finished.then(leave, leave)
      setTimeout(leave, millisecondsToLeave)
      return
    }
    if (!options.json) note(stoppingNote(options.out))
    progress.stop()
    run.stop()
  })
  // When the reader of the output is gone, save the run and stop.
  whenPipeClosed(() => (started ? run.stop() : process.exit()))
  let evaluation: EvaluationEvent | undefined
  let plan: Plan | undefined
  let seconds = 0
  let unsaved: string | undefined
  const unwatch = options.json ? () => {} : watch()
  try {
    for await (const event of run) {
      if (event.type === 'start') started = true
      if (options.json) json('message' in event ? { ...event, message: worded(event.message) } : event)
      else progress.show(event)
      if (event.type === 'start') plan = event.plan
      if (event.type === 'evaluation') evaluation = event
      if (event.type === 'end') {
        seconds = event.seconds
        unsaved = event.unsaved ?? undefined
      }
      options.each?.(event)
    }
    const model = await run
    const steps = plan?.training.steps ?? 0
    return { model, steps, plan, evaluation, seconds, interrupted, unsaved }
  } finally {
    unwatch()
    uninterrupt()
  }
}

/**
 * Calls `stop` with the exit code at the first signal that stops a run. The second signal ends the
 * process at once. Returns a function that ends this.
 */
export function whenInterrupted(stop: (code: number) => void): () => void {
  let interrupted = false
  const interrupt = (code: number) => {
    if (interrupted) process.exit(code)
    interrupted = true
    stop(code)
  }
  const listeners = Object.entries(stopSignals).map(
    ([signal, code]) => [signal, () => interrupt(code)] as const,
  )
  for (const [signal, listener] of listeners) process.on(signal, listener)
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener)
  }
}

/** Undefined: the run ended by itself and is saved. */
export function exitCodeOf({ interrupted, unsaved }: Followed): number | undefined {
  return unsaved !== undefined ? exitCodes.error : interrupted
}

export function stoppingNote(out: string | undefined): string {
  const saving = out === undefined ? '' : ' and saving'
  return `stopping after this step${saving} (Ctrl-C again stops at once, without saving)`
}

/** The last object of `--json`. */
export function resultOf(
  { model, evaluation, seconds, interrupted, unsaved }: Followed,
  out: string | undefined,
): object {
  const { step, best, data } = model.info
  return {
    type: 'result',
    out: out ?? null,
    corpus: data?.name ?? null,
    device: model.device,
    parameters: model.parameterCount,
    step,
    stopped: interrupted !== undefined,
    seconds,
    unsaved: unsaved ?? null,
    trainLoss: evaluation?.trainLoss ?? null,
    valLoss: evaluation?.valLoss ?? null,
    trainBitsPerByte: evaluation?.trainBitsPerByte ?? null,
    valBitsPerByte: evaluation?.valBitsPerByte ?? null,
    ...(evaluation?.exactValLoss !== undefined && {
      exactValLoss: evaluation.exactValLoss,
      exactValBitsPerByte: evaluation.exactValBitsPerByte,
    }),
    best,
  }
}
