// Stage 09: the decoder. The model of stage 08 at full size, with dropout to prevent memorisation.
//
//     B 64, T 256, C 384, 6 heads, 6 layers:
//     10,788,929 parameters for 1,003,854 characters of training text
//
// With more than ten parameters per character, the model could simply memorise the text.
// **Dropout** makes that hard: in training, each element is dropped with probability 0.2 and the
// others are scaled by 1 / 0.8, so that the model cannot rely on any single element. It is applied
// in three places of each block, and never in evaluation or generation:
//
//     weights = dropout(softmax(q·kᵀ / √D))         on the attention weights
//     x + dropout(projection(weights·v))            after the projection
//     x + dropout(contract(relu(expand(x))))        after the feed-forward
//
// The blocks come from nn/, which all other models of nano-gpt use too: nn/block.ts,
// nn/attention.ts and nn/feed_forward.ts contain stages 07 and 08 with these three lines added. A
// test trains both: without dropout, the `decoder` and stage 08 give the same losses, bit for bit.
//
// A complete run takes hours on a laptop's CPU. `--steps 500` shows how the loss begins to fall,
// and `nano-gpt train` trains smaller models.

import type { Tensor } from '../graph/tensor'
import { Block, LayerNorm } from '../nn'
import { course, type Numbers } from '../presets/course'
import { seedToBigInt } from '../random/philox'
import { EmbeddedModel } from './03_single_head'
import { beginningOf, type ModelStage, type TrainingHarness } from './stage'

/** The full-size GPT of the course. */
export class Decoder extends EmbeddedModel {
  readonly blocks = Array.from(
    { length: this.sizes.layers },
    () => new Block(this.sizes.embed, this.sizes.heads, this.sizes.dropout),
  )
  readonly finalNorm = new LayerNorm(this.sizes.embed)

  body(x: Tensor): Tensor {
    for (const block of this.blocks) x = block.forward(x)
    return this.finalNorm.forward(x)
  }
}

async function run(harness: TrainingHarness): Promise<void> {
  const evalBatches = affordableBatches(harness.numbers)
  sayCost(harness, evalBatches)
  const model = await harness.train({ evalBatches })
  const seed = seedToBigInt(harness.seed)
  const maxTokens = sampleSize(harness.numbers)
  harness.say(
    `Generating ${maxTokens.toLocaleString('en')} characters. Beyond the block size, each one is computed from its whole window: up to two minutes for 2,000 on a CPU.`,
  )
  await harness.keep('sample.txt', await model.generate({ maxTokens, seed }))
  const prompt = opening(harness)
  const answer = await model.generate({ prompt, maxTokens: 300, seed })
  harness.quote(`continuing the prompt ${JSON.stringify(prompt)}`, prompt + answer)
}

/**
 * Limits evaluation to 5 % of the training time. A step costs about three forward passes, and an
 * evaluation two for each of its batches, one per split.
 */
export function affordableBatches({
  evalBatches,
  evalInterval,
  steps,
}: Pick<Numbers, 'evalBatches' | 'evalInterval' | 'steps'>): number {
  const forwards = 0.05 * 3 * Math.min(evalInterval, steps)
  return Math.max(1, Math.min(evalBatches, Math.floor(forwards / 2)))
}

/** Characters of the sample. Text from a few steps is noise, so a trial gets only some beyond its block size. */
function sampleSize({ steps, blockSize }: Numbers): number {
  return steps < 100 ? Math.ceil(1.25 * blockSize) : 2000
}

function sayCost(harness: TrainingHarness, evalBatches: number): void {
  const { batchSize, blockSize, steps, evalInterval } = harness.numbers
  const [ours, course] = [2 * evalBatches, 2 * 200]
  const evaluations = 1 + Math.ceil(steps / evalInterval)
  harness.say(
    `An evaluation takes ${ours} forward passes of ${batchSize} × ${blockSize} tokens, about as much work as ` +
      `${Math.ceil(ours / 3)} training steps. There will be ${evaluations} evaluations. ` +
      `(With the ${course} passes of the other stages, each would take as long as ${Math.ceil(course / 3)} steps.)`,
  )
}

/** A prompt for generation: 'ROMEO:', or the beginning of the text if it lacks these characters. */
function opening({ tokenizer, text }: TrainingHarness): string {
  try {
    tokenizer.encode('ROMEO:')
    return 'ROMEO:'
  } catch {
    return beginningOf(text, 6)
  }
}

export const decoder: ModelStage = {
  ...course.decoder,
  name: 'decoder',
  model: Decoder,
  run,
}
