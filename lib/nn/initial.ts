// How the parameters of a model begin. Each is a function of the seed and its path alone (model/weights.ts).

import type { Initial } from '../graph/tensor'

/** How a linear layer with so many inputs begins. */
export type LinearInitial = (inputs: number) => { readonly weight: Initial; readonly bias: Initial }

/** How the parts of a model begin. (A norm's gain is always 1 at first, its bias 0.) */
export interface InitialScheme {
  readonly embedding: Initial
  readonly linear: LinearInitial
  /** Of the projections whose result is added to the residual stream. */
  readonly residual: LinearInitial
  readonly head: LinearInitial
}

export const initialNames = ['torch', 'gpt2', 'zero-residual'] as const
export type InitialName = (typeof initialNames)[number]

const zero: Initial = { kind: 'constant', value: 0 }
const uniform = (bound: number): Initial => ({ kind: 'uniform', bound })
const normal = (deviation: number): Initial => ({ kind: 'normal', deviation })

/** Weights and biases U(±1/√inputs), as PyTorch's nn.Linear. */
export const torchLinear: LinearInitial = (inputs) => {
  const initial = uniform(1 / Math.sqrt(inputs))
  return { weight: initial, bias: initial }
}

/**
 * - 'torch': as nn.Linear and nn.Embedding: U(±1/√inputs) and N(0, 1)
 * - 'gpt2': N(0, 0.02) everywhere, less in the residual projections, so that the stream's variance doesn't grow with the layers; biases 0
 * - 'zero-residual': every block begins as the identity and every logit as 0; other matrices U(±√(3/inputs)), which keeps a
 *   vector's mean square; embeddings N(0, 1), biases 0
 *
 * @param layers blocks, each of which adds to the residual stream twice
 */
export function initialScheme(name: InitialName, layers: number): InitialScheme {
  const unbiased =
    (weight: (inputs: number) => Initial): LinearInitial =>
    (inputs) => ({ weight: weight(inputs), bias: zero })
  if (name === 'gpt2') {
    const linear = unbiased(() => normal(0.02))
    const residual = unbiased(() => normal(0.02 / Math.sqrt(2 * layers)))
    return { embedding: normal(0.02), linear, residual, head: linear }
  }
  if (name === 'zero-residual') {
    const linear = unbiased((inputs) => uniform(Math.sqrt(3 / inputs)))
    const nothing = unbiased(() => zero)
    return { embedding: normal(1), linear, residual: nothing, head: nothing }
  }
  return { embedding: normal(1), linear: torchLinear, residual: torchLinear, head: torchLinear }
}
