// What `nano-gpt bench` can measure.

import type { BenchmarkName } from '../options'

/** In words, for help. */
export const benchmarkHelp: Readonly<Record<BenchmarkName, string>> = {
  steps: 'training steps',
  ops: 'single ops',
  generate: 'generated tokens',
  roofline: 'each op of a training step beside the peak of this machine',
}

/** What is measured; or, with `--paper`, computed. */
export type Kind = BenchmarkName | 'paper'
