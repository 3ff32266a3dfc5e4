// The Programs of generation: prefill reads a prompt into a key/value cache, decode continues
// sequences token by token.

import type { Program } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { type Observer, Trace } from '../graph/trace'
import type { LanguageModel } from '../nn'
import { countTokens, repetitionPenalty, sample, selectRow } from '../ops'
import { copyOp } from '../ops/copy'
import { constantIndex } from '../ops/fill'
import { applyInto } from '../ops/op'
import { site } from '../random/philox'

/** A key/value cache with a slot for each concurrent sequence. */
export interface CacheSlots {
  readonly name: string
  readonly slots: number
}

/**
 * The Store tensor that passes the tokens of a decoding step of `batch` sequences to the next step:
 * i32 [batch, 1].
 */
export const tokensName = (cache: string, batch: number) => `generation/${cache}/tokens/${batch}`
/**
 * The counts of each token in the text of each slot, for the repetition penalty: i32 [slots, V].
 */
export const countsName = (cache: string) => `generation/${cache}/counts`

/** Options that are fixed in a Program. */
export interface ProgramOptions {
  /**
   * Whether to apply the repetition penalty. It needs the tensor `countsName` and the input
   * `penalty`.
   */
  readonly penalty: boolean
  /** Default: none. */
  readonly observer?: Observer
}

/**
 * Reads tokens at positions start … start + length − 1 of a slot into the cache, and draws the next
 * token.
 *
 * Inputs: tokens i32 [1, length], start i32 [1], slot i32 [1], and those of `draw`. Outputs: those
 * of `draw`.
 */
export function prefillProgram(
  model: LanguageModel,
  cache: CacheSlots,
  length: number,
  options: ProgramOptions,
): Program {
  const trace = generationTrace(`prefill ${length}`, model, cache, 1, options)
  const hidden = model.hidden(trace.input('tokens', 'i32', [1, length]))
  const last = length === 1 ? hidden : selectRow(hidden, constantIndex(length - 1, trace))
  draw(trace, model, cache, last, options)
  return trace.finish()
}

/**
 * Extends each of `batch` sequences by one token. The previous tokens are in `tokensName`, where
 * the last run stored them.
 *
 * Inputs: start i32 [batch], slot i32 [batch], and those of `draw`. Outputs: those of `draw`.
 */
export function decodeProgram(
  model: LanguageModel,
  cache: CacheSlots,
  batch: number,
  options: ProgramOptions,
): Program {
  const trace = generationTrace(`decode ${batch}`, model, cache, batch, options)
  const state = trace.store(tokensName(cache.name, batch), 'i32', [batch, 1])
  const token = draw(trace, model, cache, model.hidden(state), options)
  applyInto(copyOp, [token], {}, [state])
  if (options.penalty) countTokens(countsOf(trace, cache, model), token, trace.cache!.slot)
  return trace.finish()
}

function generationTrace(
  name: string,
  model: LanguageModel,
  cache: CacheSlots,
  batch: number,
  { observer }: ProgramOptions,
): Trace {
  const { blockSize: capacity } = model.sizes
  return new Trace(name, { cache: { name: cache.name, slots: cache.slots, capacity, batch }, observer })
}

function countsOf(trace: Trace, cache: CacheSlots, model: LanguageModel): Tensor {
  return trace.store(countsName(cache.name), 'i32', [cache.slots, model.sizes.vocabSize])
}

/**
 * Draws a token for each sequence from the hidden state of its last position [B, 1, ·].
 *
 * Inputs: temperature, topK, topP, minP (and penalty) of rank 0, rng u32 [B, 1, 3]. Outputs: token
 * i32 [B, 1], and logProbability f32 [B, 1], which includes the penalty but not temperature, topK,
 * topP and minP.
 */
function draw(
  trace: Trace,
  model: LanguageModel,
  cache: CacheSlots,
  hidden: Tensor,
  { penalty }: ProgramOptions,
): Tensor {
  const logits = model.logits(hidden)
  const [B] = logits.shape
  const inputs = {
    temperature: trace.input('temperature', 'f32', []),
    topK: trace.input('topK', 'i32', []),
    topP: trace.input('topP', 'f64', []),
    minP: trace.input('minP', 'f64', []),
    rng: trace.input('rng', 'u32', [B, 1, 3]),
  }
  const weighed = penalty
    ? repetitionPenalty(
        logits,
        countsOf(trace, cache, model),
        trace.cache!.slot,
        trace.input('penalty', 'f32', []),
      )
    : logits
  const { token, logProbability } = sample(weighed, inputs, site('generation.sample'))
  trace.output('token', token)
  trace.output('logProbability', logProbability)
  return token
}
