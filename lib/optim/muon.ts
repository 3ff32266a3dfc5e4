// Muon: momentum, made orthogonal. For the matrices of hidden layers alone: what an embedding or a head looks up or scores is a row
// at a time, and of a vector there is nothing to make orthogonal. AdamW takes these (see update.ts).

import type { Parameter } from '../graph/tensor'
import { muon } from '../ops'
import type { Optimizer } from './optimizer'

/** Of Newton–Schulz, as Jordan et al. (2024) have it: fewer leave small singular values small, more bring nothing. */
const iterations = 5

export const isForMuon = ({ isHiddenMatrix, shape }: Parameter) => isHiddenMatrix && shape.length === 2

/** Inputs: matrixLearningRate f32 [], momentum f32 []. */
export const muonOptimizer: Optimizer = {
  state: (path) => [`muon/m/${path}`],
  update(trace, scale, updated, { weightDecay }) {
    const learningRate = trace.input('matrixLearningRate', 'f32', [])
    const momentum = trace.input('momentum', 'f32', [])
    const tensors = updated.map(({ parameter, gradient, state: [m] }) => ({ parameter, gradient, m }))
    muon(learningRate, momentum, scale, tensors, { iterations, weightDecay })
  },
}
