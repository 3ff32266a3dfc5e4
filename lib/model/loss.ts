// The loss of a text. The text is cut into windows of the block size. Full windows run in batches,
// and the remainder runs in Programs of its own size.

import type { Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { NanoGptError } from '../errors'
import type { LanguageModel } from '../nn'
import type { TokenSpan } from '../tokenizer/span'
import { lossProgram, mostLogits } from './programs'

/** Tokens per batch, about: enough to keep the kernels busy, in little memory. */
const tokensPerBatch = 1024
/** Target duration of a native call in seconds, so that an abort takes effect soon. */
const secondsPerCall = 0.05

/** A batch of consecutive windows of equal length, without overlap. */
interface Stretch {
  /** Index of the first token. */
  readonly from: number
  readonly batch: number
  /** Tokens that each window predicts. */
  readonly length: number
}

export class TextLoss {
  /** The Program of a full batch, compiled on first use. */
  private full: Promise<Compiled> | undefined

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
  ) {}

  /**
   * The mean loss in nats over all tokens but the first. Window i predicts the T tokens from token
   * i·T + 1 on, each from the tokens before it in the window.
   *
   * @param tokens at least 2
   */
  async of(tokens: TokenSpan, signal?: AbortSignal): Promise<number> {
    const { blockSize } = this.model.sizes
    const batch = Math.max(1, Math.floor(tokensPerBatch / blockSize))
    const predicted = tokens.length - 1
    const batches = Math.floor(predicted / (batch * blockSize))
    let sum = 0
    if (batches > 0) {
      const stretch = { from: 0, batch, length: blockSize }
      const losses = await this.run(await this.fullBatch(batch), tokens, stretch, batches, signal)
      for (const loss of losses) sum += loss * batch * blockSize
    }
    for (const stretch of leftOver(batches * batch * blockSize, predicted, blockSize)) {
      sum += (await this.once(tokens, stretch, signal)) * stretch.batch * stretch.length
    }
    return sum / predicted
  }

  private fullBatch(batch: number): Promise<Compiled> {
    this.full ??= this.compile(batch, this.model.sizes.blockSize).catch((error) => {
      this.full = undefined
      throw error
    })
    return this.full
  }

  private compile(batch: number, length: number): Promise<Compiled> {
    return compile(this.session, lossProgram(this.model, batch, length, mostLogits(this.session.device)))
  }

  /** Runs a batch whose size may not occur again, and frees its Program at once. */
  private async once(tokens: TokenSpan, stretch: Stretch, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted()
    const program = await this.compile(stretch.batch, stretch.length)
    try {
      const [loss] = await this.run(program, tokens, stretch, 1, signal)
      return loss
    } finally {
      // If the session has been disposed meanwhile, the Program is already freed.
      await this.session.release(program.handle).catch(() => {})
    }
  }

  /**
   * The losses of `count` consecutive batches. `stretch` is the first; each batch begins where the
   * previous one ends.
   */
  private async run(
    program: Compiled,
    tokens: TokenSpan,
    stretch: Stretch,
    count: number,
    signal?: AbortSignal,
  ): Promise<number[]> {
    const losses: number[] = []
    const size = stretch.batch * stretch.length
    let perCall = 1
    while (losses.length < count) {
      signal?.throwIfAborted()
      const steps = Math.min(perCall, count - losses.length)
      const first = stretch.from + losses.length * size
      const read = await tokens.read(first, first + steps * size + 1)
      const records = Array.from({ length: steps }, (_, i) => ({
        tokens: read.subarray(i * size, (i + 1) * size),
        targets: read.subarray(i * size + 1, (i + 1) * size + 1),
      }))
      const { outputs, seconds, failure } = await this.session.run(steps, [
        { program: program.handle, times: 1, inputs: program.inputs.pack(records), interruptible: true },
      ])
      if (failure) throw new NanoGptError(failure.code, { where: 'loss', reason: failure.message })
      losses.push(...program.outputs.unpack(outputs[0], 'loss'))
      perCall = Math.max(1, Math.min(2 * perCall, Math.floor((secondsPerCall * steps) / seconds)))
    }
    signal?.throwIfAborted()
    return losses
  }
}

/**
 * The predicted tokens, from `from` on, that full batches leave: full windows too few for a batch,
 * and one shorter window.
 */
function leftOver(from: number, predicted: number, blockSize: number): Stretch[] {
  const batch = Math.floor((predicted - from) / blockSize)
  const ragged = from + batch * blockSize
  return [
    { from, batch, length: blockSize },
    { from: ragged, batch: 1, length: predicted - ragged },
  ].filter((stretch) => stretch.batch > 0 && stretch.length > 0)
}
