// The interface of a device: a Store of named tensors, and runs of Programs over it.
// docs/program.md specifies it.

import type { ErrorCode } from '../errors'
import type { Dtype, Shape, TypedArray } from '../graph/dtype'
import type { Program } from '../graph/program'

/** The handle of a compiled Program. It is valid only in the session that compiled it. */
export type Executable = number

export interface Phase {
  readonly program: Executable
  /** How often the Program runs in each step. */
  readonly times: number
  /** The input records, steps × times of them; see `RecordLayout.pack`. */
  readonly inputs: Uint8Array
  /** Whether `abandon()` may stop it between two ops. Default: false. */
  readonly interruptible?: boolean
}

export interface RunOptions {
  /**
   * Check every float output of every op. The first non-finite value ends the run. Default: false.
   */
  checkFinite?: boolean
  /** Time each op. Default: false. */
  timings?: boolean
}

/** Why a run ended early. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly step: number
  readonly phase: number
  readonly op: number
  readonly opName: string
  readonly buffer?: string
}

export interface RunResult {
  /** Number of complete steps. */
  readonly completed: number
  /** For each phase, the output records of all its executions. */
  readonly outputs: readonly Uint8Array[]
  readonly seconds: number
  /**
   * With the option `timings`: for each phase, the seconds of each op of its Program, summed over
   * all executions.
   */
  readonly timings?: readonly (readonly number[])[]
  readonly failure?: Failure
}

/** Where the elements of a tensor begin in a file. */
export interface FileRange {
  readonly path: string
  /** In bytes: a multiple of the element's size. */
  readonly offset: number
}

/** The memory that a session holds, in bytes. */
export interface SessionMemory {
  /** The tensors of the Store. */
  readonly store: number
  /** Temporaries and scratch memory of the Programs, as far as they share one block. */
  readonly arena: number
}

/**
 * A Store and the Programs compiled for it, on one device. Calls run in the order in which they are
 * made.
 */
export interface Session {
  /**
   * The device's name, as the `device` option takes it: 'cpu', or 'cuda:1' for one of several GPUs.
   */
  readonly device: string
  /** The instruction set of the CPU kernels; absent on other devices. */
  readonly instructionSet?: string
  /** The fused ops that this device provides. `fuse` creates no others. */
  readonly fusedOps: readonly string[]
  allocate(name: string, dtype: Dtype, shape: Shape): Promise<void>
  /**
   * Writes a tensor. `data` is copied at once.
   *
   * @param first the first element that is written. Default: `data` has all elements
   */
  write(name: string, data: TypedArray, first?: number): Promise<void>
  /**
   * Allocates a tensor whose elements are in a file, little-endian. No Program may write it. The CPU
   * maps the file into memory; other devices copy it.
   */
  map(name: string, dtype: Dtype, shape: Shape, file: FileRange): Promise<void>
  read(name: string): Promise<TypedArray>
  compile(program: Program): Promise<Executable>
  /** Frees a compiled Program and invalidates its handle. */
  release(executable: Executable): Promise<void>
  run(steps: number, phases: readonly Phase[], options?: RunOptions): Promise<RunResult>
  /** The memory that the session has allocated. */
  memory(): Promise<SessionMemory>
  /** Stops every run requested so far before its next step. */
  cancel(): void
  /**
   * Like `cancel`, but in an interruptible phase stops before the next op. The Store tensors that the
   * unfinished step writes are then incomplete. A GPU stops between two executions of a Program.
   */
  abandon(): void
  /** Frees everything after the op in progress. Later calls reject. */
  dispose(): Promise<void>
}
