// Reads metrics.jsonl. It may be damaged, of another program, or of any size: lines that are not valid
// are passed over, and memory is bounded.

import { openFile, readFailed } from '../files/read'
import { type Cut, type History, isBefore } from './history'
import { decodeLine, type Line, longestLine } from './lines'

/** In bytes. A run writes a new file long before. */
const mostBytes = 1 << 26
const chunkBytes = 1 << 16
const lineFeed = 10

/**
 * Adds the contents of a file to a history.
 *
 * @param cut leaves out what came after a checkpoint
 * @returns what could not be read, in sentences
 * @throws NanoGptError 'file_not_found', 'read_failed'
 */
export async function readHistory(path: string, history: History, cut?: Cut): Promise<string[]> {
  let damaged = 0
  const take = (line: Line | undefined) => {
    if (line && cut && !isBefore(line, cut)) return
    if (!line || !history.add(line)) damaged++
  }
  const isWhole = await readLines(path, (json) => take(json === undefined ? undefined : decodeLine(json)))
  const notices: string[] = []
  if (damaged > 0) notices.push(`${path}: ${damaged} of its lines cannot be read, so the history has gaps`)
  if (!isWhole) notices.push(`${path} has more than ${mostBytes} bytes; the rest is not read`)
  return notices
}

/**
 * Calls `each` with every line, and undefined for one that is too long. A last line without a line feed
 * is one that is being written, or was when the process was killed, and is left out.
 *
 * @returns whether the whole file was read
 */
async function readLines(path: string, each: (line: string | undefined) => void): Promise<boolean> {
  const handle = await openFile(path)
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let parts: Buffer[] = []
    let length = 0
    for (let position = 0; position < mostBytes; ) {
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, position)
      if (bytesRead === 0) return true
      position += bytesRead
      for (let start = 0; start < bytesRead; ) {
        const found = chunk.subarray(0, bytesRead).indexOf(lineFeed, start)
        const end = found < 0 ? bytesRead : found
        length += end - start
        // Of a line that is too long nothing is kept.
        if (length <= longestLine) parts.push(Buffer.from(chunk.subarray(start, end)))
        else parts = []
        start = end + 1
        if (found < 0) break
        each(length <= longestLine ? Buffer.concat(parts).toString() : undefined)
        parts = []
        length = 0
      }
    }
    return false
  } catch (error) {
    throw readFailed(path, error)
  } finally {
    await handle.close()
  }
}
