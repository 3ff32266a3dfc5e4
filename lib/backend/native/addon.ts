// Finds and loads the native addon: a prebuilt binary, or the one that was built here. The surface is binding/'s.

import { join } from 'node:path'
import type { Phase, RunOptions, RunResult, SessionMemory } from '../backend'
import { switchOf } from '../switches'

export interface NativeSessionHandle {
  allocate(name: string, dtype: string, shape: number[]): Promise<void>
  write(name: string, bytes: Uint8Array): Promise<void>
  read(name: string): Promise<Uint8Array>
  compile(program: Uint8Array): Promise<number>
  release(handle: number): Promise<void>
  memory(): Promise<SessionMemory>
  run(steps: number, phases: readonly Phase[], options?: RunOptions): Promise<RunResult>
  cancel(): void
  dispose(): Promise<void>
}

export interface NativeGpu {
  available: boolean
  /** There is one, though it may be of no use. */
  present: boolean
  /** Or what it is. */
  reason: string
}

export interface AddonInfo {
  version: string
  instructionSet: string
  instructionSets: string[]
  threads: number
  ops: string[]
  fusedOps: string[]
  cuda: NativeGpu
  metal: NativeGpu
}

export interface NativePeak {
  /** Of multiply-adds in registers. */
  flopsPerSecond: number
  /** From memory, far beyond the caches. */
  readBytesPerSecond: number
  /** Two arrays read, one written. */
  triadBytesPerSecond: number
}

export interface Addon {
  info(): AddonInfo
  setThreads(threads: number): Promise<void>
  /** What the processor can do at most with the pool's threads and the instruction set, by measurement: about two seconds. */
  peak(instructionSet?: string): Promise<NativePeak>
  Session: new (options?: { device?: string; instructionSet?: string }) => NativeSessionHandle
}

export type Loaded =
  | { addon: Addon; path: string; reason?: undefined }
  | { addon?: undefined; path?: undefined; reason: string }

let loaded: Loaded | undefined

/** The addon, or why there is none. Tried once per process; the switch NANO_GPT_NATIVE leaves it out. */
export function loadAddon(): Loaded {
  loaded ??= find()
  return loaded
}

function find(): Loaded {
  if (switchOf('NANO_GPT_NATIVE') === false)
    return { reason: `NANO_GPT_NATIVE=${process.env.NANO_GPT_NATIVE} turns it off` }
  // dist/backend/native and lib/backend/native lie equally deep.
  const root = join(__dirname, '..', '..', '..')
  try {
    const locate = require('node-gyp-build') as { path(folder: string): string }
    const path = locate.path(root)
    return { addon: require(path) as Addon, path }
  } catch (error) {
    const [line] = String((error as Error).message).split('\n')
    return {
      reason:
        `no native binary loads here (${line}). To get one: install CMake and a C++20 compiler and run ` +
        '"npm rebuild nano-gpt" ("npm run build:native" in a checkout). With npm 12 first: "npm install-scripts approve nano-gpt"',
    }
  }
}
