// A lock on a folder: it has one writer at a time, among the processes, threads and calls of a
// machine.
//
// The lock is a folder, `.lock`, with one file in it: the record of its holder. To take it, a process
// prepares such a folder under another name and renames it. Of several renames only one succeeds,
// because a folder that is not empty cannot be replaced. The name of a record is random and never
// used again, so that removing the record of a dead holder cannot remove that of a new one.
//
// With the native engine, a holder also has the system's lock on its record for as long as it lives,
// which settles whether a recorded holder is alive. Without it, the table of processes does.

import { randomBytes } from 'node:crypto'
import { rmdirSync, unlinkSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve, toNamespacedPath } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { NanoGptError, option, printable, say } from '../errors'
import { codeOf, writeFailed } from './atomic'

/**
 * Takes the system's lock on a file, which ends with the process. Null if it is taken. Throws an
 * Error with the code 'unsupported' if the file system has no locks.
 */
export type LockFile = (path: string) => { release(): void } | null

/** What `.lock` says about the holder. */
interface Holder {
  readonly pid: number
  /** When it took the lock, in ISO 8601. */
  readonly since: string
  /** The name of its machine, if known. */
  readonly host?: string
  /** Differs between two processes with the same pid. Known on Linux only. */
  readonly start?: string
  /** Whether it has the system's lock on its record. */
  readonly native: boolean
}

/** A record in `.lock`. */
interface Found {
  /** Undefined if the record is damaged or cannot be read. */
  readonly holder?: Holder
  /** Whether the process may be alive, according to the table of processes. */
  readonly mayRun: boolean
  /** Whether this is certain. */
  readonly runs: boolean
}

const lockName = '.lock'
const recordPattern = /^[0-9a-f]{12}\.json$/
const preparedPattern = /^\.lock\.[0-9a-f]{12}$/

/** How long to try to take a lock that nobody holds, in milliseconds. */
const patience = 5000
/** How often, and at what interval, to examine a holder whose state is not clear yet. */
const examinations = 10
const millisecondsBetween = 20

/**
 * Locks a folder, and creates it if necessary. Readers do not need the lock.
 *
 * @param lockFile the system's locks. Without it, the lock of a killed process is found out from the
 *   table of processes, and that of a terminated worker thread lasts until its process ends
 * @throws NanoGptError 'run_busy' if it is locked, 'write_failed'
 */
export async function lockFolder(folder: string, lockFile?: LockFile): Promise<FolderLock> {
  const path = resolve(folder)
  let made: string | undefined
  try {
    const deadline = performance.now() + patience
    for (let system = lockFile; ; ) {
      made ??= await mkdir(path, { recursive: true }).catch((error) => {
        throw writeFailed(folder, error)
      })
      await refuseLocked(folder, system)
      const record = join(path, lockName, `${newName()}.json`)
      const failure = await claim(record, await ownRecord(system !== undefined))
      if (failure === undefined) {
        const held = system ? await lockRecord(record, system) : undefined
        if (held === undefined || typeof held === 'object') {
          await removeLeftovers(path)
          return new FolderLock(record, held, made)
        }
        if (held === 'unsupported') system = undefined
      }
      if (performance.now() > deadline) throw failure ?? new Error('other processes take it away')
      await sleep(Math.random() * millisecondsBetween)
    }
  } catch (error) {
    removeMade(path, made)
    throw error instanceof NanoGptError ? error : writeFailed(join(folder, lockName), error)
  }
}

/** @throws NanoGptError 'run_busy' if a folder is locked */
export async function refuseLocked(folder: string, lockFile?: LockFile): Promise<void> {
  let found: Found | undefined
  try {
    found = await findHolder(resolve(folder, lockName), lockFile)
  } catch (error) {
    throw writeFailed(join(folder, lockName), error)
  }
  if (found) throw busy(folder, found)
}

/** A lock that is held until `release()`, or until the process exits. */
export class FolderLock {
  private static readonly held = new Set<FolderLock>()

  constructor(
    private readonly record: string,
    private readonly system: { release(): void } | undefined,
    /** The first of the folders that were created for the lock. */
    private readonly made: string | undefined,
  ) {
    // First, because other listeners may remove a folder that is then empty.
    if (FolderLock.held.size === 0) process.prependListener('exit', FolderLock.releaseAll)
    FolderLock.held.add(this)
  }

