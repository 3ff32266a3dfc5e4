// What `nano-gpt bench` can measure, and which options each kind of benchmark takes.

import type { benchOptions } from '../options'

/** In words, for help. */
export const benchmarkHelp = {
  steps: 'training steps',
  ops: 'single ops',
  generate: 'generated tokens',
  roofline: 'each op of a training step beside the peak of this machine',
} as const
export type BenchmarkName = keyof typeof benchmarkHelp
export const kinds = Object.keys(benchmarkHelp) as BenchmarkName[]

/** What is measured; or, with `--paper`, computed. */
export type Kind = BenchmarkName | 'paper'

/** Options that are for some kinds only. */
export const appliesTo: Partial<Readonly<Record<keyof typeof benchOptions, readonly BenchmarkName[]>>> = {
  batchSize: ['steps', 'ops', 'roofline'],
  precision: ['steps', 'ops', 'roofline'],
  paper: ['roofline'],
  compare: ['steps', 'ops', 'generate'],
  python: ['steps', 'ops', 'generate'],
}

/** Options that say how something is measured: on paper nothing is. */
export const measuringOptions = [
  'rounds',
  'threads',
  'device',
  'instructionSet',
  'compare',
  'python',
] as const
