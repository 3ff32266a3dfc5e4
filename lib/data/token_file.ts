// The tokens of a large text in a file of the cache folder, so that they are computed once and need
// no memory. The engine maps the file.
//
//   tokens, little-endian    footer: JSON    u32 bytes of the JSON    magic
//
// The tokens begin at the first byte, because mappings begin at a page.

import { createHash } from 'node:crypto'
import { type FileHandle, readdir, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { NanoGptError, printable, reasonOf } from '../errors'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { openFile } from '../files/read'
import { type Corpus, dtypeOf, type TokenDtype } from '../tokenizer/span'
import { encodeChunks } from '../tokenizer/stream'
import type { Tokenizer } from '../tokenizer/tokenizer'
import { allocateTokens } from '../tokenizer/validate'
import { sha256 } from './cache'
import type { LargeText } from './corpus'

export interface TokenFileOptions {
  /** The folder of token files: `tokenFolder()`. */
  readonly folder: string
  readonly signal?: AbortSignal
  /** Called with a sentence about a damaged file. */
  readonly notice?: (message: string) => void
  /** Called with the bytes of the text that are encoded, and all of them. */
  readonly progress?: (bytes: number, total: number) => void
}

interface Footer {
  readonly dtype: TokenDtype
  readonly tokens: number
  /** The sha256 of the tokens' bytes. */
  readonly digest: string
}

const magic = Buffer.from('NGPTTOK1', 'latin1')
const longestFooter = 1000
const bytesPerRead = 1 << 20

/** The most tokens of a text: the engine's offsets are u32. */
const mostTokens = 2 ** 32 - 1

/** Days after which an unused file is removed. */
const daysKept = 30
/** Hours after which a file is removed that a killed process began. */
const hoursKept = 1

/** The folder of token files in the cache folder. */
export function tokenFolder(cache: string): string {
  return join(cache, 'tokens')
}

/**
 * The tokens of a large text, in a file that is made unless it exists. Two processes may make it at
 * once: each writes a file of its own, and renames it to the same name.
 *
 * @throws NanoGptError 'write_failed', 'read_failed', 'unknown_character', 'data'; the signal's AbortError
 */
export async function tokensInFile(
  text: LargeText,
  tokenizer: Tokenizer,
  options: TokenFileOptions,
): Promise<Corpus> {
  const { folder, notice } = options
  const name = `${sha256(JSON.stringify([text.digest, tokenizer.toJSON()])).slice(0, 32)}.tokens`
  const path = join(folder, name)
  const found = await open(path, options).catch((error) => {
    if (!(error instanceof NanoGptError)) throw error
    if (error.code !== 'file_not_found')
      notice?.(`${printable(path)} is unusable and made again: ${error.message}`)
    return undefined
  })
  if (found) {
    await utimes(path, new Date(), new Date()).catch(() => {})
    return found
  }
  await makeFolder(folder)
  await removeUnused(folder)
  await writeFileAtomic(path, contentsOf(text, tokenizer, options))
  return open(path, options)
}

async function* contentsOf(
  text: LargeText,
  tokenizer: Tokenizer,
  { signal, progress }: TokenFileOptions,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256')
  let bytes = 0
  const counted = (async function* () {
    for await (const chunk of text.chunks()) {
      signal?.throwIfAborted()
      bytes += chunk.length
      yield chunk
      progress?.(bytes, text.bytes)
    }
  })()
  let tokens = 0
  for await (const chunk of encodeChunks(tokenizer, counted)) {
    tokens += chunk.length
    if (tokens > mostTokens) throw tooMany()
    const part = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    hash.update(part)
    yield part
  }
  const footer: Footer = {
    dtype: dtypeOf(allocateTokens(tokenizer.vocabSize, 0)),
    tokens,
    digest: hash.digest('hex'),
  }
  const json = Buffer.from(JSON.stringify(footer))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(json.length)
  yield Buffer.concat([json, length, magic])
}

const sizes = { u8: 1, u16: 2, u32: 4 } as const
const arrays = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array } as const