  /** Also removes the folder if it was created for the lock and is still empty. */
  release(): void {
    const { held } = FolderLock
    if (!held.delete(this)) return
    if (held.size === 0) process.off('exit', FolderLock.releaseAll)
    this.system?.release()
    withdraw(this.record)
    removeMade(dirname(dirname(this.record)), this.made)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  private static releaseAll(): void {
    for (const lock of FolderLock.held) lock.release()
  }
}

/** Removes a record and, unless there is another one by now, the folder around it. */
function withdraw(record: string): void {
  try {
    unlinkSync(record)
    rmdirSync(dirname(record))
  } catch {
    // The run folder was moved or removed, or `.lock` is not empty.
  }
}

/** Removes the folders that were created for a lock, as far as they are empty. */
function removeMade(folder: string, made: string | undefined): void {
  if (made === undefined) return
  const first = resolve(made.replace(/^\\\\\?\\/, ''))
  try {
    for (let path = folder; path.length >= first.length; path = dirname(path)) rmdirSync(path)
  } catch {
    // It is not empty.
  }
}

/**
 * Puts a record in place, unless there is one.
 *
 * @returns undefined if it is in place, or else why not
 */
async function claim(record: string, contents: Holder): Promise<unknown> {
  const lock = dirname(record)
  const prepared = `${lock}.${newName()}`
  try {
    await mkdir(prepared)
    await writeFile(join(prepared, record.slice(lock.length)), JSON.stringify(contents))
    await rmdir(lock).catch(() => {}) // an empty one, which Windows cannot replace
    await rename(prepared, lock)
    if (await exists(record)) return undefined
    return new Error('another process removed it')
  } catch (error) {
    if (await exists(record)) return undefined // A network file system repeated the rename.
    await rm(prepared, { recursive: true, force: true }).catch(() => {})
    // There is a record, or a folder was removed. Windows denies the rename, also for a moment if a
    // virus scanner has opened the new file.
    const isContested = ['EEXIST', 'ENOTEMPTY', 'ENOENT', 'EBUSY'].includes(codeOf(error))
    if (isContested || (process.platform === 'win32' && ['EPERM', 'EACCES'].includes(codeOf(error))))
      return error
    throw error
  }
}

/**
 * Takes the system's lock on a record that has just been put in place. Another process may remove
 * the record until then. Without the lock, removes the record.
 */
async function lockRecord(
  record: string,
  lockFile: LockFile,
): Promise<{ release(): void } | 'unsupported' | 'lost'> {
  let held: ReturnType<LockFile> = null
  try {
    held = lockFile(toNamespacedPath(record)) // Null: another process is examining the record.
    if (held && (await exists(record))) return held
    held?.release()
    held = null
    return 'lost'
  } catch (error) {
    if (codeOf(error) === 'unsupported') return 'unsupported'
    if (await exists(record)) throw error
    return 'lost'
  } finally {
    if (!held) withdraw(record)
  }
}

/** The living holder in `.lock`, if any. Removes the records of dead ones. */
async function findHolder(lock: string, lockFile: LockFile | undefined): Promise<Found | undefined> {
  // claim() reports a folder that cannot be read.
  const names = await readdir(lock).catch(() => [])
  for (const name of names) {
    if (!recordPattern.test(name)) continue
    const found = await examine(join(lock, name), lockFile)
    if (found) return found
  }
  return undefined
}

/** Whether the holder with this record lives. Removes the record of a dead one. */
async function examine(record: string, lockFile: LockFile | undefined): Promise<Found | undefined> {
  for (let attempt = 1; ; attempt++) {
    const found = await read(record)
    if (!found) return undefined
    const hasLock = found.holder?.native !== false && lockFile !== undefined
    const system = hasLock ? tryLock(record, lockFile) : undefined
    if (system === undefined) {
      if (found.mayRun && (await exists(record))) return found
      await rm(record, { force: true })
      return undefined
    }
    const isLast = attempt === examinations
    if (system === null) {
      // A dead process has no lock, but a third process may be examining its record.
      if (found.mayRun || isLast) return { ...found, runs: true }
    } else {
      // A living process has no lock for a moment before and after it holds one, and after its
      // worker thread was terminated. Its record is removed under its lock, so that it notices.
      const isDead = !found.mayRun || isLast
      if (isDead) await rm(record, { force: true }).finally(() => system.release())
      else system.release()
      if (isDead) return undefined
    }
    await sleep(millisecondsBetween)
  }
}

/** The system's lock on a record, null if it is taken, undefined if that cannot be found out. */
function tryLock(record: string, lockFile: LockFile): ReturnType<LockFile> | undefined {
  try {
    return lockFile(toNamespacedPath(record))
  } catch {
    return undefined
  }
}

/** Undefined if there is no such record any more. */
async function read(record: string): Promise<Found | undefined> {
  let text: string
  try {
    text = await readFile(record, 'utf8')
  } catch (error) {
    // Some network file systems let nobody read a locked file.
    return codeOf(error) === 'ENOENT' ? undefined : { mayRun: true, runs: false }
  }
  const holder = parse(text)
  return holder ? { holder, ...(await stateOf(holder)) } : { mayRun: false, runs: false }
}

/**
 * Undefined if it is damaged. A record appears with its contents, so the power failed before they
 * reached the disk, and the holder is dead.
 */
function parse(text: string): Holder | undefined {
  try {
    const holder = Object(JSON.parse(text)) as Holder
    // process.kill() would take other numbers for groups of processes.
    const isValid = Number.isSafeInteger(holder.pid) && holder.pid > 0 && typeof holder.since === 'string'
    return isValid ? holder : undefined
  } catch {
    return undefined
  }
}

/** What the table of processes says about a holder. */
async function stateOf({ pid, host, start }: Holder): Promise<Pick<Found, 'mayRun' | 'runs'>> {
  if (!isHere(host)) return { mayRun: true, runs: false }
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Any other error means that the process may not be examined.
    if (codeOf(error) === 'ESRCH') return { mayRun: false, runs: false }
  }
  const found = await startOf(pid)
  if (found === undefined || start === undefined) return { mayRun: true, runs: false }
  return { mayRun: found === start, runs: found === start }
}

