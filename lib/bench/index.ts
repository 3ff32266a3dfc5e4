// The benchmarks by kind.

import { benchGenerate } from './generate'
import type { Kind } from './kinds'
import { benchOps } from './ops'
import { benchPaper } from './paper'
import type { BenchOptions, Result } from './result'
import { benchRoofline } from './roofline'
import { benchSteps } from './steps'

/** Each yields results as they are measured. */
export const benchmarks: Readonly<
  Record<Kind, (options: BenchOptions) => AsyncGenerator<Result, void, void>>
> = {
  steps: benchSteps,
  ops: benchOps,
  generate: benchGenerate,
  roofline: benchRoofline,
  paper: benchPaper,
}
