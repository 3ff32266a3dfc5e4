// Reads metrics.jsonl. It may be damaged, of another program, or of any size: lines that are not valid
// are passed over, and memory is bounded.

import { openFile, readFailed } from '../files/read'
import { type Cut, History, isBefore } from './history'
import { decodeLine, longestLine } from './lines'

/** In bytes. A run writes a new file long before. */
const mostBytes = 1 << 26
const chunkBytes = 1 << 16
const lineFeed = 10

/** A history that is read from a file, and goes on as the file grows. */
export class HistoryFile {
  history = new History()
  private damaged = 0
  /** After the last whole line. */
  private position = 0
  /** Of the file: a run replaces it from time to time. */
  private id = ''

  /** @param cut leaves out what came after a checkpoint */
  constructor(
    private readonly path: string,
    private readonly cut?: Cut,
  ) {}

  /** What could not be read, in sentences. */
  get notices(): string[] {
    const { path, damaged, position } = this
    return [
      ...(damaged > 0 ? [`${path}: ${damaged} of its lines cannot be read, so the history has gaps`] : []),
      ...(position >= mostBytes ? [`${path} has more than ${mostBytes} bytes; the rest is not read`] : []),
    ]
  }

  /**
   * Reads the lines that are new since the last call, or the whole file if it is another one.
   *
   * @throws NanoGptError 'file_not_found', 'read_failed'
   */
  async read(): Promise<void> {
    const handle = await openFile(this.path)
    try {
      const { ino, birthtimeNs, size } = await handle.stat({ bigint: true })
      const id = `${ino} ${birthtimeNs}`
      if (this.id !== id || size < this.position) {
        this.history = new History()
        this.damaged = this.position = 0
        this.id = id
      }
      await this.readLines((buffer, at) => handle.read(buffer, 0, buffer.length, at))
    } catch (error) {
      throw readFailed(this.path, error)
    } finally {
      await handle.close()
    }
  }

  /**
   * Takes every whole line. A last one without a line feed is being written, or was when the process was
   * killed.
   */
  private async readLines(
    readInto: (buffer: Buffer, at: number) => Promise<{ readonly bytesRead: number }>,
  ): Promise<void> {
    const chunk = Buffer.alloc(chunkBytes)
    let parts: Buffer[] = []
    let length = 0
    for (let at = this.position; this.position < mostBytes; ) {
      const { bytesRead } = await readInto(chunk, at)
      if (bytesRead === 0) return
      for (let start = 0; start < bytesRead; ) {
        const found = chunk.subarray(0, bytesRead).indexOf(lineFeed, start)
        const end = found < 0 ? bytesRead : found
        const before = length
        length += end - start
        // Of a line that is too long nothing is kept.
        if (length <= longestLine) parts.push(Buffer.from(chunk.subarray(start, end)))
        else {
          if (before <= longestLine) this.damaged++
          parts = []
          this.position = at + end
        }
        start = end + 1
        if (found < 0) break
        if (length <= longestLine) this.take(Buffer.concat(parts).toString())
        this.position = at + start
        parts = []
        length = 0
      }
      at += bytesRead
    }
  }

  private take(json: string): void {
    const line = decodeLine(json)
    if (!line) this.damaged++
    else if (!this.cut || isBefore(line, this.cut)) this.history.add(line)
  }
}
