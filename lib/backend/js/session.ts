// The TypeScript backend: runs Programs with the reference formulas, in float32 or float64. It is the judge of every
// other backend, and serves where no native one can be built.

import { NanoGptError } from '../../errors'
import {
  allocate,
  arrayFrom,
  bytesPerElement,
  type Dtype,
  describe,
  type Shape,
  sameShape,
  sizeOf,
  type TypedArray,
} from '../../graph/dtype'
import type { Buffer, Node, Program } from '../../graph/program'
import { Tensor } from '../../graph/tensor'
import { fusedOpNames, opsByName } from '../../ops'
import type { Executable, Failure, Phase, RunOptions, RunResult, Session } from '../backend'
import { RecordLayout } from '../records'

export interface JsOptions {
  /** What f32 tensors are computed in: 'f64' for the float64 reference. Default 'f32'. */
  precision?: 'f32' | 'f64'
}

interface Compiled {
  readonly program: Program
  readonly tensors: readonly Tensor[]
  readonly inputs: RecordLayout
  readonly outputs: RecordLayout
}

export class JsSession implements Session {
  readonly device = 'js'
  readonly fusedOps = fusedOpNames
  private readonly store = new Map<string, Tensor>()
  private readonly programs: Compiled[] = []
  private readonly precision: 'f32' | 'f64'
  private generation = 0
  private disposed = false

  constructor(options: JsOptions = {}) {
    this.precision = options.precision ?? 'f32'
  }

  async allocate(name: string, dtype: Dtype, shape: Shape): Promise<void> {
    this.check()
    if (this.store.has(name)) throw new NanoGptError('invalid_argument', `the Store already holds ${name}`)
    this.store.set(name, this.tensor(dtype, shape))
  }

  async write(name: string, data: TypedArray): Promise<void> {
    const tensor = this.find(name)
    if (data.length !== sizeOf(tensor.shape)) {
      throw new NanoGptError(
        'invalid_argument',
        `${name} holds ${sizeOf(tensor.shape)} elements, not ${data.length}`,
      )
    }
    tensor.data.set(data)
  }

  async read(name: string): Promise<TypedArray> {
    return this.find(name).data.slice()
  }

  async compile(program: Program): Promise<Executable> {
    this.check()
    for (const { op } of program.ops) {
      if (!opsByName.has(op)) throw new NanoGptError('unsupported', `${program.name}: unknown op ${op}`)
    }
    const tensors = program.buffers.map((buffer) => this.bind(program, buffer))
    const layouts = {
      inputs: new RecordLayout(program, 'input'),
      outputs: new RecordLayout(program, 'output'),
    }
    return this.programs.push({ program, tensors, ...layouts }) - 1
  }

  async run(steps: number, phases: readonly Phase[], options: RunOptions = {}): Promise<RunResult> {
    const generation = this.generation
    const compiled = phases.map((phase) => this.checkPhase(phase, steps))
    const records: Uint8Array[][] = phases.map(() => [])
    const start = performance.now()
    let failure: Failure | undefined
    let step = 0
    for (; step < steps && !failure; step++) {
      // Each step gives the event loop a turn.
      if (step > 0) await new Promise((resolve) => setImmediate(resolve))
      this.check()
      if (generation !== this.generation) failure = cancelled(step)
      for (let p = 0; p < phases.length && !failure; p++) {
        const { times, inputs } = phases[p]
        for (let i = 0; i < times && !failure; i++) {
          const size = compiled[p].inputs.size
          load(compiled[p], inputs.subarray((step * times + i) * size, (step * times + i + 1) * size))
          failure = execute(compiled[p], step, p, options)
          if (!failure) records[p].push(outputsOf(compiled[p]))
        }
      }
      if (failure) break
    }
    return {
      completed: step,
      outputs: records.map(concat),
      seconds: (performance.now() - start) / 1000,
      failure,
    }
  }

  cancel(): void {
    this.generation++
  }

  async dispose(): Promise<void> {
    this.disposed = true
    this.store.clear()
    this.programs.length = 0
  }

