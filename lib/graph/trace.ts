// Records ops on symbolic tensors into a Program.

import { NanoGptError } from '../errors'
import { Cache, type CacheOptions } from './cache'
import { type Dtype, describe, type Shape, sameShape, type TensorSpec } from './dtype'
import type { Attributes, Buffer, Node, Program, Role } from './program'
import { type Parameter, Tensor } from './tensor'

/** Sees values of a model while it is traced, and may replace them. */
export interface Observer {
  /**
   * The result y [B, T, C] of the attention of the module at `path`.
   *
   * @returns the result with which the model continues
   */
  attended(path: string, attention: Attended, y: Tensor): Tensor
}

/**
 * The operands of attention: q [B, T, C] and k [B, T, C·kvHeads / heads]. In generation, they are those
 * of the new tokens.
 */
export interface Attended {
  readonly q: Tensor
  readonly k: Tensor
  readonly heads: number
  readonly kvHeads: number
}

export interface TraceOptions {
  /** Whether dropout is active. Default: false. */
  training?: boolean
  /**
   * For generation: the cache that the tokens continue. Default: none. The tokens then begin a
   * sequence, and nothing is cached.
   */
  cache?: CacheOptions
  /** Default: none. */
  observer?: Observer
}

export class Trace {
  readonly training: boolean
  readonly cache: Cache | undefined
  readonly observer: Observer | undefined
  private readonly buffers: Buffer[] = []
  private readonly nodes: Node[] = []
  private readonly named = new Map<string, Tensor>()

  constructor(
    readonly name: string,
    options: TraceOptions = {},
  ) {
    this.training = options.training ?? false
    this.observer = options.observer
    this.cache = options.cache && new Cache(this, options.cache)
  }

  get ops(): readonly Node[] {
    return this.nodes
  }

  /** An input: a value that is passed with every run. */
  input(name: string, dtype: Dtype, shape: Shape): Tensor {
    return this.bind('input', name, { dtype, shape })
  }

  /** A tensor of the session's Store. */
  store(name: string, dtype: Dtype, shape: Shape): Tensor {
    return this.bind('store', name, { dtype, shape })
  }

  parameter(parameter: Parameter): Tensor {
    if (parameter.path === '') {
      throw new NanoGptError('model', 'a parameter has no path yet: build its model with nameParameters()')
    }
    return this.store(parameter.name, parameter.dtype, parameter.shape)
  }

  /** The random key of a run, as the input `rng`: u32 [3] = seed low, seed high, draw. */
  rng(): Tensor {
    return this.input('rng', 'u32', [3])
  }

  /**
   * Makes every run return `value` under `name`.
   *
   * @throws NanoGptError 'program' if `value` is an input, a Store tensor or already an output
   */
  output(name: string, value: Tensor): void {
    const buffer = this.buffers[value.id]
    if (buffer.role !== 'temporary') {
      throw new NanoGptError('program', `output ${name}: copy() ${buffer.role} buffers before returning them`)
    }
    this.buffers[value.id] = { ...buffer, name, role: 'output' }
  }

  /**
   * Appends an op and returns its outputs.
   *
   * @param into the Store tensors that the op writes, in place or as a whole. Default: new
   *   temporaries of `specs`
   */
  record(
    op: string,
    inputs: readonly Tensor[],
    attributes: Attributes,
    specs: readonly TensorSpec[],
    into?: readonly Tensor[],
  ): Tensor[] {
    const outputs =
      into ??
      specs.map((spec) => this.add({ name: '', role: 'temporary', dtype: spec.dtype, shape: spec.shape }))
    this.nodes.push({
      op,
      inputs: inputs.map((input) => this.own(input, op)),
      outputs: outputs.map((output) => output.id),
      attributes,
    })
    return [...outputs]
  }

  buffer({ id }: Tensor): Buffer {
    return this.buffers[id]
  }

  /** The symbolic tensor of buffer `id`. */
  tensor(id: number): Tensor {
    const { dtype, shape } = this.buffers[id]
    return new Tensor(dtype, shape, undefined, this, id)
  }

  finish(): Program {
    return { name: this.name, buffers: [...this.buffers], ops: [...this.nodes] }
  }

  private own(input: Tensor, op: string): number {
    if (input.trace !== this) {
      throw new NanoGptError('program', `${op}: an operand does not belong to the Program ${this.name}`)
    }
    return input.id
  }

  private bind(role: Role, name: string, spec: TensorSpec): Tensor {
    const known = this.named.get(name)
    if (!known) {
      const bound = this.add({ name, role, dtype: spec.dtype, shape: spec.shape })
      this.named.set(name, bound)
      return bound
    }
    if (
      known.dtype !== spec.dtype ||
      !sameShape(known.shape, spec.shape) ||
      this.buffers[known.id].role !== role
    ) {
      throw new NanoGptError(
        'program',
        `${name} is ${describe(known)} in this Program, not ${role} ${describe(spec)}`,
      )
    }
    return known
  }

  private add(buffer: Buffer): Tensor {
    this.buffers.push(buffer)
    return this.tensor(this.buffers.length - 1)
  }
}
