// Computes a run again up to a step, silently and without its run folder. The same options, text, seed and
// device give the same bits, so the result is the checkpoint that the run had at that step.

import { dirname } from 'node:path'
import { Model } from '../api/model'
import { type Change, type CheckpointInfo, checkpointChunks, readCheckpoint } from '../checkpoint/checkpoint'
import { snapshotFile, snapshotsIn } from '../checkpoint/folder'
import { NanoGptError, option, say } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { decidingLoss } from '../history/records'
import type { RunRecord } from '../history/types'
import { elementsOf, readTensors } from '../model/weights'
import { stepInputs } from '../optim/update'
import type { TrainingConfig, TrainOptions } from '../options'
import { isFailedUpdate } from './failed_update'
import type { Plan } from './plan'
import { type Prepared, prepare, savedTensors } from './prepare'
import { lastDue } from './schedule'
import { withPlanOf } from './train'

/** The target time of a native call. */
const secondsPerCall = 0.05

export interface ReplayOptions {
  /** The step to reach. */
  readonly until: number
  /** The run that is computed again. */
  readonly run: RunRecord
  /** The options that resumed sessions of the run changed, as its newest checkpoint records them. */
  readonly changes: readonly Change[]
  /** Where the checkpoint is written. */
  readonly path: string
  /** Called with the number of updates made. */
  progress(step: number): void
}

/** What the replay passed on its way. */
export interface Replayed {
  /** The number of snapshots with the same bits. */
  readonly same: number
  /** The step of the first snapshot with other bits; null: none. */
  readonly differs: number | null
}

/**
 * @param options the start: `resume` with a checkpoint of the run, or `config` with its folder; and the
 *   device
 * @throws NanoGptError 'data' if the text has changed, 'unsupported' if an option was changed on the way,
 *   'write_failed', and those of `train`; the signal's reason
 */
export async function replay(options: TrainOptions, replayed: ReplayOptions): Promise<Replayed> {
  const { path, until, run } = replayed
  // The folder is that of the checkpoint, so that the run's own may be in use.
  return withPlanOf({ ...options, out: dirname(path) }, async (plan, materials) => {
    refuseOtherText(run, plan)
    const prepared = await prepare(plan, materials)
    const cancel = () => prepared.session.cancel()
    options.signal?.addEventListener('abort', cancel)
    try {
      refuseChanges(replayed, plan, prepared.info)
      const result = await advance(prepared, plan.step, replayed, options.signal)
      const { session, trained, info } = prepared
      const tensors = await readTensors(session, savedTensors(trained, plan.training))
      await makeFolder(dirname(path))
      await writeFileAtomic(path, await checkpointChunks(infoAt(until, info, run), tensors))
      return result
    } finally {
      options.signal?.removeEventListener('abort', cancel)
      await prepared.session.dispose()
    }
  })
}

/** Makes the updates from step `from` on, and compares the weights with the snapshots on the way. */
async function advance(
  prepared: Prepared,
  from: number,
  { until, run, progress }: ReplayOptions,
  signal: AbortSignal | undefined,
): Promise<Replayed> {
  const { trainer, info } = prepared
  const model = new Model(prepared)
  const snapshots = (await snapshotsIn(run.folder)).filter((step) => step >= from && step <= until)
  let [same, differs, perCall, step]: [number, number | null, number, number] = [0, null, 1, from]
  for (;;) {
    signal?.throwIfAborted()
    if (snapshots[0] === step) {
      const isSame = await isSnapshot(model, snapshotFile(run.folder, step))
      if (isSame === true) same++
      else if (isSame === false) differs ??= step
      snapshots.shift()
    }
    if (step === until) return { same, differs }
    const count = Math.min(perCall, (snapshots[0] ?? until) - step)
    const { losses, seconds, failure } = await trainer.steps(step, count)
    step += losses.length
    if (losses.length > 0) perCall = Math.max(1, Math.floor((secondsPerCall * losses.length) / seconds))
    if (failure) {
      signal?.throwIfAborted()
      const isSkipped = failure.code === 'non_finite' && info.training.nonFinite === 'skip'
      if (!isSkipped || isFailedUpdate(failure))
        throw new NanoGptError(failure.code, `step ${step}: ${failure.message}`)
      // Clears the gradients, as the run did.
      await trainer.explain(step, failure)
      step++
    }
    progress(step)
  }
}

/** Whether the weights have the bits of a snapshot; undefined if it cannot be read. */
async function isSnapshot(model: Model, path: string): Promise<boolean | undefined> {
  const snapshot = await readCheckpoint(path).catch(() => undefined)
  if (!snapshot) return undefined
  const { tensors } = await model.copyWeights()
  for (const { name, data } of tensors) {
    const there = snapshot.tensors.get(name)
    if (!there || Buffer.compare(bytesOf(data), bytesOf(await elementsOf(there))) !== 0) return false
  }
  return true
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)

function refuseOtherText({ data }: RunRecord, plan: Plan): void {
  if (data.digest === plan.data.digest) return
  throw new NanoGptError('data', {
    subject: data.name,
    reason: 'the text is not the one that the run was trained on',
    remedy: 'restore it, or choose a step that is saved',
  })
}

/** @throws NanoGptError 'unsupported' if the run went on with other options before the step */
function refuseChanges({ until, run, changes }: ReplayOptions, plan: Plan, info: CheckpointInfo): void {
  const change = changes.slice(info.changes.length).find(({ step }) => step < until)
  const at = change?.step ?? otherRate(run, plan.step, until, info.training)
  if (at === undefined) return
  throw new NanoGptError('unsupported', {
    subject: `step ${until}`,
    reason: say`the run was continued with another ${change ? option(change.option) : 'number of steps'} at about step ${at}, which cannot be computed again`,
    remedy: 'choose a step before, or one that is saved',
  })
}

/** The first step whose learning rate was another one: a schedule follows `steps`, which may change. */
function otherRate(
  { history }: RunRecord,
  begin: number,
  until: number,
  training: TrainingConfig,
): number | undefined {
  return history.steps
    .filter(({ from, to }) => from >= begin && to <= until)
    .find(
      ({ from, to, learningRate }) =>
        stepInputs(Math.max(from, to - 1), training).learningRate !== learningRate,
    )?.from
}

/** What the checkpoint of this step said about the run. */
function infoAt(step: number, info: CheckpointInfo, { history, data }: RunRecord): CheckpointInfo {
  const best = history.evaluations.findLast((each) => each.best && each.step <= step)
  const { trainTokens: _, validationTokens: __, bytesPerToken: ___, ...text } = data
  return {
    ...info,
    step,
    data: text,
    best: best
      ? {
          step: best.step,
          valLoss: decidingLoss(best, 'nats per token'),
          valBitsPerByte: decidingLoss(best, 'bits per byte'),
        }
      : null,
    done: lastDue(step, info.training),
  }
}
