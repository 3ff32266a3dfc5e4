// Reads the JSON of Hugging Face's tokenizers (tokenizer.json), from a file or a checkpoint, both of which
// may be hostile: every part that changes tokens is checked, and refused by its name if it is unknown.

import { NanoGptError, show } from '../errors'
import { gpt2Bytes } from './gpt2'
import { mostTokens } from './merges'
import { atString, gpt2Pattern, inSequence, isolated, knownPattern, type Splitter } from './splitters'
import { damaged } from './validate'
import { Vocabulary } from './vocabulary'

/** A token that stands for its text, whatever is around it. */
export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Such as the end of a text. No text is encoded to it. */
  readonly special: boolean
}

/** A tokenizer.json as it is used and stored: the parts that tokens depend on. */
export interface JsonParts {
  readonly normalizer: unknown
  readonly pre_tokenizer: unknown
  readonly added_tokens: readonly AddedToken[]
  readonly model: {
    readonly type: 'BPE'
    readonly byte_fallback: boolean
    readonly ignore_merges: boolean
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (string | readonly [string, string])[]
  }
}

/** How a text is changed before it is divided: where the sign ▁, which stands for a space, is added. */
export type Prefix = 'none' | 'always' | 'unless there is one'

/** What encoding needs. */
export interface JsonModel {
  readonly vocabulary: Vocabulary
  /** The ids of the model's tokens, by their text in the file. */
  readonly ids: ReadonlyMap<string, number>
  /** Whether symbols are bytes, as in GPT-2. Otherwise they are characters, with ▁ for a space. */
  readonly byteLevel: boolean
  /** The token of each byte. */
  readonly tokenOf: Int32Array
  readonly merges: Int32Array
  readonly results: Int32Array
  readonly ignoreMerges: boolean
  readonly added: readonly AddedToken[]
  readonly nfc: boolean
  readonly prefix: Prefix
  readonly split: Splitter
  /** Whether `split` does what pieces.ts does on UTF-8. */
  readonly splitsAsGpt2: boolean
}

/** How a part of the JSON is refused. */
export type Refuse = (problem: string, remedy?: string) => NanoGptError

/** @param file undefined: the JSON is in a checkpoint */
export function refusing(file: string | undefined): Refuse {
  return (reason, remedy = 'use one of a GPT-2, Llama, Qwen, Mistral or SmolLM model') =>
    file === undefined
      ? damaged('tokenizer.json', reason)
      : new NanoGptError('tokenizer', { subject: file, reason, remedy })
}

type Fields = Readonly<Record<string, unknown>>

const space = '▁'

export function readParts(json: unknown, refuse: Refuse): { parts: JsonParts; model: JsonModel } {
  const root = objectOf(json, 'it', refuse)
  const model = readModel(root.model, refuse)
  const added_tokens = readAdded(root.added_tokens, model.vocab, refuse)
  const { normalizer = null, pre_tokenizer = null } = root
  const parts = { normalizer, pre_tokenizer, added_tokens, model }
  return { parts, model: prepare(parts, refuse) }
}

function objectOf(value: unknown, what: string, refuse: Refuse): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw refuse(`${what} is ${show(value)}, not an object`)
}

