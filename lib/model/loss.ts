// The loss of a text: cut in windows of the block size, full ones in batches, what is left over by Programs of its own size.

import type { Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { NanoGptError } from '../errors'
import type { LanguageModel } from '../nn'
import type { Tokens } from '../tokenizer/tokenizer'
import { lossProgram } from './programs'

/** A batch has about this many tokens: enough for the kernels, and little memory. */
const tokensPerBatch = 1024
/** A native call takes about this long, so that an abort is heard. */
const secondsPerCall = 0.05

/** Equal windows that follow one another without overlap. */
interface Stretch {
  /** Index of the first token. */
  readonly from: number
  readonly batch: number
  /** Tokens that each window predicts. */
  readonly length: number
}

export class TextLoss {
  /** The Program of a full batch, kept once it was needed. */
  private full: Promise<Compiled> | undefined

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
  ) {}

  /**
   * Mean loss in nats over all tokens but the first; window i predicts tokens i·T + 1 … i·T + T from those before, in the window.
   *
   * @param tokens at least 2
   */
  async of(tokens: Tokens, signal?: AbortSignal): Promise<number> {
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
    return compile(this.session, lossProgram(this.model, batch, length))
  }

  /** A size that may never come again: its Program is freed at once. */
  private async once(tokens: Tokens, stretch: Stretch, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted()
    const program = await this.compile(stretch.batch, stretch.length)
    try {
      const [loss] = await this.run(program, tokens, stretch, 1, signal)
      return loss
    } finally {
      // A session that was disposed meanwhile has freed it.
      await this.session.release(program.handle).catch(() => {})
    }
  }

  /** The losses of `count` batches, of which the first is `stretch` and each begins where the last ended. */
  private async run(
    program: Compiled,
    tokens: Tokens,
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
      const records = Array.from({ length: steps }, (_, i) => {
        const from = stretch.from + (losses.length + i) * size
        return {
          tokens: tokens.subarray(from, from + size),
          targets: tokens.subarray(from + 1, from + size + 1),
        }
      })
      const { outputs, seconds, failure } = await this.session.run(steps, [
        { program: program.handle, times: 1, inputs: program.inputs.pack(records) },
      ])
      if (failure) throw new NanoGptError(failure.code, { where: 'loss', reason: failure.message })
      losses.push(...program.outputs.unpack(outputs[0], 'loss'))
      perCall = Math.max(1, Math.min(2 * perCall, Math.floor((secondsPerCall * steps) / seconds)))
    }
    signal?.throwIfAborted()
    return losses
  }
}

/** What full batches leave of the predicted tokens from `from` on: full windows, too few for a batch, and a shorter one. */
function leftOver(from: number, predicted: number, blockSize: number): Stretch[] {
  const batch = Math.floor((predicted - from) / blockSize)
  const ragged = from + batch * blockSize
  return [
    { from, batch, length: blockSize },
    { from: ragged, batch: 1, length: predicted - ragged },
  ].filter((stretch) => stretch.batch > 0 && stretch.length > 0)
}
