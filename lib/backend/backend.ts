// What a device offers: a Store of named tensors, and runs of Programs over it. docs/program.md is the contract.

import type { ErrorCode } from '../errors'
import type { Dtype, Shape, TypedArray } from '../graph/dtype'
import type { Program } from '../graph/program'

/** A compiled Program: opaque, valid in the session that made it. */
export type Executable = number

export interface Phase {
  readonly program: Executable
  /** How often it runs in each step. */
  readonly times: number
  /** steps × times input records; see `packRecords`. */
  readonly inputs: Uint8Array
}

export interface RunOptions {
  /** ValidateEach every float output of every op; the first non-finite one ends the run. Default false. */
  checkFinite?: boolean
  /** Time each op. Default false: nothing is measured. */
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
  /** Whole steps. */
  readonly completed: number
  /** For each phase, the output records of the times it ran. */
  readonly outputs: readonly Uint8Array[]
  readonly seconds: number
  /** With the option `timings`, for each phase: the seconds of each op of its Program, summed over its executions. */
  readonly timings?: readonly (readonly number[])[]
  readonly failure?: Failure
}

/** Bytes that a Session holds. */
export interface SessionMemory {
  /** The Store's tensors. */
  readonly store: number
  /** Temporaries and scratch of Programs, as far as they lie in one block. */
  readonly arena: number
}

/** A Store and the Programs over it, on one device. Calls are carried out in the order they are made. */
export interface Session {
  /** As the `device` option names it; of several GPUs 'cuda:1'. */
  readonly device: string
  /** The fused ops that this device has; `fuse` makes no others. */
  readonly fusedOps: readonly string[]
  allocate(name: string, dtype: Dtype, shape: Shape): Promise<void>
  write(name: string, data: TypedArray): Promise<void>
  read(name: string): Promise<TypedArray>
  compile(program: Program): Promise<Executable>
  /** Frees a compiled Program; its handle is not valid any more. */
  release(executable: Executable): Promise<void>
  run(steps: number, phases: readonly Phase[], options?: RunOptions): Promise<RunResult>
  /** What it has allocated. */
  memory(): Promise<SessionMemory>
  /** Ends the runs asked for so far before their next step. */
  cancel(): void
  /** Frees everything, after the step in progress. Later calls reject. */
  dispose(): Promise<void>
}
