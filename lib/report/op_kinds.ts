// The kinds of ops in a training step, in words that a reader knows.

import type { OpTime } from './data'

/** The ops of each kind. Their gradients are of the same kind. */
export const opKinds = {
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
} as const satisfies Readonly<Record<string, readonly string[]>>

type OpKind = keyof typeof opKinds

/** What each kind is for, in sentences that need no other knowledge. */
const about: Readonly<Record<OpKind, string>> = {
  'matrix products':
    'Every layer multiplies its numbers by its weights and adds them up. Nearly all that the model knows is in these weights.',
  attention: 'Each token looks back at those before it, and decides which of them matter.',
  normalization: 'Keeps the numbers in the same range in every layer, so that none of them runs away.',
  'activation functions':
    'Bends the numbers, for example by setting negative ones to 0. Without a bend, many layers could do no more than one.',
  dropout:
    'Switches off numbers at random during training, so that the model does not rely on any one of them.',
  embeddings: 'Looks up the list of numbers that stands for each token.',
  loss: 'Compares the guesses with the token that really came next.',
  optimizer: 'Changes every weight a little, so that the next guess is better.',
  'sums and copies': 'Adds results together, and moves numbers to where they are needed.',
  generation: 'Draws the next token from the odds.',
}

const kinds = new Map<string, OpKind>(
  Object.entries(opKinds).flatMap(([kind, ops]) => ops.map((op) => [op, kind as OpKind])),
)

/** The kind of an op, or its name if it has none. */
export function kindOf(op: string): string {
  return kinds.get(op.replace(/_backward$/, '')) ?? op
}

/** What the ops of a kind are for. Empty for an op that has none. */
export function aboutKind(kind: string): string {
  return Object.hasOwn(about, kind) ? about[kind as OpKind] : ''
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
