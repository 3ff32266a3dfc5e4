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
  const ids = readIds(model.vocab, refuse)
  const added_tokens = readAdded(root.added_tokens, ids, refuse)
  const { normalizer = null, pre_tokenizer = null } = root
  const parts = { normalizer, pre_tokenizer, added_tokens, model }
  return { parts, model: prepare(parts, ids, refuse) }
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

function readIds(vocab: Fields, refuse: Refuse): Map<string, number> {
  const ids = new Map<string, number>()
  const taken = new Uint8Array(mostTokens)
  for (const token of Object.keys(vocab)) {
    const id = vocab[token]
    if (!isId(id)) throw refuse(`its token ${show(token)} has the id ${show(id)}`)
    if (taken[id] !== 0) throw refuse(`two of its tokens have the id ${id}`)
    taken[id] = 1
    ids.set(token, id)
  }
  return ids
}

const isId = (id: unknown): id is number =>
  Number.isInteger(id) && (id as number) >= 0 && (id as number) < mostTokens

function readAdded(value: unknown, ids: ReadonlyMap<string, number>, refuse: Refuse): AddedToken[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw refuse(`its added_tokens are ${show(value)}, not a list`)
  if (value.length === 0) return []
  const taken = new Set(ids.values())
  return value.map((each) => {
    const { id, content, special, ...flags } = objectOf(each, 'an added token', refuse)
    if (typeof content !== 'string' || content === '' || /\p{Surrogate}/u.test(content))
      throw refuse(`an added token is ${show(content)}`)
    if (!isId(id) || (ids.get(content) ?? id) !== id || (taken.has(id) && !ids.has(content)))
      throw refuse(`its added token ${show(content)} has the id ${show(id)}`)
    taken.add(id)
    const strips = ['lstrip', 'rstrip', 'single_word'].find((flag) => flags[flag] === true)
    if (strips !== undefined && special !== true)
      throw refuse(`its added token ${show(content)} has ${strips}, which is not supported`)
    return { id, content, special: special === true }
  })
}

function prepare(
  { normalizer, pre_tokenizer, added_tokens: added, model }: JsonParts,
  ids: ReadonlyMap<string, number>,
  refuse: Refuse,
): JsonModel {
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

function readMerges(
  merges: JsonParts['model']['merges'],
  ids: ReadonlyMap<string, number>,
  refuse: Refuse,
): Pick<JsonModel, 'merges' | 'results'> {
  const pairs = new Int32Array(2 * merges.length)
  const results = new Int32Array(merges.length)
  for (let i = 0; i < merges.length; i++) {
    const [left, right] = readMerge(merges[i], i, refuse)
    const ofLeft = ids.get(left)
    const ofRight = ids.get(right)
    const ofBoth = ids.get(left + right)
    if (ofLeft === undefined || ofRight === undefined || ofBoth === undefined)
      throw refuse(`merge ${i}, of ${show(left)} and ${show(right)}, is not in the vocabulary`)
    pairs[2 * i] = ofLeft
    pairs[2 * i + 1] = ofRight
    results[i] = ofBoth
  }
  const sorted = Float64Array.from(results, (_, i) => pairs[2 * i] * mostTokens + pairs[2 * i + 1]).sort()
  for (let i = 1; i < sorted.length; i++) {
    const [left, right] = [Math.floor(sorted[i] / mostTokens), sorted[i] % mostTokens]
    if (sorted[i] === sorted[i - 1]) throw refuse(`two of its merges are of the tokens ${left} and ${right}`)
  }
  return { merges: pairs, results }
}

function readMerge(merge: unknown, i: number, refuse: Refuse): readonly [string, string] {
  if (typeof merge === 'string') {
    const at = merge.indexOf(' ')
    if (at > 0 && merge.indexOf(' ', at + 1) < 0) return [merge.slice(0, at), merge.slice(at + 1)]
    throw refuse(`merge ${i}, ${show(merge)}, is not a pair of tokens`)
  }
  if (
    Array.isArray(merge) &&
    merge.length === 2 &&
    typeof merge[0] === 'string' &&
    typeof merge[1] === 'string'
  )
    return [merge[0], merge[1]]
  throw refuse(`merge ${i} is not a pair of tokens`)
}

// ---- The bytes of tokens.

/** The letter that stands for each byte in the tokens of ByteLevel: itself if it is printable. */
const byteLetters: string[] = []
gpt2Bytes.forEach((byte, token) => {
  byteLetters[byte] = String.fromCodePoint(token < 188 ? byte : 256 + token - 188)
})
/** By UTF-16 unit; −1: the unit stands for no byte. */
const byteOfLetter = new Int16Array(0x200).fill(-1)
byteLetters.forEach((letter, byte) => {
  byteOfLetter[letter.charCodeAt(0)] = byte
})

/** The letters that stand for these bytes. */
export function lettersOf(utf8: Uint8Array, start: number, end: number): string {
  let letters = ''
  for (let i = start; i < end; i++) letters += byteLetters[utf8[i]]
  return letters
}

const byteName = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
const byteOfName = new Map(Array.from({ length: 256 }, (_, byte) => [byteName(byte), byte]))

function readVocabulary(
  ids: ReadonlyMap<string, number>,
  added: readonly AddedToken[],
  byteLevel: boolean,
  refuse: Refuse,
): Vocabulary {
  const tokens: Uint8Array[] = new Array(ids.size)
  for (const [token, id] of ids) tokens[id] = byteLevel ? bytesOfLetters(token) : bytesOfSigns(token)
  for (const { id, content } of added) tokens[id] = Buffer.from(content)
  // Without this limit, a small file could describe a large model.
  if (tokens.length > 2 * (ids.size + added.length) + 1000)
    throw refuse(`its largest id is ${tokens.length - 1}, but it has ${ids.size + added.length} tokens`)
  return Vocabulary.of(Array.from(tokens, (token) => token ?? new Uint8Array()))
}

/** As in Hugging Face's decoder, a token with a letter that stands for no byte is a text. */
function bytesOfLetters(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i++) {
    const unit = token.charCodeAt(i)
    const byte = unit < byteOfLetter.length ? byteOfLetter[unit] : -1
    if (byte < 0) return Buffer.from(token)
    bytes[i] = byte
  }
  return bytes
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
