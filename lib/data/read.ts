// Reads the bytes of files, pipes and standard input.

import { closeSync, constants, createReadStream, openSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { resolve } from 'node:path'
import { inlineText, NanoGptError, option, reasonOf, say, show, suggest } from '../errors'
import { type About, longestText } from './utf8'

/** Standard input, or its replacement in a test. */
export interface Input extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean
  readonly readableEnded?: boolean
  destroy?(): unknown
}

/** The bytes that were read, and whether they can be read again. */
export interface Read {
  readonly bytes: Uint8Array
  /**
   * The absolute path of a file; null for standard input and pipes, which can be read only once.
   */
  readonly source: string | null
}

/** The conventional name of standard input on command lines. */
const standardInput = '-'

export function isStandardInput(path: string): boolean {
  return path === standardInput || path === '/dev/stdin'
}

/** Paths that depend on the process that opens them. */
const ownFiles = /^\/(dev\/fd|proc)\//

/** Reads sources in turn, and remembers which pipes have been read. */
export class Reader {
  private readonly pipes = new Set<string>()

  /** @param corpora the corpus names, to suggest for a missing file */
  constructor(
    private readonly corpora: readonly string[],
    private readonly input: Input | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * @param isRecorded whether a file named the path, and not the user. Then it cannot be a pipe.
   * @throws NanoGptError 'data_not_found', 'data_is_folder', 'read_failed', 'text_too_long'; 'data'
   *   for a path that is neither a file nor a pipe, and for a pipe that has already been read
   */
  async read(path: string, isRecorded = false): Promise<Read> {
    this.signal?.throwIfAborted()
    if (isStandardInput(path) && !isRecorded) return { bytes: await this.readInput(path), source: null }
    const absolute = resolve(path)
    if (await this.isPipe(path)) {
      if (isRecorded) throw recordedPipe(path)
      this.expectUnread(path, absolute)
      return { bytes: await this.collect(path, this.openPipe(path)), source: null }
    }
    const bytes = await readFile(path, { signal: this.signal }).catch((error) => {
      throw this.failed(path, error)
    })
    return { bytes, source: ownFiles.test(absolute) ? null : absolute }
  }

  private async readInput(path: string): Promise<Uint8Array> {
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

  /** Whether a path is a pipe. Throws if it is neither a pipe nor a file of acceptable size. */
  private async isPipe(path: string): Promise<boolean> {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'ELOOP') throw this.failed(path, error)
      // Any other error, such as a name that is too long or has a zero byte, means that the file
      // does not exist.
      throw this.notFound(path)
    })
    if (stats.isFIFO()) return true
    const about = aboutData(path)
    if (stats.isDirectory()) {
      throw new NanoGptError('data_is_folder', {
        ...about,
        reason: 'a folder, not a text file',
        remedy: 'Name a text file in it, or several',
      })
    }
    if (!stats.isFile()) {
      throw new NanoGptError('data', {
        ...about,
        reason: 'neither a file nor a pipe',
        remedy: 'Name a text file',
      })
    }
    if (stats.size > longestText) throw tooLong(about, stats.size)
    return false
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
      throw this.failed(path, error)
    }
  }

  private expectUnread(path: string, pipe: string): void {
    if (this.pipes.has(pipe)) throw readBefore(path)
    this.pipes.add(pipe)
  }

  private async collect(path: string, input: Input): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let length = 0
    try {
      for await (const chunk of untilAborted(input, this.signal)) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        length += bytes.byteLength
        if (length > longestText) throw tooLong(aboutData(path), length)
        chunks.push(bytes)
      }
    } catch (error) {
      throw error instanceof NanoGptError ? error : this.failed(path, error)
    }
    return Buffer.concat(chunks)
  }

  private failed(path: string, cause: unknown): unknown {
    if (this.signal?.aborted) return this.signal.reason
    const reason = `cannot read it (${reasonOf(cause)})`
    return new NanoGptError('read_failed', { ...aboutData(path), reason }, { cause })
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
