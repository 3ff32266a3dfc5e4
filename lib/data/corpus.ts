// Finds the text that the `data` option names: corpora, files, folders, standard input, inline text,
// or several of them. There are no fallbacks: a source that cannot be loaded is an error.

import { createHash } from 'node:crypto'
import { basename, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { inlineText, NanoGptError, type Phrase, printable, say, show } from '../errors'
import { Characters } from '../tokenizer/characters'
import { firstLoneSurrogate, loneSurrogate } from '../tokenizer/validate'
import { type CacheOptions, cachedText, cacheFolder, type RemoteText, sha256 } from './cache'
import { decodeText, type Encoding } from './decode'
import { type DocumentOptions, defaultField, defaultSeparator, JsonLines } from './documents'
import { describeLineEndings, type LineEndings, lineEndings, withLineEndings } from './line_endings'
import { mobyDick } from './moby_dick'
import {
  aboutData,
  type Input,
  type InputFile,
  isStandardInput,
  limits,
  Reader,
  readWhole,
  tooLong,
} from './read'
import { shakespeare } from './shakespeare'
import { type Chunks, convertLineEndings, decodeStream, utf8Chunks } from './stream'
import { type About, decodeUtf8, longestText, unfinishedBytes } from './utf8'

/**
 * A corpus name (`shakespeare`, `moby-dick`), the path of a text file or of a folder, `-` for standard
 * input, inline text, the copy in a run folder, or what a checkpoint names.
 */
export type DataSource = string | { readonly text: string; readonly name?: string } | KeptText | RecordedText

/**
 * A copy of a text that a run wrote. It is UTF-8, and a leading U+FEFF is part of it. It may be
 * removed with its folder.
 */
export interface KeptText {
  readonly kept: string
}

/**
 * The corpus name or path that a checkpoint names. The checkpoint may be a stranger's, so only
 * regular files are opened.
 */
export interface RecordedText {
  readonly recorded: string
}

export interface LoadTextOptions extends CacheOptions, DocumentOptions {
  /** Default: 'normalize'. */
  readonly lineEndings?: LineEndings
  /** The input that `-` reads. Default: standard input. */
  readonly input?: Input
  /** Called while a large text is read for the first time. */
  readonly progress?: (bytes: number, total: number) => void
}

/** One source of a text. */
export interface TextPart {
  /**
   * The corpus name, the name of the file or folder without its folder, `standard input`, or the
   * given name (default `text`).
   */
  readonly name: string
  /**
   * Where the text can be read again: a corpus name or an absolute path. null for inline text,
   * pipes, standard input and copies in run folders.
   */
  readonly source: string | null
}

export interface TextInfo {
  /** The names of the parts: `a.txt + b.txt`. */
  readonly name: string
  /** The sha256 of the text's UTF-8, in hexadecimal. */
  readonly digest: string
  readonly lineEndings: LineEndings
  /** At least one, in the given order. */
  readonly parts: readonly TextPart[]
}

/** A text in memory, with the requested line endings. */
export interface Text extends TextInfo {
  /** The texts of the parts, concatenated. */
  readonly text: string
  readonly parts: readonly (TextPart & { readonly text: string })[]
}

/** A text that is read in chunks each time it is needed. */
export interface LargeText extends TextInfo {
  /** The length of its UTF-8. */
  readonly bytes: number
  /** Its distinct characters, in code point order. */
  readonly characters: string
  /** Pieces from everywhere in the text, at most 32 MiB. */
  readonly sample: string
  /** Its UTF-8, in chunks that are valid by themselves. Throws if it has changed since. */
  chunks(): Chunks
  /** Frees what a pipe's contents take. */
  dispose(): void
}

const remoteTexts: readonly RemoteText[] = [shakespeare, mobyDick]

/** The number of parts that a name lists. Further ones are counted. */
const mostNames = 4

/** The title of a corpus, and the name of any other text unchanged. */
export function titleOf(name: string): string {
  return remoteTexts.find((text) => text.name === name)?.title ?? name
}

/** The names that `data` accepts besides paths. */
export const corpusNames: readonly string[] = remoteTexts.map((text) => text.name)

/**
 * Loads the text to train on into memory. A corpus name takes precedence over a file of that name;
 * write `./shakespeare` for the file.
 *
 * @throws NanoGptError 'data_not_found' for a string that is neither corpus nor file, 'empty_text',
 *   'not_text', 'not_utf8', 'not_utf16', 'lone_surrogate', 'data_is_folder', 'read_failed',
 *   'download_failed', 'text_too_long', 'data' for anything else that is not a text
 */
export async function loadText(
  sources: DataSource | readonly DataSource[],
  options: LoadTextOptions = {},
): Promise<Text> {
  const opened = await openAll(sources, options)
  try {
    return await inMemory(opened, options)
  } finally {
    disposeAll(opened)
  }
}

/**
 * Opens the text to train on. One of more than 64 MiB is not loaded; it has been read once, and is
 * known to be a text.
 *
 * @throws NanoGptError as `loadText`
 */
export async function openText(
  sources: DataSource | readonly DataSource[],
  options: LoadTextOptions = {},
): Promise<Text | LargeText> {
  const opened = await openAll(sources, options)
  const size = sizeOf(opened)
  try {
    if (size <= limits.inMemory) return await inMemory(opened, options)
    return await large(opened, size, options)
  } catch (error) {
    disposeAll(opened)
    throw error
  }
}

/** A source that exists: a text, or files with one. */
interface Opened extends TextPart {
  /** The subject of errors. */
  readonly about: About
  readonly text?: string
  readonly files: readonly InputFile[]
  /** Whether the files are UTF-8, and a leading U+FEFF belongs to the text. */
  readonly isKept?: boolean
}

async function openAll(
  sources: DataSource | readonly DataSource[],
  options: LoadTextOptions,
): Promise<readonly Opened[]> {
  const list: readonly unknown[] = Array.isArray(sources) ? sources : [sources]
  if (list.length === 0) throw new NanoGptError('data', { option: 'data', reason: 'the array is empty' })
  const { cache, input, signal, notice, field } = options
  const folder = () => cache ?? cacheFolder()
  const reader = new Reader(corpusNames, input, signal, folder, notice, field !== undefined)
  const opened: Opened[] = []
  try {
    for (const source of list) opened.push(await openSource(source, reader, options))
  } catch (error) {
    disposeAll(opened)
    throw error
  }
  return opened
}

function disposeAll(opened: readonly Opened[]): void {
  for (const { files } of opened) for (const file of files) file.dispose?.()
}

/** In bytes, before JSON Lines and UTF-16 are decoded. */
function sizeOf(opened: readonly Opened[]): number {
  const sizes = opened.flatMap(({ text = '', files }) => [
    Buffer.byteLength(text),
    ...files.map((file) => file.size),
  ])
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function openSource(data: unknown, reader: Reader, options: LoadTextOptions): Promise<Opened> {
  if (isKept(data)) {
    const { files } = await reader.find(data.kept, true)
    return { name: basename(data.kept), source: null, about: aboutData(data.kept), files, isKept: true }
  }
  if (isRecorded(data)) return openNamed(data.recorded, reader, options, true)
  return typeof data === 'string' ? openNamed(data, reader, options) : openInline(data)
}

async function openNamed(
  data: string,
  reader: Reader,
  options: LoadTextOptions,
  isRecorded = false,
): Promise<Opened> {
  const about = aboutData(data)
  const remote = remoteTexts.find((text) => text.name === data)
  if (remote) {
    const text = decodeUtf8(await cachedText(remote, options), about)
    return { name: remote.name, source: remote.name, about, text, files: [] }
  }
  const name = isStandardInput(data) ? 'standard input' : basename(resolve(data))
  return { name, about, ...(await reader.find(data, isRecorded)) }
}

// ---- In memory.

async function inMemory(opened: readonly Opened[], options: LoadTextOptions): Promise<Text> {
  const { lineEndings: wanted = lineEndings[0], separator = '' } = options
  const parts: Text['parts'][number][] = []
  let length = 0
  for (const part of opened) {
    const { name, source, about } = part
    const original = part.text ?? (await textOf(part, options))
    const changes = describeLineEndings(original, wanted)
    if (changes) options.notice?.(say`${printable(name)}: ${changes}`)
    const text = withLineEndings(original, wanted)
    length += text.length + separator.length
    if (length > longestText) throw tooLong({ option: 'data' }, length)
    if (text === '') {
      if (opened.length === 1) throw emptyText(about)
      options.notice?.(`${printable(name)} is empty`)
    }
    parts.push({ name, source, text })
  }
  const text = joined(parts, separator)
  if (text === '') throw emptyText({ option: 'data' })
  return { text, name: joinedName(parts), digest: sha256(text), lineEndings: wanted, parts }
}

/** A separator comes between texts that are not empty. */
function joined(parts: Text['parts'], separator: string): string {
  return parts
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join(separator)
}

async function textOf({ name, files, isKept }: Opened, options: LoadTextOptions): Promise<string> {
  const { field = defaultField, separator = defaultSeparator } = options
  const texts: string[] = []
  for (const file of files) {
    const bytes = await readWhole(file)
    const text = isKept
      ? decodeUtf8(bytes, file.about, true)
      : decoded(bytes, file.about, encodingNotice(name, options))
    const lines = file.isLines ? new JsonLines(file.about, field, separator) : undefined
    texts.push(lines ? lines.push(text) + lines.end() : text)
  }
  return texts.filter((text) => text !== '').join(separator)
}

function decoded(bytes: Uint8Array, about: About, notice: (encoding: Encoding) => void): string {
  const { text, encoding } = decodeText(bytes, about)
  notice(encoding)
  return text
}

function encodingNotice(name: string, { notice }: LoadTextOptions): (encoding: Encoding) => void {
  return (encoding) => {
    if (encoding === 'utf-8') return
    const order = encoding === 'utf-16le' ? 'little-endian' : 'big-endian'
    notice?.(`${printable(name)}: decoded from UTF-16 (${order})`)
  }
}

// ---- In chunks.

/** In bytes. */
const longestSample = 32 << 20

/** Reads the whole text once. */
async function large(opened: readonly Opened[], size: number, options: LoadTextOptions): Promise<LargeText> {
  const { lineEndings: wanted = lineEndings[0], signal, progress } = options
  const hash = createHash('sha256')
  const characters = new Characters()
  const sample: Uint8Array[] = []
  // Of each megabyte the same share, from its start.
  const share = Math.min(1, longestSample / size)
  let bytes = 0
  for await (const chunk of chunksOf(opened, options)) {
    signal?.throwIfAborted()
    hash.update(chunk)
    characters.add(chunk)
    sample.push(Buffer.from(wholeCharacters(chunk, Math.floor(share * chunk.length))))
    bytes += chunk.length
    progress?.(Math.min(bytes, size), size)
    await nextTurn()
  }
  if (bytes === 0) throw emptyText({ option: 'data' })
  const digest = hash.digest('hex')
  const silent = { ...options, notice: undefined }
  return {
    name: joinedName(opened),
    digest,
    lineEndings: wanted,
    parts: opened.map(({ name, source }) => ({ name, source })),
    bytes,
    characters: characters.toString(),
    sample: Buffer.concat(sample).toString('utf8'),
    chunks: () => unchanged(chunksOf(opened, silent), digest),
    dispose: () => disposeAll(opened),
  }
}

/** The first bytes of a chunk, at most `most`, without part of a character at their end. */
function wholeCharacters(chunk: Uint8Array, most: number): Uint8Array {
  const bytes = chunk.subarray(0, most)
  return bytes.subarray(0, bytes.length - unfinishedBytes(bytes))
}

/** @throws NanoGptError 'data' at the end unless the chunks have this digest */
async function* unchanged(chunks: Chunks, digest: string): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
  if (hash.digest('hex') === digest) return
  throw new NanoGptError('data', {
    option: 'data',
    reason: 'the text was changed while it was read',
    remedy: 'Start again when it is complete',
  })
}

async function* chunksOf(
  opened: readonly Opened[],
  options: LoadTextOptions,
): AsyncGenerator<Uint8Array, void> {
  yield* separated(
    opened.map((part) => () => partChunks(part, opened.length === 1, options)),
    options.separator ?? '',
  )
}

async function* partChunks(
  part: Opened,
  isOnly: boolean,
  options: LoadTextOptions,
): AsyncGenerator<Uint8Array, void> {
  const { lineEndings: wanted = lineEndings[0], separator = defaultSeparator, notice } = options
  const { name, text, files, about } = part
  const bytes =
    text === undefined
      ? separated(
          files.map((file) => () => fileChunks(file, part, options)),
          separator,
        )
      : slicesOf(text)
  let isEmpty = true
  const describe = (changes: Phrase) => notice?.(say`${printable(name)}: ${changes}`)
  for await (const chunk of convertLineEndings(bytes, wanted, describe)) {
    isEmpty = false
    yield chunk
  }
  if (!isEmpty) return
  if (isOnly) throw emptyText(about)
  notice?.(`${printable(name)} is empty`)
}

async function* fileChunks(
  file: InputFile,
  { name, isKept }: Opened,
  options: LoadTextOptions,
): AsyncGenerator<Uint8Array, void> {
  const { field = defaultField, separator = defaultSeparator } = options
  const chunks = isKept
    ? utf8Chunks(file.chunks(), file.about, true)
    : decodeStream(file.chunks(), file.about, encodingNotice(name, options))
  if (!file.isLines) return yield* chunks
  const lines = new JsonLines(file.about, field, separator)
  for await (const chunk of chunks) yield Buffer.from(lines.push(Buffer.from(chunk).toString('utf8')))
  yield Buffer.from(lines.end())
}

/** UTF-16 units of a string that become a chunk. */
const unitsPerSlice = 1 << 20

async function* slicesOf(text: string): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < text.length; ) {
    let end = at + unitsPerSlice
    // The halves of a pair stay together.
    if ((text.charCodeAt(end) & 0xfc00) === 0xdc00) end++
    yield Buffer.from(text.slice(at, end))
    at = end
  }
}

