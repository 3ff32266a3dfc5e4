// `nano-gpt evaluate`: the loss of a trained model over the whole validation split.

import type { EvaluateOptions } from '../train/evaluate'
import { evaluate } from '../train/evaluate'
import { json, plural, say } from './output'
import { newestRun, which } from './which_model'

type Options = Omit<EvaluateOptions, 'model' | 'checkpoint' | 'signal' | 'data'> & {
  model?: string
  checkpoint?: string
  data?: string
  json?: boolean
}

export async function evaluateCommand({ json: asJson, model, checkpoint, ...rest }: Options): Promise<void> {
  const path = model ?? (await newestRun('runs'))
  const begun = performance.now()
  const result = await evaluate({ ...rest, model: path, checkpoint: which('evaluate', checkpoint) })
  if (asJson) return json({ type: 'result', ...result, seconds: (performance.now() - begun) / 1000 })
  const { step, data, valLoss, validationTokens, blockSize, best } = result
  say(`${result.checkpoint}, after ${plural(step, 'step')}, on ${data}`)
  say(
    `Validation loss: ${valLoss.toFixed(4)}, the mean over all ${plural(validationTokens, 'token')} of the validation split, ` +
      `in windows of ${blockSize}`,
  )
  if (best)
    say(`Training took it for ${best.valLoss.toFixed(4)} at its best, after ${plural(best.step, 'step')}`)
}
