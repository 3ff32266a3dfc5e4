// A tokenizer in GGUF, such that llama.cpp divides texts into the same tokens.

import { NanoGptError, option, say, show } from '../../errors'
import { ByteTokenizer } from '../../tokenizer/byte'
import { CharTokenizer } from '../../tokenizer/char'
import { JsonTokenizer } from '../../tokenizer/json'
import { lettersOf } from '../../tokenizer/json_parts'
import { llama3Pattern } from '../../tokenizer/splitters'
import { addedTokens, endOfText, mergesOf } from '../../tokenizer/to_json'
import type { Tokenizer } from '../../tokenizer/tokenizer'
import { bool, type GgufValue, integers, string, strings, u32 } from './encode'

/** The kinds of tokens, with llama.cpp's numbers. */
const kinds = { normal: 1, control: 3, userDefined: 4, unused: 5 } as const

/**
 * The metadata entries of a tokenizer.
 *
 * @throws NanoGptError 'export' for one that llama.cpp cannot have
 */
export function tokenizerMetadata(tokenizer: Tokenizer): Record<string, GgufValue> {
  const isDirect = tokenizer instanceof ByteTokenizer || tokenizer instanceof CharTokenizer
  const entries = isDirect ? direct(tokenizer) : bytePairs(tokenizer)
  return Object.fromEntries(
    Object.entries({ ...entries, add_bos_token: bool(false), add_eos_token: bool(false) }).map(
      ([name, value]) => [`tokenizer.ggml.${name}`, value],
    ),
  )
}

function direct(tokenizer: Tokenizer): Record<string, GgufValue> {
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.bytesOf(id))
  const entries = tokens.some(({ length }) => length > 1) ? characters(tokens) : bytes(tokens)
  return { ...entries, token_type: integers(tokens.map(() => kinds.normal)) }
}

/**
 * Tokens that are bytes, or characters of ASCII. llama.cpp's tokenizer of RWKV takes the longest token
 * that the text begins with, which is that one. Unlike those of BPE, it needs no token that ends a text.
 * With longer tokens it would hang at a character that only begins like one of them.
 */
function bytes(tokens: readonly Uint8Array[]): Record<string, GgufValue> {
  // A byte that is no token becomes this one. Without it, llama.cpp would end.
  const unknown = Math.max(
    0,
    tokens.findIndex(([byte]) => byte === 0x20),
  )
  return {
    model: string('rwkv'),
    tokens: strings(tokens.map(([byte]) => escaped(byte))),
    unknown_token_id: u32(unknown),
  }
}

/**
 * Tokens that are characters. llama.cpp's tokenizer of Gemma 4 merges characters, with ▁ for a space, and
 * needs no token that ends a text either. Without merges, every character is a token.
 */
function characters(tokens: readonly Uint8Array[]): Record<string, GgufValue> {
  const texts = tokens.map((token) => Buffer.from(token).toString())
  if (texts.includes(space))
    throw refused(`llama.cpp has no tokenizer of characters with ${space}, which stands for a space`)
  const listed = texts.map((text) => (text === ' ' ? space : text))
  return { model: string('gemma4'), pre: string('gemma4'), tokens: strings(listed), merges: strings([]) }
}

const space = '▁'

/** A byte as llama.cpp's tokenizer of RWKV reads it. */
function escaped(byte: number): string {
  if (byte === 0x5c) return '\\\\'
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte)
  return `\\x${byte.toString(16).padStart(2, '0')}`
}

function bytePairs(tokenizer: Tokenizer): Record<string, GgufValue> {
  const added = new Map(addedTokens(tokenizer).map((token) => [token.id, token]))
  const kindOf = (id: number) => {
    const token = added.get(id)
    if (token) return token.special ? kinds.control : kinds.userDefined
    return tokenizer.bytesOf(id).length === 0 ? kinds.unused : kinds.normal
  }
  const textOf = (id: number) => {
    const bytes = tokenizer.bytesOf(id)
    return (
      added.get(id)?.content ?? (bytes.length === 0 ? `[unused ${id}]` : lettersOf(bytes, 0, bytes.length))
    )
  }
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
  const merges = tokenizer instanceof JsonTokenizer ? mergesOfJson(tokenizer) : mergesOf(tokenizer)
  const end = endOfText(tokenizer)?.id ?? zeroByte(tokenizer)
  return {
    model: string('gpt2'),
    pre: string(tokenizer instanceof JsonTokenizer ? preOf(tokenizer) : 'gpt-2'),
    tokens: strings(distinct(ids.map(textOf))),
    token_type: integers(ids.map(kindOf)),
    merges: strings(merges.map(([left, right]) => `${left} ${right}`)),
    bos_token_id: u32(end),
    eos_token_id: u32(end),
  }
}

/** llama.cpp's BPE requires a token that ends a text. A zero byte occurs in no text. */
function zeroByte(tokenizer: Tokenizer): number {
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const bytes = tokenizer.bytesOf(id)
    if (bytes.length === 1 && bytes[0] === 0) return id
  }
  throw refused('it has no token for the zero byte')
}

function distinct(tokens: string[]): string[] {
  const seen = new Set<string>()
  for (const token of tokens) {
    if (seen.has(token)) throw refused(`two of its tokens are ${show(token)}`)
    seen.add(token)
  }
  return tokens
}

function mergesOfJson(tokenizer: JsonTokenizer): (readonly [string, string])[] {
  return tokenizer.toJSON().model.merges.map((merge) => {
    if (typeof merge !== 'string') return merge
    const at = merge.indexOf(' ')
    return [merge.slice(0, at), merge.slice(at + 1)]
  })
}

/**
 * llama.cpp's name of what happens to a text before merges are applied: as in GPT-2, SmolLM or Llama 3. The last
 * one also takes a piece that is a token as a whole.
 */
function preOf(tokenizer: JsonTokenizer): string {
  const { pre_tokenizer } = tokenizer.toJSON()
  const { byteLevel, nfc, ignoreMerges, splitsAsGpt2 } = tokenizer.model
  if (!byteLevel) throw refused('its tokens are groups of characters with ▁ for a space')
  if (nfc) throw refused('it normalizes texts (NFC), which llama.cpp does not')
  if (splitsAsGpt2 && !ignoreMerges) return 'gpt-2'
  const parts = (pre_tokenizer as { pretokenizers?: readonly Record<string, unknown>[] }).pretokenizers ?? []
  const [first, second] = parts
  const isPair = parts.length === 2 && second.type === 'ByteLevel'
  if (isPair && first.type === 'Digits' && first.individual_digits === true && !ignoreMerges) return 'smollm'
  const pattern = (first?.pattern as { Regex?: unknown } | undefined)?.Regex
  if (isPair && pattern === llama3Pattern && ignoreMerges) return 'llama-bpe'
  throw refused('llama.cpp has no name for its pre-tokenizer that nano-gpt knows')
}

function refused(reason: string): NanoGptError {
  return new NanoGptError('export', {
    where: 'export',
    subject: 'the tokenizer',
    reason,
    remedy: say`export it with ${option('format', 'huggingface')}, or train a model with the tokenizer 'byte' or 'bpe'`,
  })
}
