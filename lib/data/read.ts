// Reads the bytes of files, pipes and standard input.

import { closeSync, constants, createReadStream, openSync, type Stats } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { inlineText, NanoGptError, option, printable, reasonOf, say, show, suggest } from '../errors'
import { encodingOf, sampleBytes } from './decode'
import { isJsonLines } from './documents'
import { Spool } from './spool'
import type { Chunks } from './stream'
import { type About, longestText } from './utf8'

/** Standard input, or its replacement in a test. */
export interface Input extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean
  readonly readableEnded?: boolean
  destroy?(): unknown
}

/** What a path names: a file, the files of a folder, or the contents of a pipe. */
export interface Found {
  /** At least one. */
  readonly files: readonly InputFile[]
  /**
   * The absolute path; null for standard input and pipes, which can be read only once.
   */
  readonly source: string | null
}

/** Bytes that can be read more than once. */
export interface InputFile {
  /** The subject of errors. */
  readonly about: About
  /** In bytes. Files in /proc claim 0. */
  readonly size: number
  /** Whether it contains JSON Lines. */
  readonly isLines: boolean
  /** Reads it from the beginning. @throws NanoGptError 'read_failed' */
  chunks(): Chunks
  /** Frees what a pipe's contents take. */
  dispose?(): void
}

/** In bytes, except for `files`. Tests lower them. */
export const limits = {
  /** A larger text stays in files. */
  inMemory: 64 << 20,
  /** What is read at once. */
  perRead: 1 << 20,
  /** Files and folders in a folder. */
  files: 1_000_000,
}

/** The conventional name of standard input on command lines. */
const standardInput = '-'

export function isStandardInput(path: string): boolean {
  return path === standardInput || path === '/dev/stdin'
}

/** Paths that depend on the process that opens them. */
const ownFiles = /^\/(dev\/fd|proc)\//

/** Folders whose files are not on a disk. */
const ofSystem = /^\/(dev|proc|sys)(\/|$)/

/** Reads sources in turn, and remembers which pipes have been read. */
export class Reader {
  private readonly pipes = new Set<string>()

  /** @param corpora the corpus names, to suggest for a missing file */
  constructor(
    private readonly corpora: readonly string[],
    private readonly input: Input | undefined,
    private readonly signal: AbortSignal | undefined,
    /** Where the contents of large pipes are kept. Finding it may need a permission. */
    private readonly folder: () => string,
    private readonly notice?: (message: string) => void,
    /** Whether pipes contain JSON Lines. */
    private readonly pipesAreLines = false,
  ) {}

  /**
   * @param isRecorded whether a file named the path, and not the user. Then it cannot be a pipe.
   * @throws NanoGptError 'data_not_found', 'data_is_folder', 'read_failed'; 'data' for a path that is
   *   neither a file nor a pipe, and for a pipe that has already been read
   */
  async find(path: string, isRecorded = false): Promise<Found> {
    this.signal?.throwIfAborted()
    if (isStandardInput(path) && !isRecorded) return { files: [await this.readInput(path)], source: null }
    const absolute = resolve(path)
    const stats = await this.statOf(path)
    if (stats.isFIFO()) {
      if (isRecorded) throw recordedPipe(path)
      this.expectUnread(path, absolute)
      return { files: [await this.collect(path, this.openPipe(path))], source: null }
    }
    const files = stats.isDirectory()
      ? await this.filesIn(path)
      : [this.fileAt(path, stats.size, aboutData(path))]
    return { files, source: ownFiles.test(absolute) ? null : absolute }
  }

  private fileAt(path: string, size: number, about: About): InputFile {
    return { about, size, isLines: isJsonLines(path), chunks: () => this.read(path, about) }
  }

