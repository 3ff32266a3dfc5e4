// Loads the text that the `data` option names: corpora, files, standard input, inline text, or
// several of them. There are no fallbacks: a source that cannot be loaded is an error.

import { basename } from 'node:path'
import { inlineText, NanoGptError, printable, say, show } from '../errors'
import { firstLoneSurrogate, loneSurrogate } from '../tokenizer/validate'
import { type CacheOptions, cachedText, type RemoteText, sha256 } from './cache'
import { decodeText } from './decode'
import { describeLineEndings, type LineEndings, lineEndings, withLineEndings } from './line_endings'
import { mobyDick } from './moby_dick'
import { aboutData, type Input, isStandardInput, Reader, tooLong } from './read'
import { shakespeare } from './shakespeare'
import { type About, decodeUtf8, longestText } from './utf8'

/**
 * A corpus name (`shakespeare`, `moby-dick`), the path of a text file, `-` for standard input,
 * inline text, the copy in a run folder, or what a checkpoint names.
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

export interface LoadTextOptions extends CacheOptions {
  /** Default: 'normalize'. */
  readonly lineEndings?: LineEndings
  /** The input that `-` reads. Default: standard input. */
  readonly input?: Input
}

/** One source of a text. */
export interface TextPart {
  /**
   * The corpus name, the file's name without its folder, `standard input`, or the given name
   * (default `text`).
   */
  readonly name: string
  /**
   * Where the text can be read again: a corpus name or an absolute path. null for inline text,
   * pipes, standard input and copies in run folders.
   */
  readonly source: string | null
  /** With the requested line endings. */
  readonly text: string
}

export interface Text {
  /** The texts of the parts, concatenated. */
  readonly text: string
  /** The names of the parts: `a.txt + b.txt`. */
  readonly name: string
  /** The sha256 of the text's UTF-8, in hexadecimal. */
  readonly digest: string
  readonly lineEndings: LineEndings
  /** At least one, in the given order. */
  readonly parts: readonly TextPart[]
}

const remoteTexts: readonly RemoteText[] = [shakespeare, mobyDick]

/** The number of parts that a name lists. Further ones are counted. */
const mostNames = 4

/** The names that `data` accepts besides paths. */
export const corpusNames: readonly string[] = remoteTexts.map((text) => text.name)

/**
 * Loads the text to train on. A corpus name takes precedence over a file of that name; write
 * `./shakespeare` for the file.
 *
 * @throws NanoGptError 'data_not_found' for a string that is neither corpus nor file, 'empty_text',
 *   'not_text', 'not_utf8', 'not_utf16', 'lone_surrogate', 'data_is_folder', 'read_failed',
 *   'download_failed', 'text_too_long', 'data' for anything else that is not a text
 */
export async function loadText(
  sources: DataSource | readonly DataSource[],
  options: LoadTextOptions = {},
): Promise<Text> {
  const list: readonly unknown[] = Array.isArray(sources) ? sources : [sources]
  const { lineEndings: wanted = lineEndings[0] } = options
  if (list.length === 0) throw new NanoGptError('data', { option: 'data', reason: 'the array is empty' })
  const reader = new Reader(corpusNames, options.input, options.signal)
  const parts: TextPart[] = []
  let length = 0
  for (const source of list) {
    const { about, ...part } = await loadPart(source, reader, options)
    const changes = describeLineEndings(part.text, wanted)
    if (changes) options.notice?.(say`${printable(part.name)}: ${changes}`)
    const text = withLineEndings(part.text, wanted)
    length += text.length
    if (length > longestText) throw tooLong({ option: 'data' }, length)
    if (text === '') {
      if (list.length === 1) throw emptyText(about)
      options.notice?.(`${printable(part.name)} is empty`)
    }
    parts.push({ ...part, text })
  }
  if (length === 0) throw emptyText({ option: 'data' })
  const text = parts.map((part) => part.text).join('')
  return { text, name: joinedName(parts), digest: sha256(text), lineEndings: wanted, parts }
}

async function loadPart(
  data: unknown,
  reader: Reader,
  options: LoadTextOptions,
): Promise<TextPart & { readonly about: About }> {
  if (isKept(data)) {
    const about = aboutData(data.kept)
    const { bytes } = await reader.read(data.kept, true)
    return { name: basename(data.kept), source: null, text: decodeUtf8(bytes, about, true), about }
  }
  if (isRecorded(data)) return namedPart(data.recorded, reader, options, true)
  return typeof data === 'string' ? namedPart(data, reader, options) : inlinePart(data)
}

async function namedPart(
  data: string,
  reader: Reader,
  options: LoadTextOptions,
  isRecorded = false,
): Promise<TextPart & { readonly about: About }> {
  const about = aboutData(data)
  const remote = remoteTexts.find((text) => text.name === data)
  if (remote) {
    const text = decodeUtf8(await cachedText(remote, options), about)
    return { name: remote.name, source: remote.name, text, about }
  }
  const name = isStandardInput(data) ? 'standard input' : basename(data)
  const { bytes, source } = await reader.read(data, isRecorded)
  const { text, encoding } = decodeText(bytes, about)
  if (encoding !== 'utf-8') {
    const order = encoding === 'utf-16le' ? 'little-endian' : 'big-endian'
    options.notice?.(`${printable(name)}: decoded from UTF-16 (${order})`)
  }
  return { name, source, text, about }
}

function isKept(data: unknown): data is KeptText {
  return typeof data === 'object' && data !== null && typeof (data as KeptText).kept === 'string'
}

function isRecorded(data: unknown): data is RecordedText {
  return typeof data === 'object' && data !== null && typeof (data as RecordedText).recorded === 'string'
}

function inlinePart(data: unknown): TextPart & { readonly about: About } {
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
  return { name, source: null, text, about: { option: 'data' } }
}

function emptyText(about: About): NanoGptError {
  return new NanoGptError('empty_text', {
    ...about,
    reason: 'the text is empty',
    remedy: 'Give a text to train on',
  })
}

function joinedName(parts: readonly TextPart[]): string {
  const names = parts.map(({ name }) => name)
  if (names.length <= mostNames) return names.join(' + ')
  return `${names.slice(0, mostNames - 1).join(' + ')} + ${names.length - mostNames + 1} more`
}
