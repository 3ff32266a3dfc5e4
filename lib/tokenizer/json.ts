// Tokenizers from Hugging Face's tokenizer.json: byte-pair encoding on bytes, as in GPT-2, Llama 3 and
// Qwen, or on characters, as in Llama 2.

import { decoderOf, textOf } from './bytes'
import { PieceEncoder, TokenList } from './encoder'
import { type JsonModel, type JsonParts, lettersOf, readParts, refusing } from './json_parts'
import { MergeTable } from './merges'
import type { ByteEncoder, Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
import { damaged, expectTokens, expectWellFormed, unknownToken } from './validate'

export interface JsonTokenizerJSON extends TokenizerJSON, JsonParts {
  readonly type: 'tokenizer.json'
  /** Where the file was. */
  readonly path: string
}

/**
 * The most bytes of its JSON. A checkpoint contains it as a string within JSON, and its header has a
 * limit of 32 MB.
 */
const largest = 24_000_000

/** The most pieces whose tokens are remembered. */
const mostRemembered = 50_000

const space = '▁'

/** The tokenizer of a tokenizer.json. Special tokens are decoded, but no text is encoded to them. */
export class JsonTokenizer implements Tokenizer, ByteEncoder {
  readonly type = 'tokenizer.json'
  private readonly encoder: Encoder
  private readonly added: AddedTokens
  private readonly prefixed: boolean

  private constructor(
    private readonly parts: JsonParts,
    readonly model: JsonModel,
    /** The absolute path of the file that it comes from. */
    readonly path: string,
  ) {
    this.encoder = model.byteLevel ? new LetterEncoder(model) : new SignEncoder(model)
    this.added = new AddedTokens(model)
    this.prefixed = model.prefix !== 'none'
  }

  /**
   * @param json the contents of a tokenizer.json
   * @param path where it is
   * @throws NanoGptError 'tokenizer' naming what is not supported or wrong in it
   */
  static fromFile(json: unknown, path: string): JsonTokenizer {
    const refuse = refusing(path)
    const { parts, model } = readParts(json, refuse)
    const tokenizer = new JsonTokenizer(parts, model, path)
    if (JSON.stringify(JSON.stringify(tokenizer)).length > largest)
      throw refuse(`it takes more than ${largest / 1e6} MB, too much for a checkpoint`, 'use a smaller one')
    return tokenizer
  }

  /**
   * The tokenizer that `toJSON` wrote.
   *
   * @throws NanoGptError 'tokenizer' if it is damaged
   */
  static fromJSON(json: unknown): JsonTokenizer {
    const { path } = json as { path?: unknown }
    if (typeof path !== 'string' || path.length > 10_000)
      throw damaged('tokenizer.json', 'it does not say where it was')
    const { parts, model } = readParts(json, refusing(undefined))
    return new JsonTokenizer(parts, model, path)
  }

  get vocabSize(): number {
    return this.model.vocabulary.size
  }

  /**
   * The tokens of `text`.
   *
   * @throws NanoGptError 'lone_surrogate', 'option' if `text` is not a string
   */
  encode(text: string): Tokens {
    expectWellFormed(text)
    const list = new TokenList(this.vocabSize, Math.ceil(text.length / 3) + 16)
    const normalized = this.model.nfc ? text.normalize('NFC') : text
    this.added.split(normalized, (part) => this.encoder.add(list, part), list)
    return list.finish()
  }

  encodeBytes(utf8: Uint8Array): Tokens {
    if (this.model.byteLevel && this.model.splitsAsGpt2 && !this.model.nfc && this.added.none)
      return (this.encoder as LetterEncoder).pieces.encode(utf8)
    return this.encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8))
  }

  /** In no known pattern does a space continue a piece that began with another character. */
  safeCut(utf8: Uint8Array): number {
    if (!this.model.byteLevel || this.added.haveSpaces) return 0
    for (let at = utf8.length - 1; at > 0; at--)
      if (utf8[at] === 0x20 && utf8[at - 1] > 0x20 && utf8[at - 1] < 0x7f) return at
    return 0
  }

  /**
   * The text of `tokens`. Bytes that are not UTF-8 become U+FFFD.
   *
   * @throws NanoGptError 'unknown_token' naming the first id that is not an integer in 0 … vocabSize − 1
   */
  decode(tokens: ArrayLike<number>): string {
    expectTokens(tokens)
    return textOf(tokens, this.prefixed ? this.withoutPrefix : this.bytesAt)
  }

  decoder(continues = false): Decoder {
    return decoderOf(this.prefixed && !continues ? this.withoutPrefix : this.bytesAt)
  }

  bytesOf(token: number): Uint8Array {
    return this.bytesAt(token, 0)
  }

  toJSON(): JsonTokenizerJSON {
    return { type: this.type, path: this.path, ...this.parts }
  }

  private readonly bytesAt = (token: number, position: number): Uint8Array => {
    const bytes = this.model.vocabulary.bytesOf(token)
    if (bytes === undefined) throw unknownToken(token, position, this.vocabSize)
    return bytes
  }

  /** A text begins without the space that encoding adds. */
  private readonly withoutPrefix = (token: number, position: number): Uint8Array => {
    const bytes = this.bytesAt(token, position)
    return position === 0 && bytes[0] === 0x20 && !this.added.has(token) ? bytes.subarray(1) : bytes
  }
}

/** Finds added tokens in a text. */
class AddedTokens {
  private readonly ids = new Set<number>()
  private readonly byContent = new Map<string, number>()
  private readonly expression: RegExp | undefined
  readonly haveSpaces: boolean

