// Merges the adapters of a model into its weights.

import { allocate } from '../graph/dtype'
import type { LoraConfig } from '../nn'
import { elementsOf, type StoredTensor } from './weights'

/** The paths of a layer's adapter: A [rank, inputs] and B [outputs, rank]. */
const adapter = /\.lora[AB]$/

/**
 * The weights of an ordinary model that computes the same: W + (alpha / rank) · B·A for each layer
 * with an adapter, and the others as they are.
 *
 * @param tensors the weights by path. A merged weight is computed when it is needed
 */
export function mergeAdapters(
  tensors: ReadonlyMap<string, StoredTensor>,
  { rank, alpha }: Pick<LoraConfig, 'rank' | 'alpha'>,
): Map<string, StoredTensor> {
  const merged = new Map<string, StoredTensor>()
  for (const [path, weight] of tensors) {
    if (adapter.test(path)) continue
    const [a, b] = ['loraA', 'loraB'].map((name) => tensors.get(path.replace(/weight$/, name)))
    const isAdapted = path.endsWith('.weight') && a && b
    const read = async () => ({ a: await elementsOf(a!), b: await elementsOf(b!) })
    merged.set(path, isAdapted ? plusProduct(weight, read, { rank, factor: alpha / rank }) : weight)
  }
  return merged
}

/** An adapter: A [rank, inputs] and B [outputs, rank]. */
export interface Adapter {
  readonly a: Float32Array
  readonly b: Float32Array
}

/** A weight plus factor · B·A, computed when it is needed. */
export function plusProduct(
  weight: StoredTensor,
  read: () => Promise<Adapter>,
  options: ProductOptions,
): StoredTensor {
  const { name, dtype, shape } = weight
  return {
    ...{ name, dtype, shape },
    async *parts() {
      yield addProduct(await elementsOf(weight), await read(), options)
    },
  }
}

interface ProductOptions {
  readonly rank: number
  readonly factor: number
}

/** weight [outputs, inputs] + factor · B·A, summed in float64. */
export function addProduct(
  weight: Float32Array,
  { a, b }: Adapter,
  { rank, factor }: ProductOptions,
): Float32Array {
  const inputs = a.length / rank
  const sums = new Float64Array(inputs)
  const merged = allocate('f32', weight.length, 'a merged weight')
  for (let row = 0; row * inputs < weight.length; row++) {
    sums.fill(0)
    for (let r = 0; r < rank; r++) {
      const by = factor * b[row * rank + r]
      for (let i = 0; i < inputs; i++) sums[i] += by * a[r * inputs + i]
    }
    const at = row * inputs
    for (let i = 0; i < inputs; i++) merged[at + i] = weight[at + i] + sums[i]
  }
  return merged
}
