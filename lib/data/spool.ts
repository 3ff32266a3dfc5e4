// A temporary file for what can be read only once and is too large for memory.

import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFailed } from '../files/atomic'

const bytesPerRead = 1 << 20

export class Spool {
  private length = 0

  private constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * Creates a file in a folder. It has no name any more, so that it disappears with the process; on
   * Windows it disappears when it is closed.
   *
   * @throws NanoGptError 'write_failed'
   */
  static async create(folder: string): Promise<Spool> {
    const path = join(folder, `.text.${randomBytes(6).toString('hex')}.tmp`)
    try {
      await mkdir(folder, { recursive: true })
      const handle = await open(path, 'wx+', 0o600)
      await unlink(path)
      return new Spool(path, handle)
    } catch (error) {
      throw writeFailed(path, error)
    }
  }

  /** @throws NanoGptError 'write_failed' */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.length)
        done += bytesWritten
        this.length += bytesWritten
      }
    } catch (error) {
      throw writeFailed(this.path, error)
    }
  }

  /** Everything that was written. */
  async *chunks(): AsyncGenerator<Uint8Array, void> {
    for (let at = 0; at < this.length; ) {
      const buffer = Buffer.allocUnsafe(Math.min(bytesPerRead, this.length - at))
      const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, at)
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  dispose(): void {
    this.handle.close().catch(() => {})
  }
}
