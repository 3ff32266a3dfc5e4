// evaluate(): the exact loss of a trained model over the whole validation split of its text.

import { checkpointRemedy, loadCheckpoint, type Model } from '../api/model'
import { onDevice } from '../backend/devices'
import { type Best, type Checkpoint, readCheckpoint } from '../checkpoint/checkpoint'
import { type DataSource, openText } from '../data/corpus'
import { splitRanges } from '../data/split'
import { inlineText, NanoGptError, option, say } from '../errors'
import {
  type Checked,
  checkOptions,
  type EvaluateOptions,
  evaluateOptions,
  loadOptions,
  pick,
  requireOption,
  trainOptions,
} from '../options'
import { bitsPerByte, bytesPerToken } from '../tokenizer/bits'
import type { TokenizerType } from '../tokenizer/names'
import { partOf, type TokenSpan } from '../tokenizer/span'
import { encodeText } from './encoded'
import { sourcesIn } from './text'

export interface Evaluation {
  /** The checkpoint that was read. */
  readonly checkpoint: string
  readonly step: number
  readonly device: string
  /** The text's name. */
  readonly data: string
  /** The name of the tokenizer, and the size of its vocabulary. */
  readonly tokenizer: TokenizerType
  readonly vocabSize: number
  /**
   * The mean loss in nats per token over the validation split, the last tenth of the text. The
   * split is cut into windows of the block size without overlap, and each token except the first is
   * predicted once. Repeated calls on one device give the same bits.
   */
  readonly valLoss: number
  /** The same loss in bits per byte of UTF-8, which does not depend on the tokenizer. */
  readonly valBitsPerByte: number
  /** The bytes of UTF-8 per predicted token. */
  readonly bytesPerToken: number
  /** The number of tokens in the split. */
  readonly validationTokens: number
  readonly blockSize: number
  /**
   * The lowest validation loss during training and its step: an estimate from random batches, or
   * exact with `exactEvaluation`.
   */
  readonly best: Best | null
}

/**
 * Computes the exact loss of a trained model over the whole validation split.
 *
 * @throws NanoGptError for options, the checkpoint, the text or the device
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const checked = checkOptions('evaluate', evaluateOptions, options)
  const path = requireOption('evaluate', 'model', checked.model, checkpointRemedy)
  const checkpoint = await readCheckpoint(
    path,
    checked.checkpoint ?? loadOptions.checkpoint.default,
    undefined,
    checked.blockSize,
  )
  return onDevice(checked.device, (device) => evaluateOn(checkpoint, checked, device))
}

async function evaluateOn(
  checkpoint: Checkpoint,
  { signal, threads, instructionSet, ...text }: Checked<typeof evaluateOptions>,
  device: string,
): Promise<Evaluation> {
  await using model = await loadCheckpoint(checkpoint, { device, threads, instructionSet })
  const { info, tokenizer, config } = model
  return await withValidation(checkpoint, model, { ...text, signal }, async (validation, name) => {
    const perToken = await bytesPerToken(tokenizer, validation)
    const valLoss = await model.lossOf(validation, signal)
    return {
      checkpoint: checkpoint.path,
      step: info.step,
      device: model.device,
      data: text.data ? name : (info.data?.name ?? name),
      tokenizer: tokenizer.type,
      vocabSize: tokenizer.vocabSize,
      valLoss,
      valBitsPerByte: bitsPerByte(valLoss, perToken),
      bytesPerToken: perToken,
      validationTokens: validation.length,
      blockSize: config.blockSize,
      best: info.best,
    }
  })
}

/**
 * Calls `work` with the tokens of the validation split, of the given text or of the one that the model
 * was trained on, and with the name of that text.
 *
 * @throws NanoGptError for the text
 */
export async function withValidation<T>(
  checkpoint: Checkpoint,
  { info, tokenizer, config }: Model,
  { data, signal, ...form }: Checked<typeof evaluateOptions>,
  work: (validation: TokenSpan, name: string) => Promise<T>,
): Promise<T> {
  const {
    lineEndings = trainOptions.lineEndings.default,
    field,
    separator,
  } = {
    ...(data ? {} : info.data),
    ...pick(form, ['lineEndings', 'field', 'separator']),
  }
  const text = await openText(data ?? ownSources(checkpoint), { lineEndings, field, separator, signal })
  using _text = 'text' in text ? null : { [Symbol.dispose]: text.dispose }
  const corpus = await encodeText(text, tokenizer, { signal })
  const { from, length } = splitRanges(corpus.length, config.blockSize, true).validation
  return await work(partOf(corpus, from, from + length), text.name)
}

/** The sources of the text that a model was trained on. */
function ownSources({ info, path }: Checkpoint): readonly DataSource[] {
  const sources = info.data && sourcesIn(info.data, path)
  if (sources) return sources
  throw new NanoGptError('data', {
    where: 'evaluate',
    subject: path,
    reason: info.data
      ? say`it was trained on a text given as ${inlineText}, which was not saved`
      : 'it does not record a training text',
    remedy: say`give a text as ${option('data')}`,
  })
}
