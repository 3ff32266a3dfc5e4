// Paths that lead to something other than a file, for tests on Unix.

import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Windows has no named pipes among its files, and makes no sparse files unasked. */
export const testOnUnix = process.platform === 'win32' ? test.skip : test

/** Other systems set no limit to the memory that a process may reserve. */
export const testOnLinux = process.platform === 'linux' ? test : test.skip

/** Makes a named pipe without a writer. Opening it for reading would wait forever. */
export function pipeAt(path: string): string {
  execFileSync('mkfifo', [path])
  return path
}

/** Rejects unless Node's file access works: none of its four threads may be waiting for a pipe. */
export async function expectFileAccess(): Promise<void> {
  const late = AbortSignal.timeout(5000)
  await readFile(__filename, { signal: late })
}
