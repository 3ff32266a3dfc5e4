// From what a user names as `data` to a text with a digest: a corpus by name, a file, or the text itself.
// It never falls back from one to another: what can't be had is an error that says what can.

import { readFile, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { NanoGptError, reasonOf, show, suggest } from '../errors'
import { firstLoneSurrogate, loneSurrogate } from '../tokenizer/char'
import { type CacheOptions, cachedText, type RemoteText, sha256 } from './cache'
import { mobyDick } from './moby_dick'
import { shakespeare } from './shakespeare'
import { decodeUtf8, longestText } from './utf8'

/** A corpus name (`shakespeare`, `moby-dick`), the path of a UTF-8 text file, or a text. */
export type DataSource = string | { readonly text: string; readonly name?: string }

export interface Corpus {
  readonly text: string
  /** The corpus name, the file's name without its folder, or the given name (default `text`). */
  readonly name: string
  /** The sha256 of the text's UTF-8, in hexadecimal. */
  readonly digest: string
}

const remoteTexts: readonly RemoteText[] = [shakespeare, mobyDick]

/** Characters of a path that a message shows. */
const longestPath = 200

/** The names that `data` may be besides paths. */
export const corpusNames: readonly string[] = remoteTexts.map((text) => text.name)

/**
 * Loads the text to train on. A corpus name wins over a file of that name; write `./shakespeare` for the file.
 *
 * @throws NanoGptError 'data_not_found' for a string that is neither corpus nor file, 'empty_text', 'not_utf8',
 *   'lone_surrogate', 'data_is_folder', 'read_failed', 'download_failed', 'data' for anything else that is no text.
 */
export async function loadText(data: DataSource, options: CacheOptions = {}): Promise<Corpus> {
  if (typeof data !== 'string') return fromText(data)
  const remote = remoteTexts.find((text) => text.name === data)
  if (remote) return corpus(decodeUtf8(await cachedText(remote, options), remote.title), remote.name)
  return fromFile(data)
}

function fromText(data: { readonly text: string; readonly name?: string }): Corpus {
  const text: unknown = data?.text
  if (typeof text !== 'string') {
    const what = data?.text === undefined ? show(data) : `{ text: ${show(text)} }`
    throw new NanoGptError('data', `data is ${what}: it must be ${choices()}, or { text: 'the text itself' }`)
  }
  if (text.length === 0) throw emptyText('data.text')
  const lone = firstLoneSurrogate(text)
  if (lone >= 0) throw loneSurrogate(text.charCodeAt(lone), lone)
  return corpus(text, data.name ?? 'text')
}

async function fromFile(path: string): Promise<Corpus> {
  await expectTextFile(path)
  const bytes = await readFile(path).catch((cause) => {
    throw new NanoGptError('read_failed', `cannot read ${path}: ${reasonOf(cause)}`, { cause })
  })
  const text = decodeUtf8(bytes, path)
  if (text.length === 0) throw emptyText(path)
  return corpus(text, basename(path))
}

/** Throws unless there is a file that may be read whole: a regular one that fits in a string, or a pipe. */
async function expectTextFile(path: string): Promise<void> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES' || error.code === 'ELOOP') {
      throw new NanoGptError('read_failed', `cannot read ${path}: ${reasonOf(error)}`, { cause: error })
    }
    // Anything else, a name too long or with a zero byte included: there is no such file.
    throw notFound(path)
  })
  if (stats.isDirectory()) {
    throw new NanoGptError(
      'data_is_folder',
      `data is ${show(path, longestPath)}, which is a folder; name one text file in it`,
    )
  }
  if (!stats.isFile() && !stats.isFIFO()) {
    throw new NanoGptError(
      'data',
      `data is ${show(path, longestPath)}, which is neither a file nor a pipe; name a text file`,
    )
  }
  if (stats.size > longestText) {
    const message = `${path} has ${stats.size} bytes; a text may have at most ${longestText}: train on a part of it`
    throw new NanoGptError('data', message)
  }
}

function notFound(data: string): NanoGptError {
  const close = suggest(data, corpusNames)
  const question = close ? ` Did you mean ${show(close)}?` : ''
  const looked =
    data.length > 0 && data.length <= longestPath && !data.includes('\0')
      ? ` (looked for ${resolve(data)})`
      : ''
  return new NanoGptError(
    'data_not_found',
    `data is ${show(data)}, which is neither a corpus nor a file${looked}.${question} ` +
      `It can be ${choices()}; pass { text } to train on this very string`,
  )
}

function choices(): string {
  return `${corpusNames.map((name) => show(name)).join(', ')} or the path of a text file`
}

function emptyText(source: string): NanoGptError {
  return new NanoGptError('empty_text', `${source} is empty: there is nothing to train on. Give it some text`)
}

function corpus(text: string, name: string): Corpus {
  return { text, name, digest: sha256(text) }
}
