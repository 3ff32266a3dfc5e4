// Muon: momentum with an orthogonalised direction, for the matrices of hidden layers only.
// Embeddings and the head work one row at a time, and a vector cannot be orthogonalised. AdamW
// updates those parameters (see update.ts).

import type { Parameter } from '../graph/tensor'
import { muon } from '../ops'
import type { Optimizer } from './optimizer'

/**
 * Newton–Schulz iterations, as in Jordan et al. (2024). Fewer leave small singular values small;
 * more do not help.
 */
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
