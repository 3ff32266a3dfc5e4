// Opens files by paths that users or other files give. Only regular files are opened: opening a pipe
// waits for its writer, in one of the few threads that all of Node's file access shares, and reading
// a device may never end.

import { constants, type Stats } from 'node:fs'
import { copyFile, type FileHandle, open, stat } from 'node:fs/promises'
import { NanoGptError, reasonOf } from '../errors'

/** Doesn't wait for the writer of a pipe that has taken the place of the file since `stat`. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Opens a regular file for reading.
 *
 * @throws NanoGptError 'file_not_found'; 'read_failed' for what is not a file, or cannot be opened
 */
export async function openFile(path: string): Promise<FileHandle> {
  const found = await statOf(path)
  if (!found) throw new NanoGptError('file_not_found', `there is no file ${path}`)
  expectFile(path, found)
  const handle = await open(path, flags)
    // Another program holds a lease on the file. An open that waits ends it.
    .catch((error) => (codeOf(error) === 'EAGAIN' ? open(path, 'r') : Promise.reject(error)))
    .catch((error) => {
      throw readFailed(path, error)
    })
  try {
    expectFile(path, await handle.stat())
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * The bytes of a regular file that has no reason to be large.
 *
 * @throws NanoGptError as `openFile`; 'read_failed' for a file of more than `most` bytes
 */
export async function readSmallFile(path: string, most: number): Promise<Uint8Array> {
  const handle = await openFile(path)
  try {
    // Files in /proc claim 0 bytes, so the end alone tells the size.
    const parts: Uint8Array[] = []
    for (let length = 0; ; ) {
      const part = Buffer.alloc(Math.min(most + 1 - length, 64 << 10))
      const { bytesRead } = await handle.read(part, 0, part.length)
      if (bytesRead === 0) return Buffer.concat(parts)
      length += bytesRead
      if (length > most) throw tooLarge(path, most)
      parts.push(part.subarray(0, bytesRead))
    }
  } catch (error) {
    throw readFailed(path, error)
  } finally {
    await handle.close()
  }
}

/**
 * Copies a regular file.
 *
 * @throws NanoGptError as `openFile`; the error of the system if it cannot be copied
 */
export async function copyRegularFile(from: string, to: string): Promise<void> {
  await (await openFile(from)).close()
  await copyFile(from, to)
}

/**
 * What is at a path; undefined: nothing.
 *
 * @throws NanoGptError 'read_failed' if that cannot be told, for example without permission
 */
export async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (absent.includes(codeOf(error))) return undefined
    throw readFailed(path, error)
  }
}

/** The codes for a path that leads nowhere. */
const absent = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']

function expectFile(path: string, stats: Stats): void {
  if (stats.isFile()) return
  const what = stats.isDirectory()
    ? 'a folder'
    : stats.isFIFO()
      ? 'a pipe'
      : stats.isSocket()
        ? 'a socket'
        : 'a device'
  throw new NanoGptError('read_failed', {
    subject: path,
    reason: `it is ${what}, not a file`,
    remedy: 'give the path of a file',
  })
}

function tooLarge(path: string, most: number): NanoGptError {
  return new NanoGptError('read_failed', {
    subject: path,
    reason: `it has more than ${most} bytes`,
    remedy: 'give another file',
  })
}

/** The error for a file that cannot be read. Errors that are not of the system stay as they are. */
export function readFailed(path: string, error: unknown): unknown {
  if (error instanceof NanoGptError || codeOf(error) === '') return error
  const remedy = remedies[codeOf(error)]
  const details = {
    subject: path,
    reason: `it cannot be read: ${reasonOf(error)}`,
    ...(remedy !== undefined && { remedy }),
  }
  return new NanoGptError('read_failed', details, { cause: error })
}

const remedies: Readonly<Record<string, string>> = {
  EACCES: 'check the permissions of the file and of the folders above it',
  EPERM: 'check the permissions of the file and of the folders above it',
  ELOOP: 'a symbolic link leads back to itself; give the path of the file',
  EMFILE: 'this process has too many open files; close some, or raise the limit (ulimit -n)',
}

/** The code of an error of the system; '' for any other error. */
function codeOf(error: unknown): string {
  const { code, name } = Object(error) as NodeJS.ErrnoException
  // Deno's error for a missing permission has no code.
  return code ?? (name === 'NotCapable' ? name : '')
}
