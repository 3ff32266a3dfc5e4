// Files that are either whole or not there: after a crash at any instant, a path holds its old contents or its new ones.

import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NanoGptError, reasonOf } from '../errors'

/**
 * Writes a file: a temporary one in the same folder, flushed, renamed over `path`, and the folder flushed (not on Windows,
 * which has no such call). The folder must exist. The chunks must not change until the promise settles.
 *
 * @param chunks the contents, in order.
 * @throws NanoGptError 'write_failed': `path` is as it was, and the temporary file is gone.
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
 * Makes a folder and those above it; no error if it is there.
 *
 * @throws NanoGptError 'write_failed'
 */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw writeFailed(path, error)
  })
}

/**
 * Removes what killed processes left of `writeFileAtomic(path)`. Only for who holds the folder's lock: it would take a
 * living writer's file away too.
 */
export async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => [])
  const prefix = temporaryPrefix(path)
  const leftovers = names.filter(
    (name) => name.startsWith(prefix) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length)),
  )
  await Promise.all(leftovers.map((name) => unlink(join(dirname(path), name)).catch(() => {})))
}

/** Hidden, and of the file's own name, so that a leftover explains itself. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`
}

async function writeAndFlush(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  // 'wx': never follow a file or link that someone put there.
  const handle = await open(path, 'wx')
  try {
    for await (const chunk of chunks) await writeWhole(handle, chunk)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** A single write may take less than it was given (and at most 2 GiB). */
async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  const most = 16 << 20
  for (let start = 0; start < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, start, Math.min(most, chunk.byteLength - start))
    start += bytesWritten
  }
}

/** On Windows a virus scanner may hold a new file for a moment, and then the rename is refused. */
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
    await handle.sync()
  } catch (error) {
    // Some network file systems have no flush for folders: there is nothing better to do.
    if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EBADF'].includes(codeOf(error))) throw error
  } finally {
    await handle.close()
  }
}

const remedies: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EACCES: 'no permission to write there; choose another folder',
  EPERM: 'no permission to write there; choose another folder',
  EROFS: 'the file system is read-only; choose another folder',
  ENOENT: 'the folder does not exist; create it first',
  ENOTDIR: 'a part of the path is a file; choose another folder',
  EEXIST: 'there is a file of that name; choose another folder',
  EISDIR: 'there is a folder of that name; choose another name',
}

function writeFailed(path: string, error: unknown): NanoGptError {
  const remedy = remedies[codeOf(error)]
  const reason = remedy ? `${remedy} (${codeOf(error)})` : reasonOf(error)
  return new NanoGptError('write_failed', `cannot write ${path}: ${reason}`, { cause: error })
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
