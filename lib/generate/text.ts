// From tokens to text, with an eye on stop strings: text that may be the beginning of one is held back.

import type { Tokenizer } from '../tokenizer/tokenizer'
import type { Draw } from './lane'

/** Why a text ended: it has all tokens that were asked for, or a stop string came. */
export type Finish = 'length' | 'stop'

/** Some text more. */
export interface Piece {
  readonly text: string
  readonly tokens: readonly number[]
  readonly logProbabilities: readonly number[]
}

export class TextWriter {
  /** Whether a stop string has come: it and what follows is no part of the text. */
  stopped = false
  private held: { text: string; draw: Draw }[] = []

  /** @param stop none of them empty */
  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly stop: readonly string[],
  ) {}

  /** What is certain to belong to the text after these tokens. */
  push(draws: readonly Draw[]): Piece {
    const done: typeof this.held = []
    for (const draw of draws) {
      if (this.stopped) break
      this.held.push({ text: this.tokenizer.decode([draw.token]), draw })
      const text = this.heldText()
      const ends = this.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
      if (ends.length > 0) {
        this.stopped = true
        done.push(...this.cutAt(Math.min(...ends)))
        this.held = []
      } else done.push(...this.release(text.length - this.openEnd(text)))
    }
    return pieceOf(done)
  }

  /** What was held back, once nothing more comes. */
  rest(): Piece {
    const rest = this.stopped ? [] : this.held
    this.held = []
    return pieceOf(rest)
  }

  private heldText(): string {
    return this.held.map(({ text }) => text).join('')
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

  /** Takes the tokens off whose text lies within the first `length` characters. */
  private release(length: number): typeof this.held {
    let end = 0
    let count = 0
    while (count < this.held.length && end + this.held[count].text.length <= length) {
      end += this.held[count++].text.length
    }
    return this.held.splice(0, count)
  }

  /** The tokens that begin within the first `length` characters, the last one's text cut there. */
  private cutAt(length: number): typeof this.held {
    const kept: typeof this.held = []
    let end = 0
    for (const { text, draw } of this.held) {
      if (end >= length) break
      kept.push({ text: text.slice(0, length - end), draw })
      end += text.length
    }
    return kept
  }
}

function pieceOf(parts: readonly { text: string; draw: Draw }[]): Piece {
  return {
    text: parts.map(({ text }) => text).join(''),
    tokens: parts.map(({ draw }) => draw.token),
    logProbabilities: parts.map(({ draw }) => draw.logProbability),
  }
}
