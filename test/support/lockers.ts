// Processes that lock a folder, with the native engine or in plain TypeScript.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { loadAddon } from '../../lib/backend/native/addon'
import { compiled, ensureBuilt } from '../cli/command'

export type Kind = 'native' | 'typescript'

/** The system's locks, which `lockFolder` takes. */
export const lockFileOf = (kind: Kind) => (kind === 'native' ? loadAddon().addon!.lockFile : undefined)

/** JavaScript that defines `lockFolder(folder)`. */
export function scriptOf(kind: Kind, body: string): string {
  ensureBuilt()
  const addon = kind === 'native' ? `require(${JSON.stringify(loadAddon().path)}).lockFile` : 'undefined'
  return `
    const lock = require(${JSON.stringify(compiled('files', 'lock.js'))})
    const lockFolder = (folder) => lock.lockFolder(folder, ${addon})
    ;(async () => {${body}})()
  `
}

export interface Locker {
  readonly child: ChildProcess
  readonly pid: number
  /** 'held', or the error of lockFolder(). */
  readonly outcome: Promise<{ readonly held: boolean; readonly code?: string; readonly message?: string }>
  /** Kills the process and waits until it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a process that locks a folder at `time`, and holds the lock until it is killed. */
export function startLocker(kind: Kind, folder: string, time = 0): Locker {
  const script = scriptOf(
    kind,
    `
    setInterval(() => {}, 1000)
    while (Date.now() < ${time}) await new Promise(setImmediate)
    try {
      const held = await lockFolder(${JSON.stringify(folder)})
      process.on('SIGTERM', () => process.exit(0))
      process.on('SIGUSR2', () => held.release())
      console.log(JSON.stringify({ held: true }))
    } catch ({ code, message }) {
      console.log(JSON.stringify({ held: false, code, message }))
    }
  `,
  )
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const outcome = new Promise<{ held: boolean }>((resolve, reject) => {
    createInterface(child.stdout!).once('line', (line) => resolve(JSON.parse(line)))
    child.on('close', () => reject(new Error('the process ended')))
  })
  outcome.catch(() => {})
  return {
    child,
    pid: child.pid!,
    outcome,
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      await ended
    },
  }
}
