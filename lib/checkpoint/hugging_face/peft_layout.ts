// Where PEFT adapts the layers of a model. A module of an architecture is one layer, or like GPT-2's
// `c_attn` several: the query, key and value are parts of its rows. docs/fine-tuning.md describes the
// format.

import type { GptConfig } from '../../model/config'
import { type AdaptableName, adaptableNames } from '../../nn'
import { type Architecture, layoutOf, prefixes, type Weight } from '../layout'

/** A linear layer of a model, and its place in a module. */
export interface Part {
  readonly layer: AdaptableName
  /** Of the layer's weight. */
  readonly weight: Weight
}

/** A module that can have an adapter: A [rank, inputs] and B [outputs, rank]. */
export interface PeftModule {
  /** Without the prefix of PEFT: `transformer.h.0.attn.c_attn`. */
  readonly path: string
  readonly inputs: number
  readonly outputs: number
  readonly parts: readonly Part[]
}

/** The names of tensors in `adapter_model.safetensors` begin with this. */
export const peftPrefix = 'base_model.model.'

/** The modules of a model, in the order of its blocks. */
export function peftModules(architecture: Architecture, model: GptConfig): PeftModule[] {
  const modules = new Map<string, Part[]>()
  for (const weight of layoutOf(architecture, model)) {
    const layer = adaptableNames.find((name) => weight.path.endsWith(`.${name}.weight`))
    if (layer === undefined) continue
    const path = prefixes[architecture] + weight.tensor.replace(/\.weight$/, '')
    modules.set(path, [...(modules.get(path) ?? []), { layer, weight }])
  }
  return [...modules].map(([path, parts]) => {
    const { there, transposed } = parts[0].weight
    const [outputs, inputs] = transposed ? there.toReversed() : there
    return { path, inputs, outputs, parts }
  })
}

/** The B [outputs of the layer, rank] of a part in that of its module, as `take` and `put` need it. */
export function partOfB({ weight }: Part, outputs: number, rank: number): Weight {
  const [rows] = weight.shape
  return { ...weight, shape: [rows, rank], there: [outputs, rank], transposed: false }
}
