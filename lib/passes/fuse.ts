// Fusion: rewrites chains of ops into the fused ops that a backend provides. It takes a Program and
// returns an equivalent one.
//
//   matmul(x, w, transpose_b) → add(bias [N])            = linear
//   linear → relu                                        = linear with relu
//   dropout → add(residual)                              = dropout_add
//   matmul → accumulate                                  = matmul_accumulate
//   embedding_backward → accumulate, of a large table    = embedding_accumulate
//
// A chain is fused only if nothing else reads the values between its ops. The fused op takes the
// place of the first op, so that its operands can be freed as early as before. If the second op
// cannot move there because of an op in between, the fused op takes the place of the second.

import { sameShape, sizeOf } from '../graph/dtype'
import type { Node, Program } from '../graph/program'

interface Pattern {
  /** The fused op that replaces the two. */
  readonly fused: string
  /** The op whose result only `second` reads. */
  readonly first: string
  readonly second: string
  /**
   * The fused node, or undefined if the two do not match. `slot` is the input of `second` that
   * reads the result of `first`.
   */
  merge(first: Node, second: Node, slot: number, program: Program): Node | undefined
}

const patterns: readonly Pattern[] = [
  {
    fused: 'linear',
    first: 'matmul',
    second: 'add',
    merge(matmul, add, slot, { buffers }) {
      const { transpose_a, transpose_b } = matmul.attributes
      const [weight, bias] = [buffers[matmul.inputs[1]], buffers[add.inputs[1]]]
      if (slot !== 0 || transpose_a || !transpose_b || weight.shape.length !== 2) return undefined
      if (!sameShape(bias.shape, [weight.shape[0]])) return undefined
      const inputs = [matmul.inputs[0], matmul.inputs[1], add.inputs[1]]
      return { op: 'linear', inputs, outputs: add.outputs, attributes: { relu: false } }
    },
  },
  {
    fused: 'linear',
    first: 'linear',
    second: 'relu',
    merge(linear, relu) {
      if (linear.attributes.relu) return undefined
      return { ...linear, outputs: relu.outputs, attributes: { relu: true } }
    },
  },
  {
    fused: 'dropout_add',
    first: 'dropout',
    second: 'add',
    merge(dropout, add, slot, { buffers }) {
      const residual = add.inputs[1 - slot]
      if (!sameShape(buffers[residual].shape, buffers[dropout.inputs[0]].shape)) return undefined
      const { inputs, attributes } = dropout
      return { op: 'dropout_add', inputs: [...inputs, residual], outputs: add.outputs, attributes }
    },
  },
  {
    fused: 'matmul_accumulate',
    first: 'matmul',
    second: 'accumulate',
    merge(matmul, accumulate, slot) {
      const [total] = accumulate.inputs
      // If an operand is the total itself, the fused op would read it while writing it.
      if (slot !== 1 || matmul.inputs.includes(total)) return undefined
      const inputs = [total, ...matmul.inputs]
      return { op: 'matmul_accumulate', inputs, outputs: accumulate.outputs, attributes: matmul.attributes }
    },
  },
  {
    fused: 'embedding_accumulate',
    first: 'embedding_backward',
    second: 'accumulate',
    merge(embedding, accumulate, slot, { buffers }) {
      const [total] = accumulate.inputs
      if (slot !== 1 || embedding.inputs.includes(total)) return undefined
      if (sizeOf(buffers[total].shape) < largeTable) return undefined
      const inputs = [total, ...embedding.inputs]
      return { op: 'embedding_accumulate', inputs, outputs: accumulate.outputs, attributes: {} }
    },
  },
]

/**
 * The elements of a table from which on its gradient is added in place. That of a smaller table stays
 * in the caches, and is a sum of its own before it is added.
 */
const largeTable = 2 ** 23

/** @param available the fused ops that the backend provides. Others are left as their parts */
export function fuse(program: Program, available: readonly string[]): Program {
  const usable = patterns.filter((pattern) => available.includes(pattern.fused))
  return usable.reduce(applyPattern, program)
}

/** The ops that read, or write, each buffer. */
class Places {
  private readonly byBuffer = new Map<number, Set<number>>()

  of(buffer: number): Set<number> {
    let places = this.byBuffer.get(buffer)
    if (!places) {
      places = new Set()
      this.byBuffer.set(buffer, places)
    }
    return places
  }

  anyBetween(from: number, to: number, buffers: readonly number[]): boolean {
    for (const buffer of buffers) for (const at of this.of(buffer)) if (at > from && at < to) return true
    return false
  }
}

function applyPattern(program: Program, pattern: Pattern): Program {
  const ops: (Node | undefined)[] = [...program.ops]
  const writer = new Map<number, number>()
  const uses = new Map<number, number>()
  const reads = new Places()
  const writes = new Places()
  const place = (node: Node, at: number) => {
    for (const id of node.inputs) reads.of(id).add(at)
    for (const id of node.outputs) writes.of(id).add(at)
  }
  const displace = (node: Node, at: number) => {
    for (const id of node.inputs) reads.of(id).delete(at)
    for (const id of node.outputs) writes.of(id).delete(at)
  }
  program.ops.forEach((node, at) => {
    place(node, at)
    for (const id of node.inputs) uses.set(id, (uses.get(id) ?? 0) + 1)
    for (const id of node.outputs) writer.set(id, at)
  })
  // An op must not move past a write to its inputs, nor past a read or write of its outputs.
  const canMoveDown = (first: Node, from: number, to: number) => !writes.anyBetween(from, to, first.inputs)
  const canMoveUp = (second: Node, from: number, to: number) =>
    !writes.anyBetween(from, to, second.inputs) &&
    !writes.anyBetween(from, to, second.outputs) &&
    !reads.anyBetween(from, to, second.outputs)

  program.ops.forEach((second, at) => {
    if (second.op !== pattern.second) return
    for (const [slot, id] of second.inputs.entries()) {
      const from = writer.get(id)
      const first = from === undefined ? undefined : ops[from]
      if (!first || first.op !== pattern.first || uses.get(id) !== 1 || first.outputs.length !== 1) continue
      if (program.buffers[id].role !== 'temporary') continue
      const up = canMoveUp(second, from!, at)
      if (!up && !canMoveDown(first, from!, at)) continue
      const merged = pattern.merge(first, second, slot, program)
      if (!merged) continue
      displace(first, from!)
      displace(second, at)
      place(merged, up ? from! : at)
      ops[from!] = up ? merged : undefined
      ops[at] = up ? undefined : merged
      for (const output of merged.outputs) writer.set(output, up ? from! : at)
      break
    }
  })
  return withoutUnusedBuffers({ ...program, ops: ops.filter((node) => node !== undefined) })
}

/** Drops the temporaries that no op uses any more, and renumbers the other buffers. */
export function withoutUnusedBuffers(program: Program): Program {
  const used = new Set(program.ops.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]))
  const kept = program.buffers
    .map((buffer, id) => ({ buffer, id }))
    .filter(({ buffer, id }) => used.has(id) || buffer.role !== 'temporary')
  const renumbered = new Map(kept.map(({ id }, index) => [id, index]))
  const move = (ids: readonly number[]) => ids.map((id) => renumbered.get(id)!)
  return {
    name: program.name,
    buffers: kept.map(({ buffer }) => buffer),
    ops: program.ops.map((node) => ({ ...node, inputs: move(node.inputs), outputs: move(node.outputs) })),
  }
}
