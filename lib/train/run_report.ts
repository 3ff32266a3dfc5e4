// The report at the end of a run, and the parts of reports that come from a model: the losses of a text, and
// the times of a step.

import { join } from 'node:path'
import type { Model } from '../api/model'
import { NanoGptError, reasonOf } from '../errors'
import { writeFileAtomic } from '../files/atomic'
import { reportFile } from '../history/folder'
import { readRun } from '../history/read'
import type { Extras, StepTimes, TextLosses } from '../report/data'
import { reportPage } from '../report/html'
import { timesByKind } from '../report/op_kinds'
import { piecesOf } from '../report/pieces'
import { partOf, type TokenSpan } from '../tokenizer/span'
import type { Materials, Plan } from './plan'
import { type Prepared, prepare } from './prepare'

/**
 * Computes the losses of the first tokens of a split.
 *
 * @param most the largest number of tokens
 * @returns undefined if the split has fewer than 2 tokens
 */
export async function textLosses(
  model: Model,
  split: TokenSpan,
  step: number,
  most: number,
  signal?: AbortSignal,
): Promise<TextLosses | undefined> {
  const tokens = await split.read(0, Math.min(most, split.length))
  if (tokens.length < 2) return undefined
  return { step, pieces: piecesOf(model.tokenizer, tokens, await model.tokenLosses(tokens, { signal })) }
}

/** The most tokens of the validation text in the report at the end of a run. */
const mostTokens = 256

/** A run whose model is still on the device. */
interface EndedRun {
  readonly model: Model
  readonly step: number
  readonly prepared: Prepared
}

/**
 * Writes the report of a run that has ended into its folder.
 *
 * @param ended the run, unless its model can't be used. The losses of the validation text take less time
 *   than a training step.
 * @throws NanoGptError 'write_failed'
 */
export async function writeRunReport(folder: string, ended?: EndedRun): Promise<void> {
  const record = await readRun(folder)
  const page = reportPage([{ record, extras: ended && (await extrasOf(ended)) }])
  await writeFileAtomic(join(folder, reportFile), [Buffer.from(page)])
}

async function extrasOf({ model, step, prepared }: EndedRun): Promise<Extras> {
  const { corpus, splits, trainer } = prepared
  const { from, length } = splits.validation
  const validation = partOf(corpus, from, from + length)
  try {
    const text = await textLosses(model, validation, step, Math.min(mostTokens, trainer.tokensPerStep))
    return text ? { text } : {}
  } catch (error) {
    return { missing: [`The losses of the validation text are missing: ${reasonOf(error)}`] }
  }
}

/**
 * Measures each op of a training step. The results of the steps are discarded.
 *
 * @param seconds approximate time to measure
 */
export async function stepTimes(plan: Plan, materials: Materials, seconds: number): Promise<StepTimes> {
  const { session, trainer } = await prepare(plan, materials)
  try {
    let step = 0
    const run = async (count: number) => {
      const result = await trainer.steps(step, count, { timings: true })
      if (result.failure) throw new NanoGptError(result.failure.code, `measuring: ${result.failure.message}`)
      step += count
      return result
    }
    // The first step is slower, because memory is touched for the first time.
    await run(1)
    const { seconds: once } = await run(1)
    const count = Math.max(1, Math.min(64, Math.floor(seconds / once)))
    const { seconds: spent, timings } = await run(count)
    const ops = trainer.programs.flatMap(({ ops }, phase) =>
      ops.map(({ op }, i) => ({ op, ms: (1000 * timings![phase][i]) / count })),
    )
    return { device: session.device, ms: (1000 * spent) / count, ops: timesByKind(ops) }
  } finally {
    await session.dispose()
  }
}
