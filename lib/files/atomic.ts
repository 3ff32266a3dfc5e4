// Atomic file writes: after a crash at any time, a path has either its old or its new contents.

import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NanoGptError, reasonOf } from '../errors'

/**
 * Writes a file atomically: writes and flushes a temporary file in the same folder, renames it to
 * `path`, and flushes the folder (except on Windows, which cannot). The folder must exist. The
 * chunks must not change until the promise settles.
 *
 * @param chunks the contents, in order
 * @throws NanoGptError 'write_failed', or what the source of the chunks throws; then `path` is unchanged and the
 *   temporary file is removed
 */
export async function writeFileAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryOf(path)
  try {
    await writeAndFlush(temporary, chunks)
    await renameOver(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    // The source of the chunks failed, or was aborted.
    if (error instanceof NanoGptError || (error as Error | undefined)?.name === 'AbortError') throw error
    throw writeFailed(path, error)
  }
  await flushFolder(dirname(path)).catch((error) => {
    throw writeFailed(path, error)
  })
}

/** Writes at the end of a file that is there. Links are not followed, and pipes not waited for. */
const appending =
  constants.O_WRONLY | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * Appends to a file that has a known size. After a crash or an error a part of the bytes may be there.
 *
 * @param size in bytes, before
 * @param flushes whether to wait until the bytes are on the disk
 * @throws NanoGptError 'write_failed', also if the file is missing or has another size
 */
export async function appendToFile(
  path: string,
  bytes: Uint8Array,
  size: number,
  flushes: boolean,
): Promise<void> {
  try {
    const handle = await open(path, appending)
    try {
      const found = await handle.stat()
      if (!found.isFile() || found.size !== size) throw new Error('another program has changed it')
      await writeWhole(handle, bytes)
      if (flushes) await flush(handle)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw writeFailed(path, error)
  }
}

/**
 * Gives a file a second name in the same folder, atomically and without a copy. The two names stay
 * independent as long as files are replaced and not changed, as `writeFileAtomic` does.
 *
 * @returns false if the file system has no hard links
 * @throws NanoGptError 'write_failed'; then `path` is unchanged
 */
export async function linkFile(existing: string, path: string): Promise<boolean> {
  const temporary = temporaryOf(path)
  try {
    await link(existing, temporary)
  } catch (error) {
    if (hasNoLinks.includes(codeOf(error))) return false
    throw writeFailed(path, error)
  }
  try {
    await renameOver(temporary, path)
    await flushFolder(dirname(path))
  } catch (error) {
    throw writeFailed(path, error)
  } finally {
    // Renaming does nothing if both names are of the same file already.
    await unlink(temporary).catch(() => {})
  }
  return true
}

/**
 * Renames a file over another one in the same folder.
 *
 * @throws NanoGptError 'write_failed'; then `path` is unchanged
 */
export async function renameFile(existing: string, path: string): Promise<void> {
  try {
    await renameOver(existing, path)
    await flushFolder(dirname(path))
  } catch (error) {
    throw writeFailed(path, error)
  }
}

/** What file systems without hard links answer, and those whose files have too many. */
const hasNoLinks = [
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EINVAL',
  'EISDIR',
  'ERR_ACCESS_DENIED',
]

/**
 * Creates a folder and its parents, and flushes them. An existing folder is not an error.
 *
 * @throws NanoGptError 'write_failed'
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    const first = await mkdir(path, { recursive: true })
    if (first === undefined) return
    // A new folder is lost in a crash unless its parent is flushed.
    for (let folder = resolve(path); ; folder = dirname(folder)) {
      await flushFolder(dirname(folder))
      if (folder === resolve(first) || folder === dirname(folder)) return
    }
  } catch (error) {
    throw writeFailed(path, error)
  }
}

/**
 * Creates a folder in one that exists, and flushes it. An existing folder is not an error.
 *
 * @throws NanoGptError 'write_failed', also if the parent does not exist
 */
export async function makeFolderIn(parent: string, name: string): Promise<void> {
  const path = join(parent, name)
  try {
    await mkdir(path)
    await flushFolder(parent)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw writeFailed(path, error)
  }
}

/**
 * Removes the temporary files that killed processes left in a folder. The caller must be the only
 * writer, because the file of a running writer would be removed too.
 *
 * @param isOurs whether the caller writes files of this name
 */
export async function removeLeftovers(folder: string, isOurs: (name: string) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const leftovers = names.filter((name) => {
    const match = /^\.(.+)\.[0-9a-f]{12}\.tmp$/s.exec(name)
    return match !== null && isOurs(match[1])
  })
  await Promise.all(leftovers.map((name) => unlink(join(folder, name)).catch(() => {})))
}

function temporaryOf(path: string): string {
  return join(dirname(path), `${temporaryPrefix(path)}${randomBytes(6).toString('hex')}.tmp`)
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
  try {
    const handle = await open(path, 'r')
    await flush(handle).finally(() => handle.close())
  } catch (error) {
    // Some network file systems cannot flush folders, and some folders may be written but not
    // opened. There is no alternative.
    if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF', 'EACCES'].includes(codeOf(error))) throw error
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
