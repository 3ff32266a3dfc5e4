// The native addon: its interface, which binding/ implements, and whether there is one here.

import { findAddon, findCudaModule } from '../../../binding/find'
import { switchOf } from '../../../binding/switches'
import type { Phase, RunOptions, RunResult, SessionMemory } from '../backend'

export interface NativeSessionHandle {
  allocate(name: string, dtype: string, shape: number[]): Promise<void>
  /** @param offset the first byte that is written. Without it, all are */
  write(name: string, bytes: Uint8Array, offset?: number): Promise<void>
  map(name: string, dtype: string, shape: number[], path: string, offset: number): Promise<void>
  read(name: string): Promise<Uint8Array>
  compile(program: Uint8Array): Promise<number>
  release(handle: number): Promise<void>
  memory(): Promise<SessionMemory>
  run(steps: number, phases: readonly Phase[], options?: RunOptions): Promise<RunResult>
  cancel(): void
  abandon(): void
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
  /** The memory outside JavaScript's heap that the garbage collector knows of. */
  externalBytes: number
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
  readonly version: string
  /** Names the CUDA module, or why there is none. It must precede every other call. */
  useCudaModule(path: string, reason: string, isThere: boolean): void
  setThreads(threads: number): Promise<void>
  /**
   * Measures the peak rates of the processor with the pool's threads and the instruction set. Takes
   * about two seconds.
   */
  peak(instructionSet?: string): Promise<NativePeak>
  /**
   * Locks an existing file until `release()`, or until the process or worker thread ends. Null if it
   * is locked already.
   */
  lockFile(path: string): { release(): void } | null
  Session: new (options?: { device?: string; instructionSet?: string }) => NativeSessionHandle
}

export interface Loaded {
  readonly addon?: Addon
  /** The addon's file. */
  readonly path?: string
  /** Why there is no addon, and what to do about it. */
  readonly reason?: string
  /** Whether the user has disabled it. */
  readonly isDisabled?: boolean
}

/** The command that gets a native engine, wherever and however nano-gpt is installed. */
export const buildCommand = 'npx nano-gpt build'

const remedy = `\`${buildCommand}\` compiles the native engine (requires CMake 3.20 and a C++20 compiler)`
const permissions = 'docs/runtimes.md of the package lists the permissions that the native engine needs'

let loaded: Loaded | undefined

/**
 * The addon, or the reason why there is none. Tried once per process. NANO_GPT_NATIVE=0 disables
 * it. A process warning names each binary that is passed over.
 */
export function loadAddon(): Loaded {
  loaded ??= load()
  return loaded
}

function load(): Loaded {
  if (switchOf('NANO_GPT_NATIVE') === false)
    return { reason: `NANO_GPT_NATIVE=${process.env.NANO_GPT_NATIVE} turns it off`, isDisabled: true }
  const found = findAddon()
  const { path, rejected } = found
  const faults = rejected.map((binary) => `${binary.path} can't be used: ${binary.reason}`)
  if (path === undefined) {
    const why = faults.join('; ') || `there is no native binary for ${process.platform}-${process.arch}`
    return { reason: `${why}. ${rejected.some(({ isDenied }) => isDenied) ? permissions : remedy}` }
  }
  for (const fault of faults) process.emitWarning(`${fault}; using ${path}`, 'NanoGptWarning')
  const addon = found.addon as Addon
  const cuda = findCudaModule(path)
  addon.useCudaModule(cuda.path, cuda.reason, cuda.isThere)
  return { addon, path }
}