/**
 * Opens a file of tokens, and compares its digest.
 *
 * @throws NanoGptError 'file_not_found'; 'read_failed' for a damaged file
 */
async function open(path: string, { signal }: TokenFileOptions): Promise<Corpus> {
  const handle = await openFile(path)
  try {
    const { size } = await handle.stat()
    const footer = await readFooter(path, size, (at, length) => readAt(path, handle, at, length))
    const hash = createHash('sha256')
    const end = footer.tokens * sizes[footer.dtype]
    for (let at = 0; at < end; at += bytesPerRead) {
      signal?.throwIfAborted()
      hash.update(await readAt(path, handle, at, Math.min(bytesPerRead, end - at)))
    }
    if (hash.digest('hex') !== footer.digest) throw damaged(path, 'its digest is another one')
    return corpusIn(path, footer)
  } finally {
    await handle.close()
  }
}

/** @throws NanoGptError 'read_failed' if the file ends before */
async function readAt(
  path: string,
  handle: FileHandle,
  at: number,
  length: number,
): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(buffer, done, length - done, at + done)
    if (bytesRead === 0) throw damaged(path, 'it is too short')
    done += bytesRead
  }
  return buffer
}

async function readFooter(
  path: string,
  size: number,
  read: (at: number, length: number) => Promise<Buffer>,
): Promise<Footer> {
  const tail = magic.length + 4
  if (size < tail) throw damaged(path, 'it is too short')
  const end = await read(size - tail, tail)
  if (!end.subarray(4).equals(magic)) throw damaged(path, 'it has no footer')
  const length = end.readUInt32LE(0)
  if (length > longestFooter || length > size - tail) throw damaged(path, 'its footer is too long')
  let json: Partial<Footer> | null
  try {
    json = JSON.parse((await read(size - tail - length, length)).toString())
  } catch (error) {
    throw damaged(path, `its footer is not JSON (${reasonOf(error)})`)
  }
  const { dtype, tokens, digest } = json ?? {}
  const isRight =
    dtype !== undefined &&
    Object.hasOwn(sizes, dtype) &&
    Number.isSafeInteger(tokens) &&
    tokens! >= 0 &&
    tokens! <= mostTokens &&
    tokens! * sizes[dtype] === size - tail - length &&
    typeof digest === 'string'
  if (!isRight) throw damaged(path, 'its footer describes another file')
  return { dtype, tokens: tokens!, digest }
}

function corpusIn(path: string, { dtype, tokens }: Footer): Corpus {
  return {
    dtype,
    length: tokens,
    from: { path, offset: 0 },
    async read(from, to) {
      const size = sizes[dtype]
      const handle = await openFile(path)
      try {
        const bytes = await readAt(path, handle, from * size, (to - from) * size)
        return new arrays[dtype](bytes.buffer, bytes.byteOffset, to - from)
      } finally {
        await handle.close()
      }
    },
  }
}

function damaged(path: string, problem: string): NanoGptError {
  return new NanoGptError('read_failed', {
    subject: path,
    reason: `the file of tokens is damaged: ${problem}`,
    remedy: 'Delete it; it is made again',
  })
}

function tooMany(): NanoGptError {
  return new NanoGptError('data', {
    option: 'data',
    reason: `the text has more than ${mostTokens.toLocaleString('en-US')} tokens`,
    remedy: 'Train on a part of it',
  })
}

/** Removes files that no run has used for a month. Another process may do the same. */
async function removeUnused(folder: string): Promise<void> {
  const hour = 3600 * 1000
  for (const name of await readdir(folder).catch(() => [])) {
    const match = /^(\.?)[0-9a-f]{32}\.tokens(\.[0-9a-f]{12}\.tmp)?$/.exec(name)
    if (!match) continue
    const kept = (match[1] === '.' ? hoursKept : 24 * daysKept) * hour
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found && found.mtimeMs < Date.now() - kept) await unlink(path).catch(() => {})
    await nextTurn()
  }
}
