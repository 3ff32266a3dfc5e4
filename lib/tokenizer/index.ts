// The kinds of tokenizers: how each is created for a text, and restored from a checkpoint.

import { join, resolve } from 'node:path'
import { NanoGptError, reasonOf, show, suggest } from '../errors'
import { readSmallFile, statOf } from '../files/read'
import { BpeTokenizer } from './bpe'
import { ByteTokenizer } from './byte'
import { CharTokenizer } from './char'
import { Gpt2Tokenizer } from './gpt2'
import { JsonTokenizer } from './json'
import { type TokenizerName, type TokenizerType, tokenizerFile, tokenizerNames } from './names'
import { charactersIn } from './to_json'
import type { Tokenizer } from './tokenizer'

export { type TokenizerName, tokenizerNames } from './names'
export type { ByteEncoder, Decoder, Tokenizer, TokenizerJSON, Tokens } from './tokenizer'
export { byteEncoderOf } from './tokenizer'

const fromText: Readonly<Record<TokenizerName, (text: string, vocabSize: number) => Tokenizer>> = {
  char: CharTokenizer.fromText,
  byte: () => new ByteTokenizer(),
  bpe: BpeTokenizer.fromText,
  gpt2: () => new Gpt2Tokenizer(),
}

const fromJSON: Readonly<Record<TokenizerType, (json: unknown) => Tokenizer>> = {
  char: CharTokenizer.fromJSON,
  byte: () => new ByteTokenizer(),
  bpe: BpeTokenizer.fromJSON,
  gpt2: () => new Gpt2Tokenizer(),
  [tokenizerFile]: JsonTokenizer.fromJSON,
}

/** In bytes. Those of vocabularies of a quarter of a million tokens have 35 MB. */
const longestFile = 100_000_000

/**
 * Creates a tokenizer for a text. Throws the kind's error for a text that it cannot use.
 *
 * @param name a name, or the path of a tokenizer.json or of its folder
 * @param vocabSize for 'bpe'
 * @throws NanoGptError 'file_not_found', 'read_failed', 'tokenizer'
 */
export async function createTokenizer(name: string, text: string, vocabSize: number): Promise<Tokenizer> {
  return isName(name) ? fromText[name](text, vocabSize) : await openTokenizer(name)
}

async function openTokenizer(path: string): Promise<JsonTokenizer> {
  const found = await statOf(path)
  const file = found?.isDirectory() ? join(path, tokenizerFile) : path
  if (!found || (file !== path && !(await statOf(file)))) {
    const close = suggest(path, tokenizerNames)
    throw new NanoGptError('file_not_found', {
      option: 'tokenizer',
      value: path,
      reason: found
        ? `the folder contains no ${tokenizerFile}`
        : `neither a kind of tokenizer (${tokenizerNames.join(', ')}) nor an existing file or folder`,
      remedy: close === undefined ? `give the path of a ${tokenizerFile}` : `did you mean ${show(close)}?`,
    })
  }
  return JsonTokenizer.fromFile(await readJsonFile(file), resolve(file))
}

/**
 * The tokenizer in the tokenizer.json of a model. It may be one of characters, as nano-gpt exports it.
 *
 * @throws NanoGptError 'read_failed', 'tokenizer'
 */
export async function readTokenizer(file: string): Promise<Tokenizer> {
  const json = await readJsonFile(file)
  return charactersIn(json) ?? JsonTokenizer.fromFile(json, resolve(file))
}

async function readJsonFile(file: string): Promise<unknown> {
  const bytes = await readSmallFile(file, longestFile)
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    const reason = `it is not valid JSON (${reasonOf(cause)})`
    throw new NanoGptError(
      'tokenizer',
      { subject: file, reason, remedy: `give the path of a ${tokenizerFile}` },
      { cause },
    )
  }
}

/** The value of the option `tokenizer` that creates this kind again. */
export function nameOf(tokenizer: Tokenizer): string {
  return tokenizer instanceof JsonTokenizer ? tokenizer.path : tokenizer.type
}

/**
 * Restores the tokenizer that `toJSON` wrote.
 *
 * @throws NanoGptError 'tokenizer' if the type is unknown or the data is damaged.
 */
export function tokenizerFromJSON(json: unknown): Tokenizer {
  const type = typeof json === 'object' && json !== null ? (json as { type?: unknown }).type : undefined
  if (isName(type) || type === tokenizerFile) return fromJSON[type](json)
  throw new NanoGptError('tokenizer', {
    subject: 'tokenizer.type',
    value: type,
    reason: `this version of nano-gpt reads ${Object.keys(fromJSON)
      .map((name) => show(name))
      .join(' or ')}`,
    remedy: 'Use the version that wrote it, or a newer one',
  })
}

function isName(name: unknown): name is TokenizerName {
  return tokenizerNames.includes(name as TokenizerName)
}
