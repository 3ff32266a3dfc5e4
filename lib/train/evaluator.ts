// The evaluations of a run: mean losses over batches of each split and, with `exactEvaluation`,
// over the whole validation split.

import { NanoGptError } from '../errors'
import { TextLoss } from '../model/loss'
import type { Split } from '../model/programs'
import { partOf } from '../tokenizer/span'
import type { Plan } from './plan'
import type { Prepared } from './prepare'

/** The target time of a native call. */
const secondsPerCall = 0.05

export interface Losses {
  readonly trainLoss: number
  readonly valLoss: number
  readonly exactValLoss?: number
}

export class Evaluator {
  private readonly exact: TextLoss

  constructor(
    private readonly prepared: Prepared,
    private readonly plan: Plan,
    /** Aborted when the run is stopped. */
    private readonly stop: AbortSignal,
  ) {
    this.exact = new TextLoss(prepared.session, prepared.architecture)
  }

  /**
   * @param progress called with the number of finished batches and their total
   * @returns undefined if the run is being stopped; a resumed run then repeats the whole evaluation
   */
  async evaluate(step: number, progress: (done: number, total: number) => void): Promise<Losses | undefined> {
    const { evalBatches, exactEvaluation } = this.plan.training
    const means: number[] = []
    for (const [index, split] of (['train', 'validation'] as const).entries()) {
      const losses = await this.ofSplit(step, split, (done) =>
        progress(index * evalBatches + done, 2 * evalBatches),
      )
      if (losses.length < evalBatches) return undefined
      means.push(losses.reduce((a, b) => a + b, 0) / evalBatches)
    }
    const [trainLoss, valLoss] = means
    if (!exactEvaluation) return { trainLoss, valLoss }
    const exactValLoss = await this.exactLoss()
    return exactValLoss === undefined ? undefined : { trainLoss, valLoss, exactValLoss }
  }

  /** The loss over the whole validation split; undefined if the run is being stopped. */
  private async exactLoss(): Promise<number | undefined> {
    const { corpus, splits } = this.prepared
    const { from, length } = splits.validation
    try {
      return await this.exact.of(partOf(corpus, from, from + length), this.stop)
    } catch (error) {
      // Stopping the run also cancels this.
      if (this.stop.aborted) return undefined
      throw error
    }
  }

  /** The losses of all batches of a split, or of fewer if the run is being stopped. */
  private async ofSplit(step: number, split: Split, progress: (done: number) => void): Promise<number[]> {
    const { evalBatches } = this.plan.training
    const losses: number[] = []
    let perCall = 1
    while (losses.length < evalBatches && !this.stop.aborted) {
      const count = Math.min(perCall, evalBatches - losses.length)
      const result = await this.prepared.trainer.evaluate(split, losses.length, count)
      if (result.failure && result.failure.code !== 'cancelled') {
        throw new NanoGptError(result.failure.code, `evaluation at step ${step}: ${result.failure.message}`)
      }
      losses.push(...result.losses)
      perCall = Math.max(1, Math.floor((secondsPerCall * count) / result.seconds))
      progress(losses.length)
    }
    return losses
  }
}