function readModel(value: unknown, refuse: Refuse): JsonParts['model'] {
  const model = objectOf(value, 'its model', refuse)
  // Old files of BPE name no type.
  const type = model.type ?? (Array.isArray(model.merges) ? 'BPE' : undefined)
  if (type !== 'BPE') throw refuse(`its model is of the type ${show(type)}; only BPE is supported`)
  for (const name of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout'])
    if (model[name]) throw refuse(`its model has the ${name} ${show(model[name])}, which is not supported`)
  const vocab = objectOf(model.vocab, 'its vocabulary', refuse)
  const ids = new Set<number>()
  for (const [token, id] of Object.entries(vocab)) {
    if (!isId(id)) throw refuse(`its token ${show(token)} has the id ${show(id)}`)
    if (ids.has(id)) throw refuse(`two of its tokens have the id ${id}`)
    ids.add(id)
  }
  const { merges } = model
  if (!Array.isArray(merges)) throw refuse(`its merges are ${show(merges)}, not a list`)
  return {
    type,
    byte_fallback: model.byte_fallback === true,
    ignore_merges: model.ignore_merges === true,
    vocab: vocab as Readonly<Record<string, number>>,
    merges,
  }
}

const isId = (id: unknown): id is number =>
  Number.isInteger(id) && (id as number) >= 0 && (id as number) < mostTokens

function readAdded(value: unknown, vocab: JsonParts['model']['vocab'], refuse: Refuse): AddedToken[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw refuse(`its added_tokens are ${show(value)}, not a list`)
  const taken = new Map(Object.entries(vocab).map(([token, id]) => [id, token]))
  return value.map((each) => {
    const { id, content, special, ...flags } = objectOf(each, 'an added token', refuse)
    if (typeof content !== 'string' || content === '' || /\p{Surrogate}/u.test(content))
      throw refuse(`an added token is ${show(content)}`)
    if (!isId(id) || (taken.get(id) ?? content) !== content)
      throw refuse(`its added token ${show(content)} has the id ${show(id)}`)
    taken.set(id, content)
    const strips = ['lstrip', 'rstrip', 'single_word'].find((flag) => flags[flag] === true)
    if (strips !== undefined && special !== true)
      throw refuse(`its added token ${show(content)} has ${strips}, which is not supported`)
    return { id, content, special: special === true }
  })
}

function prepare(
  { normalizer, pre_tokenizer, added_tokens: added, model }: JsonParts,
  refuse: Refuse,
): JsonModel {
  const ids = new Map(Object.entries(model.vocab))
  const { spaces, ...normalized } = readNormalizer(normalizer, refuse)
  const division = readPreTokenizer(pre_tokenizer, refuse)
  const { byteLevel } = division
  if (!byteLevel && !model.byte_fallback)
    throw refuse('it has neither a ByteLevel pre-tokenizer nor byte_fallback, so it cannot encode every text')
  if (!byteLevel && !spaces && !division.spaces)
    throw refuse(`it does not replace spaces by ${space}, as models with byte_fallback do`)
  if (byteLevel && spaces) throw refuse(`it has both ByteLevel and ${space}`)
  const tokenOf = Int32Array.from({ length: 256 }, (_, byte) => {
    const token = byteLevel ? byteLetters[byte] : byteName(byte)
    const id = ids.get(token)
    if (id === undefined) throw refuse(`it has no token for the byte ${byteName(byte)}`)
    return id
  })
  return {
    vocabulary: readVocabulary(ids, added, byteLevel, refuse),
    ids,
    byteLevel,
    tokenOf,
    ...readMerges(model.merges, ids, refuse),
    ignoreMerges: model.ignore_merges,
    added,
    nfc: normalized.nfc,
    prefix: normalized.prefix !== 'none' ? normalized.prefix : division.prefix,
    split: inSequence(division.splitters),
    splitsAsGpt2: division.splitsAsGpt2,
  }
}

function readMerges(merges: JsonParts['model']['merges'], ids: ReadonlyMap<string, number>, refuse: Refuse) {
  const pairs = new Int32Array(2 * merges.length)
  const results = new Int32Array(merges.length)
  const seen = new Set<number>()
  merges.forEach((merge: unknown, i) => {
    const parts = typeof merge === 'string' ? merge.split(' ') : merge
    const name = `merge ${i}${typeof merge === 'string' ? `, ${show(merge)},` : ''}`
    if (!Array.isArray(parts) || parts.length !== 2 || !parts.every((part) => typeof part === 'string'))
      throw refuse(`${name} is not a pair of tokens`)
    const [left, right, both] = [parts[0], parts[1], parts[0] + parts[1]].map((token) => ids.get(token))
    if (left === undefined || right === undefined || both === undefined)
      throw refuse(`${name} is not in the vocabulary`)
    const pair = left * mostTokens + right
    if (seen.has(pair)) throw refuse(`${name} is a repetition`)
    seen.add(pair)
    pairs[2 * i] = left
    pairs[2 * i + 1] = right
    results[i] = both
  })
  return { merges: pairs, results }
}

// ---- The bytes of tokens.

/** The letter that stands for each byte in the tokens of ByteLevel: itself if it is printable. */
const byteLetters: string[] = []
gpt2Bytes.forEach((byte, token) => {
  byteLetters[byte] = String.fromCodePoint(token < 188 ? byte : 256 + token - 188)
})
const byteOfLetter = new Map(byteLetters.map((letter, byte) => [letter, byte]))

const byteName = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
const byteOfName = new Map(Array.from({ length: 256 }, (_, byte) => [byteName(byte), byte]))

function readVocabulary(
  ids: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
  byteLevel: boolean,
  refuse: Refuse,
): Vocabulary {
  const tokens: Uint8Array[] = []
  for (const [token, id] of ids) tokens[id] = byteLevel ? bytesOfLetters(token) : bytesOfSigns(token)
  for (const { id, content } of added) tokens[id] = Buffer.from(content)
  // Without this limit, a small file could describe a large model.
  if (tokens.length > 2 * (ids.size + added.length) + 1000)
    throw refuse(`its largest id is ${tokens.length - 1}, but it has ${ids.size + added.length} tokens`)
  return Vocabulary.of(Array.from(tokens, (token) => token ?? new Uint8Array()))
}

/** As in Hugging Face's decoder, a token with a letter that stands for no byte is a text. */
function bytesOfLetters(token: string): Uint8Array {
  const bytes = Array.from(token, (letter) => byteOfLetter.get(letter))
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : Buffer.from(token)
}

function bytesOfSigns(token: string): Uint8Array {
  const byte = byteOfName.get(token)
  return byte === undefined ? Buffer.from(token.replaceAll(space, ' ')) : Uint8Array.of(byte)
}

// ---- What happens to a text before it is encoded.

function typeOf(value: Fields): string {
  return typeof value.type === 'string' ? value.type : show(value.type)
}

/** The members of a Sequence, or the one itself. */
function listOf(value: unknown, what: string, key: string, refuse: Refuse): Fields[] {
  if (value === null) return []
  const one = objectOf(value, what, refuse)
  if (one.type !== 'Sequence') return [one]
  if (!Array.isArray(one[key])) throw refuse(`${what} is a Sequence without ${key}`)
  return one[key].map((each) => objectOf(each, `a part of ${what}`, refuse))
}

function readNormalizer(value: unknown, refuse: Refuse) {
  let [nfc, spaces] = [false, false]
  let prefix: Prefix = 'none'
  for (const each of listOf(value, 'its normalizer', 'normalizers', refuse)) {
    const type = typeOf(each)
    if (type === 'NFC') nfc = true
    else if (type === 'Prepend' && each.prepend === space && !spaces) prefix = 'always'
    else if (type === 'Replace' && stringIn(each.pattern) === ' ' && each.content === space) spaces = true
    else throw refuse(`its normalizer ${type} is not supported`)
  }
  if (prefix !== 'none' && !spaces) throw refuse(`it adds ${space}, but does not replace spaces by it`)
  return { nfc, spaces, prefix }
}

const stringIn = (pattern: unknown) => (pattern as { String?: unknown } | null)?.String
const regexIn = (pattern: unknown) => (pattern as { Regex?: unknown } | null)?.Regex

interface Division {
  readonly splitters: Splitter[]
  byteLevel: boolean
  splitsAsGpt2: boolean
  /** Whether spaces become ▁. */
  spaces: boolean
  prefix: Prefix
}

function readPreTokenizer(value: unknown, refuse: Refuse): Division {
  const division: Division = {
    splitters: [],
    byteLevel: false,
    splitsAsGpt2: false,
    spaces: false,
    prefix: 'none',
  }
  const list = listOf(value, 'its pre-tokenizer', 'pretokenizers', refuse)
  list.forEach((each, i) => {
    const type = typeOf(each)
    if (i > 0 && (division.byteLevel || division.spaces))
      throw refuse(`its pre-tokenizer ${typeOf(list[i - 1])} is not the last one`)
    if (type === 'Split') division.splitters.push(readSplit(each, refuse))
    else if (type === 'Digits')
      division.splitters.push(isolated(each.individual_digits === true ? /\p{N}/gu : /\p{N}+/gu))
    else if (type === 'ByteLevel') readByteLevel(each, division, refuse)
    else if (type === 'Metaspace') readMetaspace(each, division, refuse)
    else throw refuse(`its pre-tokenizer ${type} is not supported`)
  })
  return division
}

function readSplit({ pattern, behavior, invert }: Fields, refuse: Refuse): Splitter {
  const text = stringIn(pattern)
  if (typeof text === 'string' && text !== '' && invert !== true) {
    if (behavior === 'Isolated') return atString(text, 'both')
    if (behavior === 'MergedWithPrevious') return atString(text, 'after')
    if (behavior === 'MergedWithNext') return atString(text, 'before')
  }
  const regex = regexIn(pattern)
  const expression = typeof regex === 'string' ? knownPattern(regex) : undefined
  // For an expression that matches all of a text, which these are, keeping only matches changes nothing.
  const keepsAll = behavior === 'Isolated' && invert !== true
  const keepsMatches = behavior === 'Removed' && invert === true && /\|\\s\+$/.test(String(regex))
  if (expression !== undefined && (keepsAll || keepsMatches)) return isolated(expression)
  if (typeof regex === 'string' && expression === undefined)
    throw refuse(
      `its pre-tokenizer splits by the unknown expression ${show(regex)}, which may take exponential time`,
    )
  throw refuse(`its pre-tokenizer Split with the behavior ${show(behavior)} is not supported`)
}

function readByteLevel({ add_prefix_space, use_regex }: Fields, division: Division, refuse: Refuse): void {
  if (add_prefix_space === true)
    throw refuse('its pre-tokenizer has add_prefix_space, so a text could not be restored from its tokens')
  division.byteLevel = true
  if (use_regex === false) return
  division.splitsAsGpt2 = division.splitters.length === 0
  division.splitters.push(isolated(knownPattern(gpt2Pattern)!))
}

function readMetaspace(each: Fields, division: Division, refuse: Refuse): void {
  if (each.replacement !== space) throw refuse(`its Metaspace has the replacement ${show(each.replacement)}`)
  // Old files have add_prefix_space instead.
  const scheme = each.prepend_scheme ?? (each.add_prefix_space === false ? 'never' : 'always')
  division.spaces = true
  division.prefix = scheme === 'never' ? 'none' : 'unless there is one'
  if (each.split !== false) division.splitters.push(atString(space, 'before'))
}
