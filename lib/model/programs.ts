// The Programs of a model: gradient, evaluation and loss. The update Program is in optim/, those of
// generation are in generate/.

import type { Program } from '../graph/program'
import type { Parameter } from '../graph/tensor'
import { Trace } from '../graph/trace'
import type { LanguageModel } from '../nn'
import { accumulate, crossEntropy, gatherBatch, requireFinite } from '../ops'
import { gradientName } from '../optim/update'
import { gradients } from '../passes/autodiff'

/** The splits of a text. */
export type Split = 'train' | 'validation'

/** The tokens of the whole text, a tensor in the Store. A split is a range of it. */
export interface CorpusSpec {
  readonly dtype: 'u8' | 'u16' | 'u32'
  readonly length: number
}

export const corpusName = 'corpus'

/**
 * Computes the loss of one micro-batch and adds its gradients to those in the Store. Inputs:
 * offsets u32 [B], and rng u32 [3] if the model has dropout. Output: loss f32 [].
 */
export function gradientProgram(
  model: LanguageModel,
  parameters: readonly Parameter[],
  corpus: CorpusSpec,
  sizes: { batchSize: number; gradientAccumulationSteps: number },
): Program {
  const trace = new Trace('gradient', { training: true })
  const loss = requireFinite(batchLoss(trace, model, corpus, sizes.batchSize))
  const tensors = parameters.map((parameter) => trace.parameter(parameter))
  gradients(loss, tensors, 1 / sizes.gradientAccumulationSteps).forEach((gradient, i) => {
    accumulate(trace.store(gradientName(parameters[i].path), 'f32', parameters[i].shape), gradient)
  })
  trace.output('loss', loss)
  return trace.finish()
}

/** Computes the loss of a batch, without dropout. Inputs: offsets u32 [B]. Output: loss f32 []. */
export function evaluationProgram(model: LanguageModel, corpus: CorpusSpec, batchSize: number): Program {
  const trace = new Trace('evaluate')
  trace.output('loss', batchLoss(trace, model, corpus, batchSize))
  return trace.finish()
}

function batchLoss(trace: Trace, model: LanguageModel, corpus: CorpusSpec, batchSize: number) {
  const tokens = trace.store(corpusName, corpus.dtype, [corpus.length])
  const offsets = trace.input('offsets', 'u32', [batchSize])
  const [inputs, targets] = gatherBatch(tokens, offsets, model.sizes.blockSize)
  return crossEntropy(model.forward(inputs), targets)
}

/**
 * Computes the mean loss of `batch` sequences of `length` tokens, without dropout. Inputs: tokens,
 * targets i32 [batch, length]. Output: loss f32 [].
 */
export function lossProgram(model: LanguageModel, batch: number, length: number): Program {
  const trace = new Trace(`loss ${batch} × ${length}`)
  const tokens = trace.input('tokens', 'i32', [batch, length])
  const targets = trace.input('targets', 'i32', [batch, length])
  trace.output('loss', crossEntropy(model.forward(tokens), targets))
  return trace.finish()
}
