// Finds and loads the native addon, either prebuilt or built on this machine. binding/ defines its
// interface.

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
  /** Whether this machine has such a GPU, even if it is unusable. */
  present: boolean
  /** Why the GPU is unavailable, or a description of it. */
  reason: string
}

export interface AddonInfo {
  version: string
  /** Empty if this processor can run none of the kernels. */
  instructionSet: string
  instructionSets: string[]
  /** Why this processor can run none of the kernels, or empty. */
  cpuReason: string
  threads: number
  ops: string[]
  fusedOps: string[]
  cuda: NativeGpu
  metal: NativeGpu
}

export interface NativePeak {
  /** Rate of multiply-adds on registers. */
  flopsPerSecond: number
  /** Reading from memory, far beyond the size of the caches. */
  readBytesPerSecond: number
  /** Reading two arrays and writing one. */
  triadBytesPerSecond: number
}

export interface Addon {
  info(): AddonInfo
  setThreads(threads: number): Promise<void>
  /**
   * Measures the peak rates of the processor with the pool's threads and the instruction set. Takes
   * about two seconds.
   */
  peak(instructionSet?: string): Promise<NativePeak>
  Session: new (options?: { device?: string; instructionSet?: string }) => NativeSessionHandle
}

export type Loaded =
  | { addon: Addon; path: string; reason?: undefined }
  | { addon?: undefined; path?: undefined; reason: string }

let loaded: Loaded | undefined

/**
 * The addon, or the reason why there is none. Tried once per process. NANO_GPT_NATIVE=0 disables
 * it.
 */
export function loadAddon(): Loaded {
  loaded ??= find()
  return loaded
}

function find(): Loaded {
  if (switchOf('NANO_GPT_NATIVE') === false)
    return { reason: `NANO_GPT_NATIVE=${process.env.NANO_GPT_NATIVE} turns it off` }
  // dist/backend/native and lib/backend/native have the same depth.
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