  private async *read(path: string, about: About): AsyncGenerator<Uint8Array, void> {
    const fail = (error: unknown): never => {
      throw this.failed(about, error)
    }
    const handle = await open(path).catch(fail)
    try {
      for (;;) {
        this.signal?.throwIfAborted()
        const buffer = Buffer.allocUnsafe(limits.perRead)
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, null).catch(fail)
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  }

  /**
   * The text files in a folder and its folders, in the order of their paths. Names with a leading dot,
   * links, and files that are not text are left out.
   */
  private async filesIn(folder: string): Promise<InputFile[]> {
    const paths = (await this.pathsIn(folder)).sort()
    const files: InputFile[] = []
    const others: string[] = []
    for (const path of paths) {
      this.signal?.throwIfAborted()
      const about = aboutData(path)
      const { size } = await stat(path).catch((error) => {
        throw this.failed(about, error)
      })
      if (size === 0) continue
      const file = this.fileAt(path, size, about)
      if (await isText(file)) files.push(file)
      else others.push(relative(folder, path))
    }
    if (others.length > 0) {
      const names = others.slice(0, 3).map(printable).join(', ')
      this.notice?.(
        `${printable(folder)}: ${others.length} ${others.length === 1 ? 'file is' : 'files are'} not text and left out: ${names}${others.length > 3 ? ', …' : ''}`,
      )
    }
    if (files.length > 0) return files
    throw new NanoGptError('data_is_folder', {
      ...aboutData(folder),
      reason: 'a folder without text files',
      remedy: 'Name a text file, several, or a folder that contains some',
    })
  }

  /** The files in a folder and its folders. A checkpoint may name the folder, so their number is limited. */
  private async pathsIn(folder: string): Promise<string[]> {
    const paths: string[] = []
    const folders = [folder]
    for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
      this.signal?.throwIfAborted()
      const within = next
      const entries = await readdir(within, { withFileTypes: true }).catch((error) => {
        throw this.failed({ ...aboutData(within), value: folder }, error)
      })
      for (const entry of entries) {
        const path = join(within, entry.name)
        if (entry.name.startsWith('.') || ofSystem.test(resolve(path))) continue
        if (entry.isDirectory()) folders.push(path)
        else if (entry.isFile()) paths.push(path)
      }
      if (paths.length + folders.length > limits.files) throw tooMany(folder)
    }
    return paths
  }

  private async readInput(path: string): Promise<InputFile> {
    const input: Input = this.input ?? process.stdin
    this.expectUnread(path, standardInput)
    if (input.isTTY) {
      throw new NanoGptError('data', {
        ...aboutData(path),
        reason: 'standard input is a terminal',
        remedy: 'Pipe a text into it, or name a text file',
      })
    }
    if (input.readableEnded) throw readBefore(path)
    return this.collect(path, input)
  }

  /** Throws if a path is neither a file, a folder nor a pipe. */
  private async statOf(path: string): Promise<Stats> {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'ELOOP') throw this.failed(aboutData(path), error)
      // Any other error, such as a name that is too long or has a zero byte, means that the file
      // does not exist.
      throw this.notFound(path)
    })
    if (stats.isFIFO() || stats.isDirectory() || stats.isFile()) return stats
    throw new NanoGptError('data', {
      ...aboutData(path),
      reason: 'neither a file nor a pipe',
      remedy: 'Name a text file',
    })
  }

  /**
   * Opening a pipe waits until a program writes to it. On Linux the event loop waits, elsewhere one
   * of the threads that all of Node's file access shares.
   */
  private openPipe(path: string): Input {
    if (process.platform !== 'linux' || 'bun' in process.versions || 'deno' in process.versions)
      return createReadStream(path)
    try {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      try {
        return new Socket({ fd, readable: true, writable: false })
      } catch (error) {
        closeSync(fd)
        throw error
      }
    } catch (error) {
      throw this.failed(aboutData(path), error)
    }
  }

  private expectUnread(path: string, pipe: string): void {
    if (this.pipes.has(pipe)) throw readBefore(path)
    this.pipes.add(pipe)
  }

  /** Reads a pipe to its end. What exceeds the memory goes to a temporary file. */
  private async collect(path: string, input: Input): Promise<InputFile> {
    const about = aboutData(path)
    const chunks: Uint8Array[] = []
    let size = 0
    let spool: Spool | undefined
    try {
      for await (const chunk of untilAborted(input, this.signal)) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        size += bytes.byteLength
        if (!spool && size > limits.inMemory) {
          spool = await Spool.create(this.folder())
          for (const earlier of chunks.splice(0)) await spool.write(earlier)
        }
        if (spool) await spool.write(bytes)
        else chunks.push(bytes)
      }
    } catch (error) {
      spool?.dispose()
      throw error instanceof NanoGptError ? error : this.failed(about, error)
    }
    const stored = spool
    return {
      about,
      size,
      isLines: this.pipesAreLines,
      chunks: () => (stored ? stored.chunks() : eachOf(chunks)),
      dispose: () => stored?.dispose(),
    }
  }

  private failed(about: About, cause: unknown): unknown {
    if (this.signal?.aborted) return this.signal.reason
    const reason = `cannot read it (${reasonOf(cause)})`
    return new NanoGptError('read_failed', { ...about, reason }, { cause })
  }

  private notFound(data: string): NanoGptError {
    const absolute = data === '' || data.includes('\0') ? data : resolve(data)
    const close = suggest(data, this.corpora)
    const names = this.corpora.map((name) => show(name)).join(', ')
    return new NanoGptError('data_not_found', {
      ...aboutData(data),
      reason: `neither a corpus nor an existing file${absolute === data ? '' : ` (looked for ${show(absolute)})`}`,
      remedy: say`${close === undefined ? '' : `Did you mean ${show(close)}? `}Give ${names} or the path of a text file, or ${inlineText} for the text itself`,
    })
  }
}

