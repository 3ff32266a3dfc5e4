// The parts of a report that come from a model: the losses of a text, and the times of a step.

import type { Model } from '../api/model'
import { NanoGptError } from '../errors'
import type { StepTimes, TextLosses } from '../report/data'
import { timesByKind } from '../report/op_kinds'
import { piecesOf } from '../report/pieces'
import type { TokenSpan } from '../tokenizer/span'
import type { Materials, Plan } from './plan'
import { prepare } from './prepare'

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
