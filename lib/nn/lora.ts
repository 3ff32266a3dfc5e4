// Low-rank adapters (LoRA, Hu et al., 2021) for the linear layers of a model's blocks. The weight W
// [outputs, inputs] of a layer stays as it is, and the layer computes with W + (alpha / rank) · B·A,
// where A [rank, inputs] and B [outputs, rank] are trained. docs/fine-tuning.md says when to use it.

import { Linear } from './linear'
import { Module, nameParameters } from './module'

/** The linear layers of a block that can have an adapter, by the names of their properties. */
export const adaptableNames = ['query', 'key', 'value', 'projection', 'expand', 'gate', 'contract'] as const
export type AdaptableName = (typeof adaptableNames)[number]

export interface LoraConfig {
  readonly rank: number
  /** The adapters' results are multiplied by alpha / rank. */
  readonly alpha: number
  /** The layers with an adapter, in every block that has them. */
  readonly targets: readonly AdaptableName[]
}

/** Freezes all parameters of a model, and adds adapters to its layers of these names. */
export function addAdapters(root: Module, { rank, alpha, targets }: LoraConfig): void {
  for (const parameter of nameParameters(root)) parameter.isFrozen = true
  for (const [name, layer] of layersOf(root)) if (targets.includes(name)) layer.adapt(rank, alpha / rank)
}

/** The names of the layers of a model that can have an adapter, in the order of `adaptableNames`. */
export function adaptableIn(root: Module): AdaptableName[] {
  const found = new Set(layersOf(root).map(([name]) => name))
  return adaptableNames.filter((name) => found.has(name))
}

function layersOf(root: Module): [AdaptableName, Linear][] {
  const found: [AdaptableName, Linear][] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    if (!(value instanceof Module)) return
    for (const [name, child] of Object.entries(value)) {
      if (child instanceof Linear && adaptableNames.includes(name as AdaptableName))
        found.push([name as AdaptableName, child])
      else visit(child)
    }
  }
  visit(root)
  return found
}
