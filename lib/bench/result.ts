// The options and results of benchmarks.

import type { Precision } from '../graph/program'
import type { ChipName } from '../options'
import type { Competitor } from './competitors'
import type { Kind } from './kinds'

export interface BenchOptions {
  /** The names of cases. Default: all. */
  readonly only?: readonly string[]
  readonly rounds: number
  readonly device?: string
  readonly threads: number
  readonly instructionSet?: string
  /** The precision of Programs. Default: f32. */
  readonly precision?: Precision
  /** Default: each case's own. */
  readonly batchSize?: number
  /** The GPU whose published peak is used. */
  readonly paper?: ChipName
  /** What to compare with, if `python` is given. Default: PyTorch. */
  readonly compare?: readonly Competitor[]
  /** A Python interpreter that has them. */
  readonly python?: string
  /** Prints a line that is not a result. */
  readonly note?: (line: string) => void
}

/** The time of PyTorch or MLX for the same work. */
export interface Comparison {
  /** 'reference', 'fused', 'compiled', 'mlx'. */
  readonly variant: string
  readonly ms: number
  /** Their time / our time, the median of the rounds: above 1 means that nano-gpt is faster. */
  readonly ratio: number
  /** The ratio of each round. */
  readonly ratios: readonly number[]
  readonly peakBytes?: number
}

export interface Result {
  readonly kind: Kind
  readonly name: string
  readonly device: string
  /** Absent where nothing is measured. */
  readonly threads?: number
  /** The precision, if one was given. */
  readonly precision?: Precision
  readonly batchSize?: number
  /** Milliseconds per step, call or token: the median of the rounds. */
  readonly ms: number
  readonly preset?: string
  /** The sizes of an op. */
  readonly shapes?: string
  readonly torch?: readonly Comparison[]
  /** The peak memory of a separate process that only trains. */
  readonly peakBytes?: number
  readonly tokensPerSecond?: number
  readonly flopsPerSecond?: number
  readonly bytesPerSecond?: number
  /** The least time that the peak of the device allows / the measured time. */
  readonly share?: number
  /** The peak that bounds the time. */
  readonly limit?: 'compute' | 'memory'
  /** In the roofline: calls per step, and the fraction of the step's time. */
  readonly calls?: number
  readonly part?: number
  /** With `--paper`: the totals of all calls. */
  readonly flops?: number
  readonly bytes?: number
  /** In the roofline's total: the peak that `share` refers to. */
  readonly peak?: Peak
}

/** The peak rates of a processor or GPU. */
export interface Peak {
  readonly flopsPerSecond: number
  readonly bytesPerSecond: number
}
