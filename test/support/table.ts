// The table of cases: every op of docs/program.md over odd shapes (one row, one column, primes,
// sizes around those of vectors, tiles and tasks), attributes, extreme values, and contents that
// must end a run. It has three uses: parity.test.ts runs it on every backend against the float64
// reference, case files carry it to nano-run, and mutants of the kernels must fail in it.

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

/** Every case that must succeed. */
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

/** Every case, including those that must end with an error. */
export function allCases(): Case[] {
  return [...parityCases(), ...errorCases()]
}