/** Joins the chunks of texts. A separator comes between texts that are not empty. */
async function* separated(
  texts: readonly (() => Chunks)[],
  separator: string,
): AsyncGenerator<Uint8Array, void> {
  let isFirst = true
  for (const open of texts) {
    let begun = false
    for await (const chunk of open()) {
      if (chunk.length === 0) continue
      if (!begun && !isFirst && separator !== '') yield Buffer.from(separator)
      begun = true
      isFirst = false
      yield chunk
    }
  }
}

function isKept(data: unknown): data is KeptText {
  return typeof data === 'object' && data !== null && typeof (data as KeptText).kept === 'string'
}

function isRecorded(data: unknown): data is RecordedText {
  return typeof data === 'object' && data !== null && typeof (data as RecordedText).recorded === 'string'
}

function openInline(data: unknown): Opened {
  const { text, name = 'text' } = (data ?? {}) as { text?: unknown; name?: unknown }
  if (typeof text !== 'string' || typeof name !== 'string') {
    const wrong = typeof text !== 'string' ? `its text is ${show(text)}` : `its name is ${show(name)}`
    throw new NanoGptError('data', {
      option: 'data',
      value: data,
      reason:
        text === undefined
          ? say`must be ${corpusNames.map((corpus) => show(corpus)).join(', ')}, the path of a text file, or ${inlineText}`
          : `${wrong}, not a string`,
    })
  }
  const lone = firstLoneSurrogate(text)
  if (lone >= 0) throw loneSurrogate(text.charCodeAt(lone), lone, { option: 'data' })
  return { name, source: null, text, about: { option: 'data' }, files: [] }
}

function emptyText(about: About): NanoGptError {
  return new NanoGptError('empty_text', {
    ...about,
    reason: 'the text is empty',
    remedy: 'Give a text to train on',
  })
}

function joinedName(parts: readonly Pick<TextPart, 'name'>[]): string {
  const names = parts.map(({ name }) => name)
  if (names.length <= mostNames) return names.join(' + ')
  return `${names.slice(0, mostNames - 1).join(' + ')} + ${names.length - mostNames + 1} more`
}
