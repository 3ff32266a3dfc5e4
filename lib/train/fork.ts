// Forks a run: prepares a folder from which `resume` continues another run from a step, with a change. The
// weights, the optimizer's state and the batches are those of the other run.

import { join, relative, sep } from 'node:path'
import { checkpointChunks, readCheckpoint } from '../checkpoint/checkpoint'
import { files } from '../checkpoint/folder'
import { NanoGptError } from '../errors'
import { linkFile, writeFailed, writeFileAtomic } from '../files/atomic'
import { copyRegularFile } from '../files/read'
import { forkFile, forkStart, metricsFile, planFile, textFile } from '../history/folder'
import type { Changed, Fork } from '../history/fork'
import type { RunRecord } from '../history/types'
import { elementsOf } from '../model/weights'
import { type CheckedTrainOptions, pick, type StoredOptions } from '../options'
import { writeConfig } from './config_file'
import { appliedTraining, dropoutNames, resolveFork } from './resolve'

export interface ForkOptions {
  /** The run to continue. */
  readonly run: RunRecord
  /** Its checkpoint at the step of the fork, with the state of the optimizer. */
  readonly state: string
  /** What differs, of `changedByFork`, and `steps`. */
  readonly changes: CheckedTrainOptions
  /** An empty folder. */
  readonly out: string
}

/** @throws NanoGptError 'option' for a change that is impossible; 'checkpoint', 'write_failed' */
export async function writeFork({ run, state, changes, out }: ForkOptions): Promise<void> {
  const { info, tensors } = await readCheckpoint(state)
  if (info.training === null) throw new Error('a state to fork has a training')
  const { model, training } = resolveFork(changes, info)
  if (training.steps <= info.step)
    throw new NanoGptError('option', {
      option: 'steps',
      value: training.steps,
      reason: `the fork begins after step ${info.step}`,
      remedy: 'give more: steps are counted from the start of the run',
    })
  const before: Readonly<Record<string, unknown>> = { ...info.model, ...info.training }
  const after: Readonly<Record<string, unknown>> = { ...model, ...training }
  const changed = Object.keys(changes).filter((name) => before[name] !== after[name])
  const fork: Fork = {
    run: relative(out, run.folder).split(sep).join('/'),
    step: info.step,
    changes: changed.map((name) => ({ option: name, from: before[name], to: after[name] }) as Changed),
  }
  // First, because only with it the other files are known to be a run's.
  await writeConfig(out, {
    ...run.options,
    ...pick(
      model as unknown as Readonly<Record<string, unknown>>,
      dropoutNames.filter((name) => Object.hasOwn(run.options, name)),
    ),
    ...appliedTraining(training),
    gradientClip: training.gradientClip,
  } as StoredOptions)
  await writeFileAtomic(join(out, forkFile), [Buffer.from(`${JSON.stringify(fork, null, 2)}\n`)])
  const copied = [planFile, metricsFile]
  if ([info.data.source].flat().includes(textFile)) copied.push(textFile)
  for (const name of copied) {
    await copyRegularFile(join(run.folder, name), join(out, name)).catch((error) => {
      throw error instanceof NanoGptError ? error : writeFailed(join(out, name), error)
    })
  }
  const states = await Promise.all(
    [...tensors.values()].map(async ({ name, dtype, shape, ...tensor }) => {
      return { name, dtype, shape, data: await elementsOf({ name, dtype, shape, ...tensor } as never) }
    }),
  )
  const chunks = await checkpointChunks({ ...info, model: { ...info.model, ...model }, training }, states)
  await writeFileAtomic(join(out, forkStart), chunks)
  const last = join(out, files.last)
  if (!(await linkFile(join(out, forkStart), last))) await writeFileAtomic(last, chunks)
}
