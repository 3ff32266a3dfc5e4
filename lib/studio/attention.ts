// Where the heads of a model look in a text, and what it guesses without some of them.

import type { Model } from '../api/model'
import { checkOptions, lossOptions } from '../options'
import type { Tokens } from '../tokenizer/tokenizer'
import type { Models, Moment } from './models'
import { RequestError } from './respond'
import { promptOf, type Token, tokenOf } from './writer'

/** The matrices of a longer text are too large to send and too fine to see. */
const mostTokens = 200
/** Losses of a call. Other calls wait meanwhile. */
const mostHeads = 16

export interface Look {
  readonly tokens: readonly Token[]
  /** The number of tokens of the whole text, of which `tokens` are the first. */
  readonly length: number
  /** 0 for a model without attention. */
  readonly layers: number
  readonly heads: number
  /**
   * For each layer and head, the weights of each token for itself and those before it, in base64. A byte
   * is the share of the largest weight of its row, in 255ths.
   */
  readonly weights: string
  /** The mean loss in nats, with all heads. null: the text has one token, and none is predicted. */
  readonly loss: number | null
  /** The mean loss without the heads that are switched off. */
  readonly lossWithout: number | null
}

/** Looks at the attention of the models of runs. Of a text, only the beginning that `Look` describes counts. */
export class Attention {
  /** The newest loss with all heads, which many calls need. */
  private known: { readonly model: Model; readonly text: string; readonly loss: number } | undefined

  constructor(private readonly models: Models) {}

  /**
   * The attention weights of a text.
   *
   * @param without heads that are switched off, as in generate()
   * @throws NanoGptError 'option' for a head that the model lacks
   */
  look(moment: Moment, given: unknown, without: unknown): Promise<Look> {
    const text = promptOf(given)
    const off = headsIn(without)
    return this.models.with(moment, async (model) => {
      const { tokens, length } = beginningOf(model, text)
      const { shape, data } = await model.attention(tokens, { without: off })
      const [layers, heads, T] = shape
      const loss = T < 2 ? null : await this.lossOf(model, text, tokens)
      return {
        tokens: Array.from(tokens, (id) => tokenOf(model, id)),
        length,
        layers,
        heads,
        weights: Buffer.from(trianglesOf(data, T)).toString('base64'),
        loss,
        lossWithout: loss === null || off.length === 0 ? loss : await model.loss(tokens, { without: off }),
      }
    })
  }

  private async lossOf(model: Model, text: string, tokens: Tokens): Promise<number> {
    const { known } = this
    if (known?.model === model && known.text === text) return known.loss
    const loss = await model.loss(tokens)
    this.known = { model, text, loss }
    return loss
  }

  /**
   * The mean losses of a text without each of some heads, one head at a time.
   *
   * @throws NanoGptError 'option' for a head that the model lacks, 'data_too_short'
   */
  lossesWithout(moment: Moment, given: unknown, each: unknown): Promise<readonly number[]> {
    const text = promptOf(given)
    const heads = headsIn(each)
    if (heads.length > mostHeads)
      throw new RequestError(400, `At most ${mostHeads} heads are possible in one call.`)
    return this.models.with(moment, async (model) => {
      const { tokens } = beginningOf(model, text)
      const losses: number[] = []
      for (const head of heads) losses.push(await model.loss(tokens, { without: head }))
      return losses
    })
  }
}

const headsIn = (given: unknown) =>
  checkOptions('', { without: lossOptions.without }, { without: given }).without ?? []

function beginningOf({ tokenizer, config }: Model, text: string) {
  const all = tokenizer.encode(text)
  return { tokens: all.subarray(0, Math.min(mostTokens, config.blockSize)), length: all.length }
}

/** Square matrices [T, T] → rows of 1 to T bytes, relative to the largest weight of the row. */
function trianglesOf(matrices: Float32Array, T: number): Uint8Array {
  const bytes = new Uint8Array((matrices.length / (T * T)) * ((T * (T + 1)) / 2))
  let at = 0
  for (let start = 0; start < matrices.length; start += T) {
    const row = matrices.subarray(start, start + ((start / T) % T) + 1)
    const most = row.reduce((max, weight) => Math.max(max, weight), 0)
    for (const weight of row) bytes[at++] = Math.round((255 * weight) / most)
  }
  return bytes
}
