// Mixed precision: rewrites a Program, after fusion, into one that computes in tf32 or bf16.
//
// tf32 is only a mark on the Program: products round their operands as they read them. In bf16, the
// operands of products (matrix products and attention) must be bf16 in memory. A temporary is
// stored in bf16 if the op that writes it can write bf16 and every op that reads it can read bf16.
// Otherwise it stays f32, and a `cast` precedes the product. A weight is cast once for all products
// that read it. The file of each op states which of its tensors may be bf16.

import type { Buffer, Node, Precision, Program } from '../graph/program'
import { opsByName } from '../ops'
import type { Bf16 } from '../ops/op'

export function inPrecision(program: Program, precision: Precision): Program {
  if (precision === 'f32') return program
  return precision === 'tf32' ? { ...program, precision } : new Bf16Pass(program).run()
}

/** The inputs and outputs of an op that may be bf16. */
export function bf16SlotsOf({ op, attributes }: Node): Required<Bf16> {
  const bf16 = opsByName.get(op)?.bf16
  const slots = typeof bf16 === 'function' ? bf16(attributes) : bf16
  return { operands: [], inputs: [], outputs: [], always: false, ...slots }
}

const reads = ({ operands, inputs }: Required<Bf16>, slot: number) =>
  operands.includes(slot) || inputs.includes(slot)

class Bf16Pass {
  private readonly buffers: Buffer[]
  private readonly ops: Node[] = []
  /**
   * For each buffer, the buffer that holds the same values in the other format. Removed when the
   * buffer is written.
   */
  private readonly casts = new Map<number, number>()

  constructor(private readonly program: Program) {
    this.buffers = [...program.buffers]
  }

  run(): Program {
    for (const id of this.temporariesInBf16()) this.buffers[id] = { ...this.buffers[id], dtype: 'bf16' }
    for (const node of this.program.ops) {
      const slots = bf16SlotsOf(node)
      const inputs = node.inputs.map((id, slot) => this.asRead(id, slot, slots))
      this.ops.push({ ...node, inputs })
      for (const id of node.outputs) this.casts.delete(id)
    }
    return { name: this.program.name, precision: 'bf16', buffers: this.buffers, ops: this.ops }
  }

  private temporariesInBf16(): Set<number> {
    const chosen = new Set<number>()
    const forced = new Set<number>()
    for (const node of this.program.ops) {
      const slots = bf16SlotsOf(node)
      for (const slot of slots.outputs) {
        const id = node.outputs[slot]
        if (this.buffers[id].role !== 'temporary' || this.buffers[id].dtype !== 'f32') continue
        chosen.add(id)
        if (slots.always) forced.add(id)
      }
    }
    for (const node of this.program.ops) {
      const slots = bf16SlotsOf(node)
      node.inputs.forEach((id, slot) => {
        if (!reads(slots, slot) && !forced.has(id)) chosen.delete(id)
      })
    }
    return chosen
  }

  /**
   * The buffer that an op reads as input `slot` in place of `id`: a cast copy if the op cannot read
   * the format of `id`.
   */
  private asRead(id: number, slot: number, slots: Required<Bf16>): number {
    const { dtype } = this.buffers[id]
    if (dtype === 'f32' && slots.operands.includes(slot)) return this.cast(id, 'bf16')
    const chosen = dtype === 'bf16' && this.program.buffers[id].dtype === 'f32'
    return chosen && !reads(slots, slot) ? this.cast(id, 'f32') : id
  }

  private cast(id: number, dtype: 'bf16' | 'f32'): number {
    const known = this.casts.get(id)
    if (known !== undefined) return known
    const { name, shape } = this.buffers[id]
    const result =
      this.buffers.push({ name: name && `${name} in ${dtype}`, role: 'temporary', dtype, shape }) - 1
    this.ops.push({ op: 'cast', inputs: [id], outputs: [result], attributes: {} })
    this.casts.set(id, result)
    return result
  }
}
