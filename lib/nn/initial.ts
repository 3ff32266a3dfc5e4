// Initialization of a model's parameters. The values of each depend only on the seed and its path
// (model/weights.ts).

import type { Initial } from '../graph/tensor'

/** The initialization of a linear layer with `inputs` inputs. */
export type LinearInitial = (inputs: number) => { readonly weight: Initial; readonly bias: Initial }

/** The initialization of a model's parts. The gain of a norm always starts at 1, its bias at 0. */
export interface InitialScheme {
  readonly embedding: Initial
  readonly linear: LinearInitial
  /** Projections whose result is added to the residual stream. */
  readonly residual: LinearInitial
  readonly head: LinearInitial
}

export const initialNames = ['torch', 'gpt2', 'zero-residual'] as const
export type InitialName = (typeof initialNames)[number]

const zero: Initial = { kind: 'constant', value: 0 }
const uniform = (bound: number): Initial => ({ kind: 'uniform', bound })
const normal = (deviation: number): Initial => ({ kind: 'normal', deviation })

/** Weights and biases U(±1/√inputs), like PyTorch's nn.Linear. */
export const torchLinear: LinearInitial = (inputs) => {
  const initial = uniform(1 / Math.sqrt(inputs))
  return { weight: initial, bias: initial }
}

/**
 * - 'torch': the defaults of PyTorch. Linear layers U(±1/√inputs), embeddings N(0, 1)
 * - 'gpt2': N(0, 0.02), biases 0. For residual projections, the deviation is divided by
 *   √(2·layers), so that the variance of the residual stream does not grow with the number of
 *   layers
 * - 'zero-residual': residual projections and the head start at 0, so that every block is the
 *   identity and every logit is 0. Other matrices U(±√(3/inputs)), which preserves the mean square
 *   of a vector. Embeddings N(0, 1), biases 0
 *
 * @param layers number of blocks, each of which adds to the residual stream twice
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
