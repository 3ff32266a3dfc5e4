// The table: every op of docs/program.md over odd shapes (one row, one column, primes, sizes around the edges of vectors, tiles
// and tasks), attributes, values at the limits, and contents that must end a run. Three readings: parity.test.ts runs it on
// every backend against the float64 reference, case files carry it to nano-run, and mutants of the kernels must fail in it.

import type { Case } from './case'
import { attentionCases } from './cases/attention'
import { batchCases } from './cases/batch'
import { elementwiseCases } from './cases/elementwise'
import { errorCases } from './cases/errors'
import { matmulCases } from './cases/matmul'
import { normCases } from './cases/norms'
import { optimizerCases } from './cases/optimizer'
import { precisionCases } from './cases/precision'
import { programCases } from './cases/programs'
import { ropeCases } from './cases/rope'
import { softmaxCases } from './cases/softmax'

/** Every case that must end well. */
export function parityCases(): Case[] {
  return [
    ...matmulCases(),
    ...elementwiseCases(),
    ...batchCases(),
    ...normCases(),
    ...softmaxCases(),
    ...attentionCases(),
    ...ropeCases(),
    ...optimizerCases(),
    ...precisionCases(),
    ...programCases(),
  ]
}

/** Every case, those included that must end with an error. */
export function allCases(): Case[] {
  return [...parityCases(), ...errorCases()]
}
