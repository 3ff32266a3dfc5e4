// Atomic file writes: after a crash at any time, a path has either its old or its new contents.

import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NanoGptError, reasonOf } from '../errors'

/**
 * Writes a file atomically: writes and flushes a temporary file in the same folder, renames it to
 * `path`, and flushes the folder (except on Windows, which cannot). The folder must exist. The
 * chunks must not change until the promise settles.
 *
 * @param chunks the contents, in order
 * @throws NanoGptError 'write_failed'; then `path` is unchanged and the temporary file is removed
 */
export async function writeFileAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = join(dirname(path), `${temporaryPrefix(path)}${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeAndFlush(temporary, chunks)
    await renameOver(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw writeFailed(path, error)
  }
  await flushFolder(dirname(path)).catch((error) => {
    throw writeFailed(path, error)
  })
}

/**
 * Creates a folder and its parents. An existing folder is not an error.
 *
 * @throws NanoGptError 'write_failed'
 */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw writeFailed(path, error)
  })
}

/**
 * Removes the temporary files of `writeFileAtomic(path)` that killed processes left. The caller
 * must be the only writer, because the file of a running writer would be removed too.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => [])
  const prefix = temporaryPrefix(path)
  const leftovers = names.filter(
    (name) => name.startsWith(prefix) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length)),
  )
  await Promise.all(leftovers.map((name) => unlink(join(dirname(path), name)).catch(() => {})))
}

/** Hidden, and with the name of the file, so that a leftover can be recognized. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`
}

async function writeAndFlush(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  // 'wx' fails for an existing file or link instead of following it.
  const handle = await open(path, 'wx')
  try {
    for await (const chunk of chunks) await writeWhole(handle, chunk)
    await flush(handle)
  } finally {
    await handle.close()
  }
}

/** Writes in a loop: a single write may be partial, and is limited to 2 GiB. */
async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  const most = 16 << 20
  for (let start = 0; start < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, start, Math.min(most, chunk.byteLength - start))
    start += bytesWritten
  }
}

/**
 * Retries on Windows, where a virus scanner may briefly hold a new file and make the rename fail.
 */
async function renameOver(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(from, to)
      return
    } catch (error) {
      const busy = ['EPERM', 'EACCES', 'EBUSY'].includes(codeOf(error))
      if (process.platform !== 'win32' || !busy || attempt === 8) throw error
      await sleep(10 * 2 ** attempt)
    }
  }
}

async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await flush(handle)
  } catch (error) {
    // Some network file systems cannot flush folders. There is no alternative.
    if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF'].includes(codeOf(error))) throw error
  } finally {
    await handle.close()
  }
}

/** Node's permission model may deny flushing, from version 24.22 on. There is no alternative. */
async function flush(handle: FileHandle): Promise<void> {
  await handle.sync().catch((error) => {
    if (codeOf(error) !== 'ERR_ACCESS_DENIED') throw error
  })
}

const remedies: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EACCES: 'no permission to write there; choose another folder',
  EPERM: 'no permission to write there; choose another folder',
  EROFS: 'the file system is read-only; choose another folder',
  ENOENT: 'the folder does not exist; create it first',
  ENOTDIR: 'part of the path is a file; choose another folder',
  EEXIST: 'there is a file of that name; choose another folder',
  EISDIR: 'there is a folder of that name; choose another name',
}

export function writeFailed(path: string, error: unknown): NanoGptError {
  const remedy = remedies[codeOf(error)]
  const reason = remedy ? `${remedy} (${codeOf(error)})` : reasonOf(error)
  return new NanoGptError('write_failed', `cannot write ${path}: ${reason}`, { cause: error })
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
