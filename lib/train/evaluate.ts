// evaluate(): the exact loss of a trained model over the whole validation split of its text.

import * as v from 'valibot'
import { type LoadOptions, load, loadSchema } from '../api/model'
import { onDevice } from '../backend/devices'
import { readCheckpoint } from '../checkpoint/checkpoint'
import { loadText } from '../data/corpus'
import { splitTokens } from '../data/split'
import { NanoGptError } from '../errors'
import { checkOptions, signal } from '../options'

const schema = v.strictObject({
  /** A run folder or a checkpoint. */
  model: v.string('must be a path'),
  /** The text: 'shakespeare', 'moby-dick', a path, or { text }. Default: the one it was trained on. */
  data: v.optional(
    v.union([v.string(), v.object({ text: v.string() })], 'must be a corpus name, a path or { text }'),
  ),
  ...loadSchema.entries,
  /** Ends it with an AbortError. */
  signal: v.optional(signal),
})

export type EvaluateOptions = v.InferInput<typeof schema> & LoadOptions

export interface Evaluation {
  /** The checkpoint that was read. */
  readonly checkpoint: string
  readonly step: number
  readonly device: string
  /** The text's name. */
  readonly data: string
  /**
   * The mean in nats a token over the validation split, the last tenth of the text: in windows of the block size that follow one another
   * without overlap, each token but the first predicted once. The same on the same device each time, to the bit.
   */
  readonly valLoss: number
  /** Tokens of the split. */
  readonly validationTokens: number
  readonly blockSize: number
  /** The lowest loss that training saw, and its step: an estimate by random batches, unless it took the exact one (`exactEvaluation`). */
  readonly best: { readonly step: number; readonly valLoss: number } | null
}

/**
 * How good a trained model is, exactly.
 *
 * @throws NanoGptError for options, the checkpoint, the text or the device
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const checked = checkOptions('evaluate', schema, options)
  return onDevice(checked.device, (device) => evaluateOn({ ...checked, device }))
}

async function evaluateOn(options: v.InferOutput<typeof schema>): Promise<Evaluation> {
  const { model: path, data, signal, ...open } = options
  const { path: checkpoint } = await readCheckpoint(path, open.checkpoint ?? 'best')
  await using model = await load(path, open)
  const { info, tokenizer, config } = model
  const source = data ?? info.data.source
  if (source === null) {
    throw new NanoGptError(
      'data',
      `evaluate: ${checkpoint} was trained on a text given as { text }: give a text as \`data\``,
    )
  }
  const text = await loadText(source)
  const { validation } = splitTokens(tokenizer.encode(text.text), config.blockSize, true)
  return {
    checkpoint,
    step: info.step,
    device: model.device,
    data: text.name,
    valLoss: await model.loss(validation, { signal }),
    validationTokens: validation.length,
    blockSize: config.blockSize,
    best: info.best,
  }
}
