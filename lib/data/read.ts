// The bytes of files, pipes and standard input.

import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inlineText, NanoGptError, reasonOf, say, show, suggest } from '../errors'
import { type About, longestText } from './utf8'

/** Standard input, or what a test has in its place. */
export interface Input extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean
  readonly readableEnded?: boolean
  destroy?(): unknown
}

/** What was read, and whether it can be read again. */
export interface Read {
  readonly bytes: Uint8Array
  /** The absolute path of a file; null for standard input and pipes, which can be read only once. */
  readonly source: string | null
}

/** What names standard input on a command line, as in many other tools. */
const standardInput = '-'

export function isStandardInput(path: string): boolean {
  return path === standardInput || path === '/dev/stdin'
}

/** Files that stand for what this process has open: another process has something else there. */
const ownFiles = /^\/(dev\/fd|proc)\//

/** The bytes of one source after the other; remembers which pipes have been read. */
export class Reader {
  private readonly pipes = new Set<string>()

  /** @param corpora the names that a missing file may have been meant as */
  constructor(
    private readonly corpora: readonly string[],
    private readonly input: Input | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * @throws NanoGptError 'data_not_found', 'data_is_folder', 'read_failed', 'text_too_long'; 'data' for what is neither file nor pipe, and
   *   for a pipe that has been read before
   */
  async read(path: string): Promise<Read> {
    this.signal?.throwIfAborted()
    if (isStandardInput(path)) return { bytes: await this.readInput(path), source: null }
    const absolute = resolve(path)
    if (await this.isPipe(path)) {
      this.expectUnread(path, absolute)
      return { bytes: await this.collect(path, createReadStream(path)), source: null }
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

  /** Whether it is a pipe. Throws unless it is that or a file that may be read whole. */
  private async isPipe(path: string): Promise<boolean> {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'ELOOP') throw this.failed(path, error)
      // Anything else, a name too long or with a zero byte included: there is no such file.
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
      reason: `neither a corpus nor a file${absolute === data ? '' : ` (looked for ${show(absolute)})`}`,
      remedy: say`${close === undefined ? '' : `Did you mean ${show(close)}? `}Give ${names} or the path of a text file, or ${inlineText} for the text itself`,
    })
  }
}

/** What errors about a source are about: the option, and the path as it was given. */
export function aboutData(path: string): About {
  return { option: 'data', subject: path, value: path }
}

/** @param length in bytes or UTF-16 units, of which a text has no more */
export function tooLong(about: About, length: number): NanoGptError {
  const [has, most] = [length, longestText].map((value) => value.toLocaleString('en-US'))
  return new NanoGptError('text_too_long', {
    ...about,
    reason: `it has at least ${has} bytes, and a text can have at most ${most}`,
    remedy: 'Train on a part of it',
  })
}

function readBefore(path: string): NanoGptError {
  return new NanoGptError('data', {
    ...aboutData(path),
    reason: `${isStandardInput(path) ? 'standard input' : 'a pipe'} can be read only once, and it has been read before`,
    remedy: 'Save its text to a file and name that',
  })
}

/** What an input yields. It may never yield anything more, so the signal also ends the wait. */
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
    // An iterator would end only after the chunk that it waits for.
    input.destroy?.()
  }
}
