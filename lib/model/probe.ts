// A probe sees the values that a model computes while it is traced. Every module's result has the
// module's path as its name. A probe can replace these values and switch off attention heads. The
// modules know nothing of it: their `forward` is wrapped for the time of one trace.

import { sizeOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import type { Attended, Observer, Trace } from '../graph/trace'
import { Dropout, type LanguageModel, Module } from '../nn'
import { diagonalWithout } from '../nn/attention'
import { batchedMatmul, copy, maskedSoftmax, matmul, sumLeading } from '../ops'

/** An attention head: the index of its layer, and its index in the layer. */
export interface HeadIndex {
  readonly layer: number
  readonly head: number
}

/** Changes to what a model computes. */
export interface Experiment {
  /** Heads whose result is 0. */
  readonly without?: readonly HeadIndex[]
  /** Values by the name of the result that they replace. */
  readonly replace?: ReadonlyMap<string, Float32Array>
}

/** A module whose `forward` can be wrapped. */
export type Traced = Module & { forward(...operands: Tensor[]): Tensor }

export class Probe implements Observer {
  /** The results by name, after replacements, in the order in which the model computes them. */
  readonly results = new Map<string, Tensor>()
  /** The operands of attention, layer by layer. */
  readonly layers: Attended[] = []
  /** The values of the inputs that the probe has added to the Program. */
  readonly inputs: Record<string, ArrayLike<number>> = {}

  constructor(private readonly experiment: Experiment = {}) {}

  /** Calls `trace`, and sees the results of the model's modules meanwhile. */
  watch<T>(model: LanguageModel, trace: () => T): T {
    const watched = modulesOf(model).filter((module) => module !== model && !(module instanceof Dropout))
    for (const module of watched) {
      const { forward } = module
      module.forward = (...operands) => this.seen(module.path, forward.apply(module, operands))
    }
    try {
      return trace()
    } finally {
      // The methods of the class are visible again.
      for (const module of watched) delete (module as Partial<Traced>).forward
    }
  }

  attended(path: string, attended: Attended, y: Tensor): Tensor {
    const layer = this.layers.length
    this.layers.push(attended)
    const off = new Set(
      this.experiment.without?.filter((each) => each.layer === layer).map(({ head }) => head),
    )
    return this.seen(`${path}.heads`, off.size > 0 ? this.withoutHeads(y, layer, attended.heads, off) : y)
  }

  /** The attention weights of a layer, [heads, T, T], for a batch of one sequence. */
  weights({ q, k, heads, kvHeads }: Attended): Tensor {
    const size = q.shape[2] / heads
    const queries = batchedMatmul(sumLeading(q, 2), this.selection(q.trace!, heads, heads, size))
    const keys = batchedMatmul(sumLeading(k, 2), this.selection(q.trace!, heads, kvHeads, size))
    return maskedSoftmax(batchedMatmul(queries, keys, false, true), { scale: 1 / Math.sqrt(size) })
  }

  private seen(name: string, result: Tensor): Tensor {
    const values = this.experiment.replace?.get(name)
    if (!values) {
      this.results.set(name, result)
      return result
    }
    const input = `replace/${name}`
    const replaced = result.trace!.input(input, result.dtype, result.shape)
    // The text of a loss lacks its last token, which is only predicted.
    this.inputs[input] = values.subarray(0, sizeOf(result.shape))
    this.results.set(name, replaced)
    return replaced
  }

  /** Sets the channels of some heads in y [B, T, C] to 0. */
  private withoutHeads(y: Tensor, layer: number, heads: number, off: ReadonlySet<number>): Tensor {
    const channels = y.shape[2]
    const name = `heads/${layer}`
    this.inputs[name] = diagonalWithout(channels, heads, off)
    return matmul(y, y.trace!.input(name, 'f32', [channels, channels]))
  }

  /**
   * The matrices [heads, groups·size, size] that select the channels of each head. Head h reads
   * group ⌊h·groups / heads⌋. Products with them are exact.
   */
  private selection(trace: Trace, heads: number, groups: number, size: number): Tensor {
    const shape = [heads, groups * size, size]
    const name = `select/${shape.join('x')}`
    if (!this.inputs[name]) {
      const matrices = new Float32Array(sizeOf(shape))
      for (let h = 0; h < heads; h++) {
        const first = h * groups * size + Math.floor((h * groups) / heads) * size
        for (let d = 0; d < size; d++) matrices[(first + d) * size + d] = 1
      }
      this.inputs[name] = matrices
    }
    return trace.input(name, 'f32', shape)
  }
}

/** Makes a Program return any value, also one that is an input or already an output. */
export function outputOf(trace: Trace, name: string, value: Tensor): void {
  const { role } = trace.buffer(value)
  trace.output(name, role === 'temporary' ? value : copy(value))
}

/** The modules of a model that compute something. */
export function modulesOf(root: Module): Traced[] {
  const found = new Set<Traced>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    if (!(value instanceof Module) || found.has(value as Traced)) return
    found.add(value as Traced)
    Object.values(value).forEach(visit)
  }
  visit(root)
  return [...found].filter((module) => typeof module.forward === 'function')
}
