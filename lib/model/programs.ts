// The Programs of a model: gradient, evaluation and loss. The update Program is in optim/, those of
// generation are in generate/.

import { bytesPerElement } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { Parameter, Tensor } from '../graph/tensor'
import { Trace } from '../graph/trace'
import type { LanguageModel } from '../nn'
import {
  accumulate,
  concatPositions,
  crossEntropy,
  fill,
  gatherBatch,
  lerp,
  requireFinite,
  slicePositions,
} from '../ops'
import { copyOp } from '../ops/copy'
import { applyInto } from '../ops/op'
import { gradientName } from '../optim/update'
import { gradients, gradientsThrough, unreached } from '../passes/autodiff'

/** The splits of a text. */
export type Split = 'train' | 'validation'

/** The tokens of the whole text, a tensor in the Store. A split is a range of it. */
export interface CorpusSpec {
  readonly dtype: 'u8' | 'u16' | 'u32'
  readonly length: number
}

export const corpusName = 'corpus'

/**
 * The most bytes of logits that exist at once, so that a large vocabulary does not decide the memory of
 * training. Each chunk of the logits reads the head's weight, and reads and writes its gradient. A GPU
 * has more arithmetic for each byte of memory than a CPU, so it needs larger chunks.
 *
 * @param device default: a CPU
 */
export const mostLogits = (device = 'cpu') => (/^(cuda|metal)/.test(device) ? 2 ** 28 : 2 ** 25)

/** The most chunks, which bounds the number of ops. */
const mostChunks = 512

/** Positions of every sequence. */
interface Chunk {
  readonly begin: number
  readonly count: number
}

/** The fewest chunks, of about equal size, whose logits fit `most` bytes, if there are so many. */
function chunksOf(model: LanguageModel, batch: number, length: number, most: number): Chunk[] {
  const bytes = bytesPerElement.f32 * batch * model.sizes.vocabSize
  const fitting = Math.max(Math.floor(most / bytes), length / mostChunks)
  const count = Math.ceil(length / Math.ceil(length / fitting))
  const chunks: Chunk[] = []
  for (let begin = 0; begin < length; begin += count) {
    chunks.push({ begin, count: Math.min(count, length - begin) })
  }
  return chunks
}

/**
 * Computes the loss of one micro-batch and adds its gradients to those in the Store. Inputs:
 * offsets u32 [B], and rng u32 [3] if the model has dropout. Output: loss f32 [].
 *
 * The head runs forwards and backwards for each chunk of the logits before the next chunk, and the
 * rest of the model runs backwards once.
 */
export function gradientProgram(
  model: LanguageModel,
  parameters: readonly Parameter[],
  corpus: CorpusSpec,
  sizes: { batchSize: number; gradientAccumulationSteps: number },
  most = mostLogits(),
): Program {
  const trace = new Trace('gradient', { training: true })
  const { tokens, targets } = batchOf(trace, model, corpus, sizes.batchSize)
  const seed = 1 / sizes.gradientAccumulationSteps
  const hidden = model.hidden(tokens)
  const trunk = [...trace.ops]
  const [B, T] = tokens.shape
  const chunks = chunksOf(model, B, T, most)
  const tensors = () => parameters.map((parameter) => trace.parameter(parameter))
  const accumulated = new Set<number>()
  const accumulateEach = (gradients: readonly (Tensor | undefined)[]) =>
    gradients.forEach((gradient, i) => {
      if (!gradient) return
      accumulate(trace.store(gradientName(parameters[i].path), 'f32', parameters[i].shape), gradient)
      accumulated.add(i)
    })

  let loss: Tensor
  if (chunks.length === 1) {
    loss = requireFinite(crossEntropy(model.logits(hidden), targets))
    accumulateEach(gradients(loss, tensors(), seed))
  } else {
    const parts: Tensor[] = []
    loss = meanOver(chunks, (chunk) => {
      const x = slice(hidden, chunk)
      const labels = slice(targets, chunk)
      const first = trace.ops.length
      const partial = requireFinite(crossEntropy(model.logits(x), labels))
      const weight = fill([], (seed * chunk.count) / T, trace)
      const [dx, ...rest] = gradientsThrough(trace.ops.slice(first), partial, weight, [x, ...tensors()])
      parts.push(dx!)
      accumulateEach(rest)
      return partial
    })
    accumulateEach(gradientsThrough(trunk, hidden, concatPositions(parts), tensors()))
    for (const [i, tensor] of tensors().entries()) if (!accumulated.has(i)) unreached(tensor)
  }
  trace.output('loss', loss)
  return trace.finish()
}

/** Computes the loss of a batch, without dropout. Inputs: offsets u32 [B]. Output: loss f32 []. */
export function evaluationProgram(
  model: LanguageModel,
  corpus: CorpusSpec,
  batchSize: number,
  most = mostLogits(),
): Program {
  const trace = new Trace('evaluate')
  const { tokens, targets } = batchOf(trace, model, corpus, batchSize)
  trace.output('loss', meanLoss(model, tokens, targets, most))
  return trace.finish()
}

function batchOf(trace: Trace, model: LanguageModel, corpus: CorpusSpec, batchSize: number) {
  const text = trace.store(corpusName, corpus.dtype, [corpus.length])
  const offsets = trace.input('offsets', 'u32', [batchSize])
  const [tokens, targets] = gatherBatch(text, offsets, model.sizes.blockSize)
  return { tokens, targets }
}

/**
 * Computes the mean loss of `batch` sequences of `length` tokens, without dropout. Inputs: tokens,
 * targets i32 [batch, length]. Output: loss f32 [].
 */
export function lossProgram(
  model: LanguageModel,
  batch: number,
  length: number,
  most = mostLogits(),
): Program {
  const trace = new Trace(`loss ${batch} × ${length}`)
  const tokens = trace.input('tokens', 'i32', [batch, length])
  const targets = trace.input('targets', 'i32', [batch, length])
  trace.output('loss', meanLoss(model, tokens, targets, most))
  return trace.finish()
}

/** The Store tensor in which `storedLossProgram` leaves the loss. */
export const storedLossName = 'loss'

/**
 * Like `lossProgram` for one sequence, but the loss becomes a Store tensor. So it keeps its precision in a
 * float64 session, in which outputs are f32.
 */
export function storedLossProgram(model: LanguageModel, length: number): Program {
  const trace = new Trace('stored loss')
  const tokens = trace.input('tokens', 'i32', [1, length])
  const targets = trace.input('targets', 'i32', [1, length])
  const loss = crossEntropy(model.forward(tokens), targets)
  applyInto(copyOp, [loss], {}, [trace.store(storedLossName, 'f32', [])])
  return trace.finish()
}

function meanLoss(model: LanguageModel, tokens: Tensor, targets: Tensor, most: number): Tensor {
  const [B, T] = tokens.shape
  const hidden = model.hidden(tokens)
  const chunks = chunksOf(model, B, T, most)
  if (chunks.length === 1) return crossEntropy(model.logits(hidden), targets)
  return meanOver(chunks, (chunk) => crossEntropy(model.logits(slice(hidden, chunk)), slice(targets, chunk)))
}

const slice = (x: Tensor, { begin, count }: Chunk) => slicePositions(x, begin, count)

/** The mean loss over all positions: the running mean of the chunks' losses. */
function meanOver(chunks: readonly Chunk[], lossOf: (chunk: Chunk) => Tensor): Tensor {
  const [first, ...rest] = chunks
  return rest.reduce(
    (mean, chunk) => lerp(mean, lossOf(chunk), chunk.count / (chunk.begin + chunk.count)),
    lossOf(first),
  )
}
