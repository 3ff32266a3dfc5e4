// What a model of a run writes, and the odds of what it could write instead.

import type { Model } from '../api/model'
import { checkOptions, generateOptions } from '../options'
import type { Models, Moment } from './models'
import { RequestError } from './respond'

/** UTF-16 code units. */
const longestPrompt = 20_000
const mostTokens = 500
/** Tokens whose names are sent; of the others, only the logits. */
const mostNamed = 64

export interface Token {
  readonly id: number
  /** Empty for a token that is only a part of a character. */
  readonly text: string
}

export interface Odds {
  /** The most likely tokens first. */
  readonly tokens: readonly Token[]
  /** The logits of all tokens, as Float32 in base64, little-endian. */
  readonly logits: string
}

export interface Surprise extends Token {
  readonly loss: number | null
}

/** Writes with the models of runs. */
export class Writer {
  constructor(private readonly models: Models) {}

  /** The odds of each token after a text, of which the model reads the end that fits in its context. */
  odds(moment: Moment, given: unknown): Promise<Odds> {
    const text = promptOf(given)
    return this.models.with(moment, async (model) => {
      const tokens = model.tokenizer.encode(text).slice(-model.config.blockSize)
      const { shape, data } = await model.logits(tokens)
      const logits = data.slice(-shape[1])
      const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a])
      return {
        tokens: order.slice(0, mostNamed).map((id) => tokenOf(model, id)),
        logits: Buffer.from(logits.buffer).toString('base64'),
      }
    })
  }

  /**
   * The tokens that continue a text. The same seed and sampling give the same ones.
   *
   * @param sampling temperature, topK, topP, seed, maxTokens, window and without
   * @throws NanoGptError 'option'
   */
  write(
    moment: Moment,
    given: unknown,
    sampling: Readonly<Record<string, unknown>>,
  ): Promise<readonly Token[]> {
    const prompt = promptOf(given)
    const { temperature, topK, topP, seed, maxTokens, window, without } = sampling
    const chosen = { temperature, topK, topP, seed, maxTokens, window, without }
    const checked = checkOptions('', generateOptions, chosen)
    const count = Math.min(mostTokens, checked.maxTokens ?? mostTokens)
    return this.models.with(moment, async (model) => {
      const [{ tokens }] = await model.complete({ ...checked, maxTokens: count, prompt } as never)
      return tokens.map((id) => tokenOf(model, id))
    })
  }

  /** The tokens of a text, and how surprising each is after those before it, in nats. null: the first. */
  surprise(moment: Moment, given: unknown): Promise<readonly Surprise[]> {
    const text = promptOf(given)
    return this.models.with(moment, async (model) => {
      const tokens = model.tokenizer.encode(text)
      const losses = await model.tokenLosses(tokens)
      return Array.from(tokens, (id, i) => ({ ...tokenOf(model, id), loss: i === 0 ? null : losses[i - 1] }))
    })
  }
}

/**
 * The prompt of a call. An empty prompt stands for a line feed, as in generate().
 *
 * @throws RequestError
 */
export function promptOf(given: unknown): string {
  if (typeof given !== 'string' || given.length > longestPrompt)
    throw new RequestError(400, 'The text is too long: at most 20,000 characters are possible here.')
  return given === '' ? '\n' : given
}

export function tokenOf({ tokenizer }: Model, id: number): Token {
  const text = tokenizer.decode([id])
  return { id, text: text.includes('\ufffd') ? '' : text }
}
