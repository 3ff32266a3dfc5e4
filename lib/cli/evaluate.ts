// `nano-gpt evaluate`: prints the loss of a trained model over the whole validation split.

import { printable } from '../errors'
import { checkOptions, type EvaluateOptions, evaluateOptions } from '../options'
import { evaluate } from '../train/evaluate'
import { describeBest, describeTokenizer } from './facts'
import { json, plural, say } from './output'
import { sourcesOf } from './sources'
import { modelPath } from './which_model'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly text?: string
  readonly json?: boolean
}

export async function evaluateCommand({ json: asJson, text, ...flags }: Flags): Promise<void> {
  const checked = checkOptions('evaluate', evaluateOptions, flags)
  const data = sourcesOf({ data: checked.data, text })
  const model = await modelPath(checked.model)
  const begun = performance.now()
  const result = await evaluate({ ...checked, model, ...(data && { data }) } as EvaluateOptions)
  if (asJson) return json({ type: 'result', ...result, seconds: (performance.now() - begun) / 1000 })
  const {
    step,
    data: name,
    valLoss,
    valBitsPerByte,
    bytesPerToken,
    validationTokens,
    blockSize,
    best,
  } = result
  say(`${result.checkpoint}, after ${plural(step, 'step')}, on ${printable(name)}`)
  say(`Tokenizer: ${describeTokenizer({ type: result.tokenizer, vocabSize: result.vocabSize })}`)
  say(
    `Validation loss: ${valLoss.toFixed(4)} nats per token (lower is better), the mean over all\n` +
      `${plural(validationTokens, 'token')} of the validation split, in windows of ${plural(blockSize, 'token')}`,
  )
  say(
    `Bits per byte: ${valBitsPerByte.toFixed(4)}, comparable between tokenizers ` +
      `(${bytesPerToken.toFixed(2)} bytes per token)`,
  )
  if (best) say(`Best loss during training: ${describeBest(best)}`)
}
