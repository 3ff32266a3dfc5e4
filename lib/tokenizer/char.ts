// The character tokenizer: one token per distinct character (Unicode code point), numbered in code
// point order.

import { NanoGptError, option, say, show } from '../errors'
import type { Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
import {
  allocateTokens,
  damaged,
  expectString,
  expectTokens,
  firstLoneSurrogate,
  loneSurrogate,
  unknownToken,
} from './validate'

export interface CharTokenizerJSON extends TokenizerJSON {
  readonly type: 'char'
  /** Every character, in token order. */
  readonly characters: string
}

/**
 * @example
 * const tokenizer = CharTokenizer.fromText('hello')
 * tokenizer.encode('hole') // Uint8Array [1, 3, 2, 0]
 * tokenizer.decode([1, 3, 2, 0]) // 'hole'
 */
export class CharTokenizer implements Tokenizer {
  readonly type = 'char'
  private readonly characters: readonly string[]
  /**
   * The token of each code point, or −1. An array, because encoding reads it for each character of
   * a large corpus.
   */
  private readonly tokenOf: Int32Array

  private constructor(codePoints: readonly number[]) {
    this.characters = codePoints.map((codePoint) => String.fromCodePoint(codePoint))
    this.tokenOf = new Int32Array(codePoints[codePoints.length - 1] + 1).fill(-1)
    codePoints.forEach((codePoint, token) => {
      this.tokenOf[codePoint] = token
    })
  }

  /**
   * The tokenizer whose vocabulary is the distinct characters of `text`.
   *
   * @throws NanoGptError 'empty_text' for '', 'lone_surrogate' for an unpaired surrogate
   */
  static fromText(text: string): CharTokenizer {
    expectString(text)
    if (text.length === 0) {
      throw new NanoGptError('empty_text', {
        reason: 'the text is empty',
        remedy: 'Give at least one character: the vocabulary consists of the characters of the text',
      })
    }
    return new CharTokenizer(codePointsIn(text))
  }

  /**
   * The tokenizer that `toJSON` wrote.
   *
   * @throws NanoGptError 'tokenizer' unless `characters` holds distinct characters in code point
   *   order.
   */
  static fromJSON(json: unknown): CharTokenizer {
    const characters = (json as Partial<CharTokenizerJSON> | null)?.characters
    if (typeof characters !== 'string' || characters.length === 0) {
      throw damaged('character', `its characters are ${show(characters)}, not a string of at least one`)
    }
    if (firstLoneSurrogate(characters) >= 0)
      throw damaged('character', 'its characters contain an unpaired surrogate')
    const codePoints = Array.from(characters, (character) => character.codePointAt(0)!)
    const unsorted = codePoints.findIndex((codePoint, i) => i > 0 && codePoint <= codePoints[i - 1])
    if (unsorted >= 0) {
      throw damaged(
        'character',
        `${name(codePoints[unsorted])} at ${unsorted} repeats a character or is out of order`,
      )
    }
    return new CharTokenizer(codePoints)
  }

  get vocabSize(): number {
    return this.characters.length
  }

  /**
   * The tokens of `text`, one for each character.
   *
   * @throws NanoGptError 'unknown_character' naming the first character outside the vocabulary,
   *   'lone_surrogate', 'option' if `text` is not a string
   */
  encode(text: string): Tokens {
    expectString(text)
    const tokens = allocateTokens(this.vocabSize, text.length)
    let count = 0
    forEachCodePoint(text, (codePoint) => {
      const token = codePoint < this.tokenOf.length ? this.tokenOf[codePoint] : -1
      if (token < 0) throw this.unknown(codePoint, placeOf(text, count))
      tokens[count++] = token
    })
    return count === tokens.length ? tokens : tokens.slice(0, count)
  }

  /**
   * The text of `tokens`.
   *
   * @throws NanoGptError 'unknown_token' naming the first id that is not an integer in 0 …
   *   vocabSize − 1.
   */
  decode(tokens: ArrayLike<number>): string {
    expectTokens(tokens)
    let text = ''
    for (let i = 0; i < tokens.length; i++) text += this.characterOf(tokens[i], i)
    return text
  }

  /** Every token is a whole character, so no text is ever incomplete. */
  decoder(): Decoder {
    let count = 0
    return {
      push: (token) => this.characterOf(token, count++),
      end: () => {
        count = 0
        return ''
      },
    }
  }

  bytesOf(token: number): Uint8Array {
    return Buffer.from(this.characterOf(token, 0))
  }

  toJSON(): CharTokenizerJSON {
    return { type: 'char', characters: this.characters.join('') }
  }

  /** @param position the index of the token, for the error */
  private characterOf(token: number, position: number): string {
    const character = Number.isInteger(token) ? this.characters[token] : undefined
    if (character !== undefined) return character
    throw unknownToken(token, position, this.vocabSize)
  }

  private unknown(codePoint: number, place: string): NanoGptError {
    const reason = `the character ${name(codePoint)} at ${place} is not in the vocabulary (size ${this.vocabSize})`
    return new NanoGptError('unknown_character', {
      reason,
      remedy: say`Leave it out, or train on a text that has it, or with ${option('tokenizer', 'byte')}, which encodes any text`,
    })
  }
}

/**
 * Describes the position of a character, counted from 0. After the first line it adds line and
 * column, counted from 1.
 */
function placeOf(text: string, position: number): string {
  let [line, column, seen] = [1, 1, 0]
  for (const character of text) {
    if (seen++ === position) break
    column++
    if (character === '\n') [line, column] = [line + 1, 1]
  }
  return `position ${position}${line > 1 ? ` (line ${line}, column ${column})` : ''}`
}

/** A character in messages: `"é" (U+00E9)`. */
function name(codePoint: number): string {
  const hex = codePoint.toString(16).toUpperCase().padStart(4, '0')
  const character = String.fromCodePoint(codePoint)
  // Combining marks, spaces and control characters would be invisible or attach to the quote.
  const printable = codePoint === 0x20 || !/[\p{C}\p{Z}\p{M}]/u.test(character)
  return printable ? `${JSON.stringify(character)} (U+${hex})` : `U+${hex}`
}

/** The number of distinct characters of a text. */
export function distinctCharacters(text: string): number {
  return codePointsIn(text).length
}

/** The distinct code points of a text, in order. */
function codePointsIn(text: string): number[] {
  const seen = new Uint8Array(0x110000)
  forEachCodePoint(text, (codePoint) => {
    seen[codePoint] = 1
  })
  const codePoints: number[] = []
  for (let codePoint = 0; codePoint < seen.length; codePoint++)
    if (seen[codePoint]) codePoints.push(codePoint)
  return codePoints
}

function forEachCodePoint(text: string, visit: (codePoint: number) => void): void {
  for (let i = 0; i < text.length; i++) {
    const codePoint = text.codePointAt(i)!
    if (codePoint > 0xffff) i++
    else if (codePoint >= 0xd800 && codePoint <= 0xdfff) throw loneSurrogate(codePoint, i)
    visit(codePoint)
  }
}
