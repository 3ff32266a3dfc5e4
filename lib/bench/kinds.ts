// The kinds of benchmarks.

import type { BenchmarkName } from '../options'

/** Descriptions for help. */
export const benchmarkHelp: Readonly<Record<BenchmarkName, string>> = {
  steps: 'training steps',
  ops: 'single ops',
  generate: 'generated tokens',
  roofline: "each op of a training step against this machine's peak",
}

/** The kinds of results. 'paper' is computed by `roofline --paper`. */
export type Kind = BenchmarkName | 'paper'
