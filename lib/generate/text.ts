// Converts tokens to text. Incomplete characters, and text that may be the beginning of a stop
// string, are held back.

import type { Decoder, Tokenizer } from '../tokenizer/tokenizer'
import type { SampledToken } from './kv_cache'

/** Why a text ended: it reached the requested number of tokens, or a stop string. */
export type Finish = 'length' | 'stop'

/** A piece of a text. */
export interface Piece {
  readonly text: string
  readonly tokens: readonly number[]
  readonly logProbabilities: readonly number[]
}

/** Text with its tokens. The last token completes a character; those before it yielded no text. */
interface Part {
  readonly text: string
  readonly draws: readonly SampledToken[]
}

/**
 * Ends a text before the stop string that is complete first. The result does not depend on how the
 * tokens are divided into pushes.
 */
export class TextWriter {
  /** Whether a stop string occurred. It and everything after it are not part of the text. */
  stopped = false
  private readonly decoder: Decoder
  /** The tokens of a character that is still incomplete. */
  private incomplete: SampledToken[] = []
  private held: Part[] = []

  /**
   * @param tokenizer of the tokens that continue a prompt
   * @param stop non-empty strings without unpaired surrogates
   */
  constructor(
    tokenizer: Tokenizer,
    private readonly stop: readonly string[],
  ) {
    this.decoder = tokenizer.decoder(true)
  }

  /** Adds tokens and returns the text that can be released. */
  push(draws: readonly SampledToken[]): Piece {
    const done: Part[] = []
    for (const draw of draws) {
      if (this.stopped) break
      this.incomplete.push(draw)
      const text = this.decoder.push(draw.token)
      if (text !== '') done.push(...this.add(text))
    }
    return pieceOf(done)
  }

  /** The text that was held back, after the last token. */
  rest(): Piece {
    if (this.stopped) return pieceOf([])
    const done = this.add(this.decoder.end())
    done.push(...this.held.splice(0))
    return pieceOf(done)
  }

  /** Adds the text of the incomplete tokens, and returns what can be released. */
  private add(text: string): Part[] {
    this.held.push({ text, draws: this.incomplete })
    this.incomplete = []
    const all = this.held.map((part) => part.text).join('')
    const end = this.endOf(all)
    if (end === undefined) return this.release(all.length - this.openEnd(all))
    this.stopped = true
    const kept = this.cutAt(end)
    this.held = []
    return kept
  }

  /** The start of the stop string that is complete first; if several end there, of the longest. */
  private endOf(text: string): number | undefined {
    const found = this.stop
      .map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
      .filter(({ start }) => start >= 0)
      .map(({ start, length }) => ({ start, end: start + length }))
      .sort((a, b) => a.end - b.end || a.start - b.start)
    return found[0]?.start
  }

  /** The length of the longest suffix of `text` that is a prefix of a stop string. */
  private openEnd(text: string): number {
    const lengths = this.stop.map((stop) => {
      for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
        if (stop.startsWith(text.slice(-length))) return length
      }
      return 0
    })
    return Math.max(0, ...lengths)
  }

  /** Removes and returns the parts that lie within the first `length` UTF-16 units. */
  private release(length: number): Part[] {
    let end = 0
    let count = 0
    while (count < this.held.length && end + this.held[count].text.length <= length) {
      end += this.held[count++].text.length
    }
    return this.held.splice(0, count)
  }

  /**
   * The parts that begin within the first `length` UTF-16 units, with the text of the last one cut
   * there.
   */
  private cutAt(length: number): Part[] {
    const kept: Part[] = []
    let end = 0
    for (const { text, draws } of this.held) {
      if (end >= length) break
      kept.push({ text: text.slice(0, length - end), draws })
      end += text.length
    }
    return kept
  }
}

function pieceOf(parts: readonly Part[]): Piece {
  const draws = parts.flatMap((part) => part.draws)
  return {
    text: parts.map(({ text }) => text).join(''),
    tokens: draws.map(({ token }) => token),
    logProbabilities: draws.map(({ logProbability }) => logProbability),
  }
}
