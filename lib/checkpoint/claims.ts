// Compares the sizes that a checkpoint's metadata claims with the tensors that its header lists,
// before anything of these sizes is built. Tensors that are missing or have other shapes are
// reported when they are loaded (model/weights.ts).

import type { TensorSpec } from '../graph/dtype'
import type { ModelConfig } from '../model/config'
import { damaged } from './damage'

/** A block's number in the path of its weights. */
const block = /^blocks\.(\d+)\./

/** @throws NanoGptError 'checkpoint' that names the claim and the fact */
export function checkClaims(
  file: string,
  model: ModelConfig,
  tensors: ReadonlyMap<string, TensorSpec>,
): void {
  const refuse = (claim: 'layers' | 'vocabSize' | 'embed' | 'blockSize', fact: string) => {
    throw damaged(file, `model.${claim} is ${model[claim]}, but ${fact}`)
  }
  const blocks = new Set<string>()
  for (const name of tensors.keys()) {
    const number = block.exec(name)?.[1]
    if (number !== undefined) blocks.add(number)
  }
  if (blocks.size > 0 && model.layers > blocks.size)
    refuse('layers', `it has the weights of ${blocks.size} blocks`)
  const columns = model.kind === 'bigram' ? 'vocabSize' : 'embed'
  for (const [name, ...claims] of [
    ['tokenEmbedding.weight', 'vocabSize', columns],
    ['positionEmbedding.weight', 'blockSize', 'embed'],
  ] as const) {
    const shape = tensors.get(name)?.shape
    if (shape?.length !== claims.length) continue
    const wrong = claims.find((claim, axis) => model[claim] !== shape[axis])
    if (wrong !== undefined) refuse(wrong, `${name} is [${shape.join(', ')}]`)
  }
}
