// Benchmarks, by kind.

import { benchGenerate } from './generate'
import type { Kind } from './kinds'
import { benchOps } from './ops'
import { benchPaper } from './paper'
import type { BenchOptions, Result } from './result'
import { benchRoofline } from './roofline'
import { benchSteps } from './steps'

/** Measures; results come one by one, as they are known. */
export const benchmarks: Readonly<
  Record<Kind, (options: BenchOptions) => AsyncGenerator<Result, void, void>>
> = {
  steps: benchSteps,
  ops: benchOps,
  generate: benchGenerate,
  roofline: benchRoofline,
  paper: benchPaper,
}