async function ownRecord(native: boolean): Promise<Holder> {
  const { pid } = process
  return { pid, since: new Date().toISOString(), host: ownHost(), start: await startOf(pid), native }
}

/**
 * Identifies a process on Linux, where pids are soon used again, in containers above all: the boot
 * and the time of its start. Undefined elsewhere. An ended process that its parent has not waited
 * for is 'ended'.
 */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux' || asksUser) return undefined
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    // The name of the program, in parentheses, may contain anything.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return 'ended'
    return `${await boot()} ${fields[18]}`
  } catch {
    return undefined
  }
}

/** Identifies the boot; empty if this system says nothing about it. */
async function boot(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
  } catch (error) {
    // After another failure it is not known, and a living holder must not seem to be of another boot.
    if (codeOf(error) === 'ENOENT') return ''
    throw error
  }
}

/** Deno may ask the user for each permission. */
const asksUser = process.versions.deno !== undefined

function ownHost(): string | undefined {
  return asksUser ? undefined : hostname()
}

/** Whether a process is on this machine, as far as is known. */
function isHere(host: string | undefined): boolean {
  const own = ownHost()
  return host === undefined || own === undefined || host === own
}

function busy(folder: string, { holder, runs }: Found): NanoGptError {
  const process = holder ? nameOf(holder) : 'another process'
  const since = holder ? ` since ${printable(holder.since)}` : ''
  const remedy = say`wait until it ends, stop it, or give another ${option('out')}`
  const lock = join(folder, lockName)
  return new NanoGptError('run_busy', {
    subject: folder,
    reason: `${process} has been writing to this folder${since}`,
    remedy: runs ? remedy : say`${remedy}. If that is not a run of nano-gpt, delete ${lock}`,
  })
}

function nameOf({ pid, host }: Holder): string {
  if (!isHere(host)) return `process ${pid} on ${printable(String(host))}`
  return pid === process.pid ? `this process (${pid})` : `process ${pid}`
}

/**
 * Removes what starters prepared and were killed before they renamed it. One that is still alive
 * tries again, and finds the folder locked.
 */
async function removeLeftovers(folder: string): Promise<void> {
  const all = await readdir(folder).catch(() => [])
  const names = all.filter((name) => preparedPattern.test(name))
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {})
}

function newName(): string {
  return randomBytes(6).toString('hex')
}

/** Not with access(), for which Deno requires permission to know the user. */
async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