async function* eachOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* chunks
}

/**
 * The whole contents.
 *
 * @throws NanoGptError 'text_too_long' if they are longer than a string can be
 */
export async function readWhole({ chunks, about, size }: InputFile): Promise<Uint8Array> {
  if (size > longestText) throw tooLong(about, size)
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks()) {
    length += chunk.length
    if (length > longestText) throw tooLong(about, length)
    parts.push(chunk)
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts)
}

/** Whether a file begins like a text. */
async function isText(file: InputFile): Promise<boolean> {
  for await (const chunk of file.chunks()) {
    try {
      encodingOf(chunk.subarray(0, sampleBytes), file.about)
      return true
    } catch (error) {
      if (error instanceof NanoGptError && error.code === 'not_text') return false
      throw error
    }
  }
  return true
}

/** The subject of errors about a source: the option, and the path as given. */
export function aboutData(path: string): About {
  return { option: 'data', subject: path, value: path }
}

/** @param length in UTF-16 units, or in bytes, of which a text has at least as many */
export function tooLong(about: About, length: number): NanoGptError {
  const [has, most] = [length, longestText].map((value) => value.toLocaleString('en-US'))
  return new NanoGptError('text_too_long', {
    ...about,
    reason: `it has at least ${has} bytes, but a text can have at most ${most}`,
    remedy: 'Train on a part of it',
  })
}

function tooMany(folder: string): NanoGptError {
  return new NanoGptError('data', {
    ...aboutData(folder),
    reason: `a folder with more than ${limits.files.toLocaleString('en-US')} files and folders`,
    remedy: 'Name a folder in it, or join its files',
  })
}

function readBefore(path: string): NanoGptError {
  return new NanoGptError('data', {
    ...aboutData(path),
    reason: `${isStandardInput(path) ? 'standard input' : 'a pipe'} can be read only once, and it has already been read`,
    remedy: 'Save its text to a file and give its path',
  })
}

function recordedPipe(path: string): NanoGptError {
  return new NanoGptError('data', {
    ...aboutData(path),
    reason: 'a pipe, not the file that the checkpoint names',
    remedy: say`Give the text as ${option('data')}`,
  })
}

/**
 * Yields the chunks of an input. The signal also ends a wait for the next chunk, which may never
 * come.
 */
async function* untilAborted(input: Input, signal?: AbortSignal): AsyncGenerator<Uint8Array | string, void> {
  const iterator = input[Symbol.asyncIterator]()
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal?.reason)
  })
  signal?.addEventListener('abort', stop)
  aborted.catch(() => {})
  try {
    for (;;) {
      const result = await Promise.race([iterator.next(), aborted])
      if (result.done) return
      yield result.value
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    // Returning the iterator would wait for the next chunk.
    input.destroy?.()
  }
}
