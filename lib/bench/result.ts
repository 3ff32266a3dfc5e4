// What benchmarks take and give.

import type { Precision } from '../graph/program'
import type { ChipName } from '../options'
import type { Competitor } from './competitors'
import type { Kind } from './kinds'

export interface BenchOptions {
  /** Cases, by name; none: all. */
  readonly only?: readonly string[]
  readonly rounds: number
  readonly device?: string
  readonly threads: number
  readonly instructionSet?: string
  /** Of Programs. Default f32. */
  readonly precision?: Precision
  /** Default: each case's own. */
  readonly batchSize?: number
  /** The GPU whose published peak is taken. */
  readonly paper?: ChipName
  /** Whom to compare with, if there is a Python. Default PyTorch. */
  readonly compare?: readonly Competitor[]
  /** A Python that has them. */
  readonly python?: string
  /** Tells a person something that is no result. */
  readonly note?: (line: string) => void
}

/** Another's time for the same. */
export interface Comparison {
  /** 'reference', 'fused', 'compiled', 'mlx'. */
  readonly variant: string
  readonly ms: number
  /** Theirs / ours, the median of the rounds: above 1 we are faster. */
  readonly ratio: number
  /** Of each round. */
  readonly ratios: readonly number[]
  readonly peakBytes?: number
}

export interface Result {
  readonly kind: Kind
  readonly name: string
  readonly device: string
  /** None where nothing is measured. */
  readonly threads?: number
  /** If one was asked for. */
  readonly precision?: Precision
  readonly batchSize?: number
  /** Of a step, a call or a token: the median of the rounds. */
  readonly ms: number
  readonly preset?: string
  /** Of an op. */
  readonly shapes?: string
  readonly torch?: readonly Comparison[]
  /** The most memory that a process of its own, which did nothing else, had at once. */
  readonly peakBytes?: number
  readonly tokensPerSecond?: number
  readonly flopsPerSecond?: number
  readonly bytesPerSecond?: number
  /** The time that the processor's peak would allow / the time it took. */
  readonly share?: number
  /** Which peak it is that allows no more. */
  readonly limit?: 'compute' | 'memory'
  /** In the roofline: executions a step, and the part of the step's time. */
  readonly calls?: number
  readonly part?: number
  /** On paper: of all executions. */
  readonly flops?: number
  readonly bytes?: number
  /** In the roofline's total: what shares are shares of. */
  readonly peak?: Peak
}

/** What the processor or the GPU can do at most. */
export interface Peak {
  readonly flopsPerSecond: number
  readonly bytesPerSecond: number
}
