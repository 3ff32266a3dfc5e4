// The Programs of a model: gradient, evaluation, generation. (The optimizer's update is in optim/.)

import { gradients } from '../graph/autodiff'
import type { Program } from '../graph/program'
import type { Parameter } from '../graph/tensor'
import { Trace } from '../graph/trace'
import type { LanguageModel } from '../nn'
import { accumulate, crossEntropy, gatherBatch, requireFinite, sample, selectRow } from '../ops'
import { copyOp } from '../ops/copy'
import { constantIndex } from '../ops/fill'
import { applyInto } from '../ops/op'
import { gradientName } from '../optim/update'
import { site } from '../random/philox'

/** The token corpora in the Store. */
export type Split = 'train' | 'validation'

export interface Corpus {
  readonly split: Split
  readonly dtype: 'u16' | 'u32'
  readonly length: number
}

export const corpusName = (split: Split) => `corpus/${split}`

/**
 * One micro-batch: its loss, and its gradients added to those in the Store.
 * Inputs: offsets u32 [B], and rng if the model has dropout. Output: loss f32 [].
 */
export function gradientProgram(
  model: LanguageModel,
  parameters: readonly Parameter[],
  corpus: Corpus,
  sizes: { batchSize: number; microBatches: number },
): Program {
  const trace = new Trace('gradient', { training: true })
  const loss = requireFinite(batchLoss(trace, model, corpus, sizes.batchSize))
  const tensors = parameters.map((parameter) => trace.parameter(parameter))
  gradients(loss, tensors, 1 / sizes.microBatches).forEach((gradient, i) => {
    accumulate(trace.store(gradientName(parameters[i].path), 'f32', parameters[i].shape), gradient)
  })
  trace.output('loss', loss)
  return trace.finish()
}

/** The loss of a batch without dropout. Inputs: offsets u32 [B]. Output: loss f32 []. */
export function evaluationProgram(model: LanguageModel, corpus: Corpus, batchSize: number): Program {
  const trace = new Trace(`evaluate ${corpus.split}`)
  trace.output('loss', batchLoss(trace, model, corpus, batchSize))
  return trace.finish()
}

function batchLoss(trace: Trace, model: LanguageModel, corpus: Corpus, batchSize: number) {
  const tokens = trace.store(corpusName(corpus.split), corpus.dtype, [corpus.length])
  const offsets = trace.input('offsets', 'u32', [batchSize])
  const [inputs, targets] = gatherBatch(tokens, offsets, model.sizes.blockSize)
  return crossEntropy(model.forward(inputs), targets)
}

/** The Store tensor through which one decoding step hands its token to the next. */
export const tokenName = (lane: string) => `generation/${lane}/token`

/**
 * Reads tokens at positions start … start + length − 1 into the cache of `lane`, and draws the next one.
 *
 * Inputs: tokens i32 [1, length] (`prefill`; `decode` takes its one token from the Store, where the last run left it),
 * start, temperature, topK, rng. Output: token i32 [1, 1].
 */
export function generationProgram(
  model: LanguageModel,
  kind: 'prefill' | 'decode',
  lane: string,
  length = 1,
): Program {
  const trace = new Trace(`${kind} ${length}`, { cache: { lane, capacity: model.sizes.blockSize } })
  const state = trace.store(tokenName(lane), 'i32', [1, 1])
  const tokens = kind === 'prefill' ? trace.input('tokens', 'i32', [1, length]) : state
  const hidden = model.hidden(tokens)
  const last = length === 1 ? hidden : selectRow(hidden, constantIndex(length - 1, trace))
  const temperature = trace.input('temperature', 'f32', [])
  const topK = trace.input('topK', 'i32', [])
  const token = sample(model.logits(last), temperature, topK, trace.rng(), site('generation.sample'))
  applyInto(copyOp, [token], {}, [state])
  trace.output('token', token)
  return trace.finish()
}

/** The mean loss of `batch` sequences of `length` tokens, without dropout. Inputs: tokens, targets i32 [batch, length]. Output: loss f32 []. */
export function lossProgram(model: LanguageModel, batch: number, length: number): Program {
  const trace = new Trace(`loss ${batch} × ${length}`)
  const tokens = trace.input('tokens', 'i32', [batch, length])
  const targets = trace.input('targets', 'i32', [batch, length])
  trace.output('loss', crossEntropy(model.forward(tokens), targets))
  return trace.finish()
}