  constructor({ added }: JsonModel) {
    for (const { id, content, special } of added) {
      this.ids.add(id)
      if (!special) this.byContent.set(content, id)
    }
    const contents = [...this.byContent.keys()]
    this.haveSpaces = contents.some((content) => content.includes(' '))
    if (contents.length === 0) return
    // Of several at one place, the longest.
    contents.sort((a, b) => b.length - a.length)
    this.expression = new RegExp(
      contents.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'),
      'gu',
    )
  }

  get none(): boolean {
    return this.expression === undefined
  }

  has(token: number): boolean {
    return this.ids.has(token)
  }

  /** Appends the added tokens in a text to `list`, and calls `visit` with the text between them. */
  split(text: string, visit: (part: Part) => void, list: TokenList): void {
    let at = 0
    if (this.expression !== undefined)
      for (const { index, 0: content } of text.matchAll(this.expression)) {
        if (index > at) visit({ text: text.slice(at, index), isFirst: at === 0 })
        list.push(this.byContent.get(content)!)
        at = index + content.length
      }
    if (at < text.length) visit({ text: text.slice(at), isFirst: at === 0 })
  }
}

interface Part {
  readonly text: string
  /** Whether it is the beginning of the whole text. */
  readonly isFirst: boolean
}

interface Encoder {
  /** Appends the tokens of a part of a text. */
  add(list: TokenList, part: Part): void
}

/** Tokens are groups of bytes. */
class LetterEncoder implements Encoder {
  readonly pieces: PieceEncoder

  constructor(private readonly model: JsonModel) {
    const { vocabulary, ids } = model
    const added = new Set(model.added.map(({ id }) => id))
    const longest = [...ids.keys()].reduce((most, token) => Math.max(most, token.length), 0)
    const whole = (utf8: Uint8Array, start: number, end: number) => {
      const id = end - start > longest ? undefined : ids.get(lettersOf(utf8, start, end))
      return id !== undefined && added.has(id) ? undefined : id
    }
    this.pieces = new PieceEncoder({
      vocabSize: vocabulary.size,
      tokenOf: model.tokenOf,
      merges: model.merges,
      results: model.results,
      ...(model.ignoreMerges && { whole }),
    })
  }

  add(list: TokenList, { text }: Part): void {
    const utf8 = Buffer.from(text)
    const view = new DataView(utf8.buffer, utf8.byteOffset, utf8.byteLength)
    let at = 0
    this.model.split(text, 0, text.length, (start, end) => {
      const stop = at + lengthInUtf8(text, start, end)
      this.pieces.add(list, utf8, view, at, stop)
      at = stop
    })
  }
}

/** The number of bytes of a part of a text that begins and ends between characters. */
function lengthInUtf8(text: string, start: number, end: number): number {
  let length = end - start
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) length += unit < 0x800 ? 1 : (unit & 0xf800) === 0xd800 ? 1 : 2
  }
  return length
}

/** Tokens are groups of characters, with ▁ for a space. Other characters are bytes. */
class SignEncoder implements Encoder {
  private readonly table: MergeTable
  private readonly remembered = new Map<string, Int32Array>()
  /** Whether no token crosses the beginning of a word, so that words can be encoded one by one. */
  private readonly wordwise: boolean

  constructor(private readonly model: JsonModel) {
    this.table = new MergeTable(model.merges, model.results)
    this.wordwise = !model.ignoreMerges && [...model.ids.keys()].every((token) => !/[^▁]▁/u.test(token))
  }

  add(list: TokenList, { text, isFirst }: Part): void {
    const { prefix, split } = this.model
    let signs = text.replaceAll(' ', space)
    if (isFirst && (prefix === 'always' || (prefix !== 'none' && !signs.startsWith(space))))
      signs = space + signs
    split(signs, 0, signs.length, (start, end) => this.addPiece(list, signs.slice(start, end)))
  }

  private addPiece(list: TokenList, piece: string): void {
    if (!this.wordwise) {
      this.addWord(list, piece)
      return
    }
    let from = 0
    for (let at = piece.indexOf(space, 1); at > 0; at = piece.indexOf(space, at + 1)) {
      if (piece[at - 1] === space) continue
      this.addWord(list, piece.slice(from, at))
      from = at
    }
    this.addWord(list, piece.slice(from))
  }

  private addWord(list: TokenList, word: string): void {
    let tokens = this.remembered.get(word)
    if (tokens === undefined) {
      tokens = this.encodeWord(word)
      if (this.remembered.size >= mostRemembered) this.remembered.clear()
      if (word.length <= 64) this.remembered.set(word, tokens)
    }
    list.reserve(tokens.length)
    for (let i = 0; i < tokens.length; i++) list.tokens[list.count++] = tokens[i]
  }

  private encodeWord(word: string): Int32Array {
    const { ids, tokenOf, ignoreMerges } = this.model
    const whole = ignoreMerges ? ids.get(word) : undefined
    if (whole !== undefined) return Int32Array.of(whole)
    const symbols: number[] = []
    for (const character of word) {
      const id = ids.get(character)
      if (id !== undefined) symbols.push(id)
      else for (const byte of Buffer.from(character)) symbols.push(tokenOf[byte])
    }
    const count = this.table.encode(symbols.length, (i) => symbols[i])
    return Int32Array.from({ length: count }, (_, i) => this.table.token(i))
  }
}
