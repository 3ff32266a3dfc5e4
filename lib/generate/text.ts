// From tokens to text. Text is released once it is certain: an incomplete character and the beginning of a stop string are held back.

import type { Decoder, Tokenizer } from '../tokenizer/tokenizer'
import type { Draw } from './kv_cache'

/** Why a text ended: it has all tokens that were asked for, or a stop string came. */
export type Finish = 'length' | 'stop'

/** Some text more. */
export interface Piece {
  readonly text: string
  readonly tokens: readonly number[]
  readonly logProbabilities: readonly number[]
}

/** Text with the tokens that it comes from: the last completes a character, those before it brought no text yet. */
interface Part {
  readonly text: string
  readonly draws: readonly Draw[]
}

/** Ends the text before the stop string that is complete first, whatever pieces the tokens come in. */
export class TextWriter {
  /** Whether a stop string has come: it and what follows is no part of the text. */
  stopped = false
  private readonly decoder: Decoder
  /** Tokens of a character that is still incomplete. */
  private incomplete: Draw[] = []
  private held: Part[] = []

  /** @param stop none of them empty, none with half of a surrogate pair */
  constructor(
    tokenizer: Tokenizer,
    private readonly stop: readonly string[],
  ) {
    this.decoder = tokenizer.decoder()
  }

  /** What is certain to belong to the text after these tokens. */
  push(draws: readonly Draw[]): Piece {
    const done: Part[] = []
    for (const draw of draws) {
      if (this.stopped) break
      this.incomplete.push(draw)
      const text = this.decoder.push(draw.token)
      if (text !== '') done.push(...this.add(text))
    }
    return pieceOf(done)
  }

  /** What was held back, once nothing more comes. */
  rest(): Piece {
    if (this.stopped) return pieceOf([])
    const done = this.add(this.decoder.end())
    done.push(...this.held.splice(0))
    return pieceOf(done)
  }

  /** Adds text that the incomplete tokens have become, and takes off what is certain. */
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

  /** Where the stop string begins that is complete first; of several that end there, the longest. */
  private endOf(text: string): number | undefined {
    const found = this.stop
      .map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
      .filter(({ start }) => start >= 0)
      .map(({ start, length }) => ({ start, end: start + length }))
      .sort((a, b) => a.end - b.end || a.start - b.start)
    return found[0]?.start
  }

  /** The length of the longest end of `text` that a stop string begins with. */
  private openEnd(text: string): number {
    const lengths = this.stop.map((stop) => {
      for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
        if (stop.startsWith(text.slice(-length))) return length
      }
      return 0
    })
    return Math.max(0, ...lengths)
  }

  /** Takes the parts off whose text lies within the first `length` UTF-16 units. */
  private release(length: number): Part[] {
    let end = 0
    let count = 0
    while (count < this.held.length && end + this.held[count].text.length <= length) {
      end += this.held[count++].text.length
    }
    return this.held.splice(0, count)
  }

  /** The parts that begin within the first `length` UTF-16 units, the last one's text cut there. */
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
