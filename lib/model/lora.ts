// Merges the adapters of a model into its weights.

import { allocate } from '../graph/dtype'
import type { LoraConfig } from '../nn'
import type { TensorState } from './weights'

/** The paths of a layer's adapter: A [rank, inputs] and B [outputs, rank]. */
const adapter = /\.lora[AB]$/

/**
 * The weights of an ordinary model that computes the same: W + (alpha / rank) · B·A for each layer
 * with an adapter, and the others as they are.
 *
 * @param tensors the weights by path. A merged weight is computed whenever its data is read
 */
export function mergeAdapters(
  tensors: ReadonlyMap<string, TensorState>,
  { rank, alpha }: Pick<LoraConfig, 'rank' | 'alpha'>,
): Map<string, TensorState> {
  const merged = new Map<string, TensorState>()
  for (const [path, state] of tensors) {
    if (adapter.test(path)) continue
    const layer = path.replace(/\.weight$/, '')
    const [a, b] = [tensors.get(`${layer}.loraA`), tensors.get(`${layer}.loraB`)]
    if (!path.endsWith('.weight') || !a || !b) merged.set(path, state)
    else {
      merged.set(path, {
        name: state.name,
        dtype: 'f32',
        shape: state.shape,
        // Reading the data of a weight may convert it.
        get data() {
          return plusProduct(state.data as Float32Array, b.data as Float32Array, a.data as Float32Array, {
            rank,
            factor: alpha / rank,
          })
        },
      })
    }
  }
  return merged
}

/**
 * weight [outputs, inputs] + factor · B·A, summed in float64.
 *
 * @param b [outputs, rank]
 * @param a [rank, inputs]
 */
export function plusProduct(
  weight: Float32Array,
  b: Float32Array,
  a: Float32Array,
  { rank, factor }: { readonly rank: number; readonly factor: number },
): Float32Array {
  const inputs = a.length / rank
  const sums = new Float64Array(inputs)
  const merged = allocate('f32', weight.length, 'a merged weight') as Float32Array
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
