// The kinds of ops in a training step, in words that a reader knows.

import type { OpTime } from './data'

/** The ops of each kind. Their gradients are of the same kind. */
export const opKinds: Readonly<Record<string, readonly string[]>> = {
  'matrix products': ['matmul', 'batched_matmul', 'linear', 'matmul_accumulate'],
  attention: ['attention', 'masked_softmax', 'tril_mean', 'rope', 'cache_write'],
  normalization: ['layer_norm', 'rms_norm'],
  'activation functions': ['gelu', 'relu', 'relu_squared', 'swiglu'],
  dropout: ['dropout', 'dropout_add'],
  embeddings: ['embedding', 'embedding_accumulate', 'positions', 'gather_batch'],
  loss: ['cross_entropy', 'soft_cap', 'require_finite'],
  optimizer: ['adamw', 'muon', 'sgd', 'ema', 'global_norm', 'clip_scale', 'zero'],
  'sums and copies': [
    ...['add', 'accumulate', 'sum_leading', 'scale', 'lerp', 'copy', 'cast', 'fill'],
    ...['slice_positions', 'concat_positions'],
  ],
  generation: ['sample', 'select_row', 'repetition_penalty', 'count_tokens'],
}

const kinds = new Map(Object.entries(opKinds).flatMap(([kind, ops]) => ops.map((op) => [op, kind] as const)))

/** The kind of an op, or its name if it has none. */
export function kindOf(op: string): string {
  return kinds.get(op.replace(/_backward$/, '')) ?? op
}

/** The times of ops by kind, the slowest first. */
export function timesByKind(ops: readonly { readonly op: string; readonly ms: number }[]): OpTime[] {
  const times = new Map<string, { ms: number; calls: number; ops: Set<string> }>()
  for (const { op, ms } of ops) {
    const time = times.get(kindOf(op)) ?? { ms: 0, calls: 0, ops: new Set() }
    time.ms += ms
    time.calls++
    time.ops.add(op)
    times.set(kindOf(op), time)
  }
  return [...times]
    .map(([kind, { ms, calls, ops }]) => ({ kind, ops: [...ops].sort(), calls, ms }))
    .sort((a, b) => b.ms - a.ms)
}