  private check(): void {
    if (this.disposed) throw new NanoGptError('disposed', 'this session has been disposed')
  }

  private checkPhase({ program, times, inputs }: Phase, steps: number): Compiled {
    this.check()
    const compiled = this.programs[program]
    if (!compiled) throw new NanoGptError('invalid_argument', `no Program has the handle ${program}`)
    const expected = steps * times * compiled.inputs.size
    if (inputs.length !== expected) {
      throw new NanoGptError(
        'invalid_argument',
        `${compiled.program.name}: ${inputs.length} bytes of inputs, not ${expected}`,
      )
    }
    return compiled
  }

  private tensor(dtype: Dtype, shape: Shape): Tensor {
    const own = dtype === 'f32' ? this.precision : dtype
    return new Tensor(own, shape, allocate(own, sizeOf(shape)))
  }

  private find(name: string): Tensor {
    this.check()
    const tensor = this.store.get(name)
    if (!tensor) throw new NanoGptError('invalid_argument', `the Store holds no ${name}`)
    return tensor
  }

  private bind(program: Program, buffer: Buffer): Tensor {
    if (buffer.role !== 'store') return this.tensor(buffer.dtype, buffer.shape)
    const tensor = this.store.get(buffer.name)
    const dtype = buffer.dtype === 'f32' ? this.precision : buffer.dtype
    if (tensor && tensor.dtype === dtype && sameShape(tensor.shape, buffer.shape)) return tensor
    const found = tensor ? describe(tensor) : 'missing'
    throw new NanoGptError(
      'invalid_argument',
      `${program.name}: ${buffer.name} must be ${describe(buffer)}; in the Store it is ${found}`,
    )
  }
}

function load({ program, tensors, inputs }: Compiled, record: Uint8Array): void {
  let field = 0
  program.buffers.forEach((buffer, id) => {
    if (buffer.role !== 'input') return
    const { offset, elements, dtype } = inputs.fields[field++]
    tensors[id].data.set(
      arrayFrom(dtype, record.subarray(offset, offset + elements * bytesPerElement[dtype])),
    )
  })
}

function outputsOf({ program, tensors, outputs }: Compiled): Uint8Array {
  const values: Record<string, ArrayLike<number>> = {}
  program.buffers.forEach((buffer, id) => {
    if (buffer.role === 'output') values[buffer.name] = tensors[id].data
  })
  return outputs.pack([values])
}

function execute(
  { program, tensors }: Compiled,
  step: number,
  phase: number,
  options: RunOptions,
): Failure | undefined {
  for (const [index, node] of program.ops.entries()) {
    const place = { step, phase, op: index, opName: node.op }
    try {
      const outputs = node.outputs.map((id) => tensors[id])
      opsByName.get(node.op)!.reference(
        node.inputs.map((id) => tensors[id]),
        outputs,
        node.attributes,
      )
    } catch (error) {
      if (!(error instanceof NanoGptError) || !['out_of_range', 'non_finite'].includes(error.code))
        throw error
      return {
        ...place,
        code: error.code,
        message: error.message,
        buffer: program.buffers[node.inputs[0]]?.name,
      }
    }
    const bad = options.checkFinite && firstNonFinite(program, node, tensors)
    if (bad)
      return {
        ...place,
        code: 'non_finite',
        message: `${node.op} made ${bad.value} in ${bad.name}`,
        buffer: bad.name,
      }
  }
  return undefined
}

function firstNonFinite(program: Program, node: Node, tensors: readonly Tensor[]) {
  for (const id of node.outputs) {
    const { data, dtype } = tensors[id]
    if (dtype !== 'f32' && dtype !== 'f64') continue
    const value = (data as Float32Array).find((element) => !Number.isFinite(element))
    if (value !== undefined) return { name: program.buffers[id].name || `%${id}`, value }
  }
  return undefined
}

function cancelled(step: number): Failure {
  return { code: 'cancelled', message: 'the run was cancelled', step, phase: 0, op: 0, opName: '' }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
