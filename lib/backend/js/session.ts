// The TypeScript backend: runs Programs with the reference formulas, in float32 or float64. It is
// the reference for all other backends, and the fallback where no native backend can be built.
//
// The formulas handle only f32 and f64. A bf16 tensor is held as floats that are rounded after
// every op that writes it. In a tf32 Program, products receive rounded copies of their operands.

import { open } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { NanoGptError, reasonOf } from '../../errors'
import {
  allocate,
  arrayFrom,
  bytesPerElement,
  copyOf,
  type Dtype,
  describe,
  type FloatArray,
  type Shape,
  sameShape,
  sizeOf,
  type TypedArray,
  viewOf,
} from '../../graph/dtype'
import type { Buffer, Node, Program } from '../../graph/program'
import { bf16Bits, fromBf16Bits, roundedToTf32, roundToBf16 } from '../../graph/rounding'
import { Tensor } from '../../graph/tensor'
import { fusedOpNames, opsByName } from '../../ops'
import { InputError, OutputError } from '../../ops/op'
import type {
  Executable,
  Failure,
  FileRange,
  Phase,
  RunOptions,
  RunResult,
  Session,
  SessionMemory,
} from '../backend'
import { RecordLayout } from '../records'

export interface JsOptions {
  /**
   * The type in which f32 tensors are computed. 'f64' gives the float64 reference. Default: 'f32'.
   */
  precision?: 'f32' | 'f64'
}

/** A tensor of the Store, and the dtype that the caller sees. */
interface Stored {
  readonly dtype: Dtype
  readonly tensor: Tensor
  /** Whether its elements are those of a file. */
  readonly isMapped?: boolean
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
  private readonly store = new Map<string, Stored>()
  /** Compiled Programs by handle. */
  private readonly programs = new Map<Executable, Compiled>()
  private compiled = 0
  private readonly precision: 'f32' | 'f64'
  /** The requests to stop, and those of them to stop before the next op. */
  private stops = { cancelled: 0, abandoned: 0 }
  private disposed = false
  /** Settles when all earlier calls are done. */
  private last: Promise<unknown> = Promise.resolve()

  constructor(options: JsOptions = {}) {
    this.precision = options.precision ?? 'f32'
  }

  allocate(name: string, dtype: Dtype, shape: Shape): Promise<void> {
    return this.inTurn(() => {
      if (this.store.has(name)) {
        throw new NanoGptError('invalid_argument', `the Store already holds ${name}`)
      }
      this.store.set(name, { dtype, tensor: this.tensor(dtype, shape, `the tensor ${name}`) })
    })
  }

  async write(name: string, data: TypedArray, first?: number): Promise<void> {
    const copy = copyOf(data, `a copy of ${name}`)
    return this.inTurn(() => {
      const { dtype, tensor, isMapped } = this.find(name)
      if (isMapped) throw new NanoGptError('invalid_argument', `${name} is a file, which can't be written`)
      const size = sizeOf(tensor.shape)
      if (first === undefined && copy.length !== size)
        throw new NanoGptError('invalid_argument', `${name} holds ${size} elements, not ${copy.length}`)
      if (first !== undefined && !(Number.isInteger(first) && first >= 0 && first + copy.length <= size)) {
        throw new NanoGptError(
          'invalid_argument',
          `${name} holds ${size} elements, too few for ${copy.length} from element ${first} on`,
        )
      }
      tensor.data.set(held(dtype, copy), first)
    })
  }

  map(name: string, dtype: Dtype, shape: Shape, file: FileRange): Promise<void> {
    return this.inTurn(async () => {
      if (this.store.has(name)) {
        throw new NanoGptError('invalid_argument', `the Store already holds ${name}`)
      }
      const tensor = this.tensor(dtype, shape, `the tensor ${name}`)
      await readInto(tensor.data, dtype, name, file)
      this.store.set(name, { dtype, tensor, isMapped: true })
    })
  }

  read(name: string): Promise<TypedArray> {
    return this.inTurn(() => {
      const { dtype, tensor } = this.find(name)
      return given(dtype, copyOf(tensor.data, `a copy of ${name}`))
    })
  }

  compile(program: Program): Promise<Executable> {
    return this.inTurn(() => {
      for (const { op } of program.ops) {
        if (!opsByName.has(op)) throw new NanoGptError('unsupported', `${program.name}: unknown op ${op}`)
      }
      const tensors = program.buffers.map((buffer) => this.bind(program, buffer))
      const layouts = {
        inputs: new RecordLayout(program, 'input'),
        outputs: new RecordLayout(program, 'output'),
      }
      const handle = this.compiled++
      this.programs.set(handle, { program, tensors, ...layouts })
      return handle
    })
  }

  release(executable: Executable): Promise<void> {
    return this.inTurn(() => {
      if (!this.programs.delete(executable)) throw noProgram(executable)
    })
  }

  async run(steps: number, phases: readonly Phase[], options: RunOptions = {}): Promise<RunResult> {
    const { cancelled, abandoned } = this.stops
    const copies = phases.map((phase) => ({ ...phase, inputs: copyOf(phase.inputs, 'the inputs of a run') }))
    return this.inTurn(() =>
      this.runSteps(steps, copies, options, (unfinished) =>
        unfinished ? this.disposed || abandoned !== this.stops.abandoned : cancelled !== this.stops.cancelled,
      ),
    )
  }

  memory(): Promise<SessionMemory> {
    const bytesOf = (tensors: Iterable<{ readonly data: TypedArray }>) =>
      [...tensors].reduce((sum, { data }) => sum + data.byteLength, 0)
    const temporaries = ({ program, tensors }: Compiled) =>
      tensors.filter((_, id) => program.buffers[id].role === 'temporary')
    return this.inTurn(() => ({
      store: bytesOf([...this.store.values()].map(({ tensor }) => tensor)),
      arena: bytesOf([...this.programs.values()].flatMap(temporaries)),
    }))
  }

  cancel(): void {
    this.stops.cancelled++
  }

  abandon(): void {
    this.stops.abandoned++
    this.cancel()
  }

  async dispose(): Promise<void> {
    this.cancel()
    this.disposed = true
    await this.last
    this.store.clear()
    this.programs.clear()
  }

  /** Calls `work` when all earlier calls are done. */
  private inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.disposed) {
      return Promise.reject(new NanoGptError('disposed', 'this session has been disposed'))
    }
    const result = this.last.then(work)
    this.last = result.catch(() => {})
    return result
  }

  private async runSteps(
    steps: number,
    phases: readonly Phase[],
    options: RunOptions,
    /** `unfinished`: whether to stop within a step. */
    isCancelled: (unfinished: boolean) => boolean,
  ): Promise<RunResult> {
    const compiled = this.checkRun(steps, phases)
    const records: Uint8Array[][] = phases.map(() => [])
    const timings = options.timings ? compiled.map(({ program }) => program.ops.map(() => 0)) : undefined
    const start = performance.now()
    let failure: Failure | undefined
    let step = 0
    for (; step < steps; step++) {
      // Let the event loop run in every step.
      await nextTurn()
      if (isCancelled(false)) failure = cancelled(step)
      for (let p = 0; p < phases.length && !failure; p++) {
        const { times, inputs, interruptible } = phases[p]
        for (let i = 0; i < times && !failure; i++) {
          const size = compiled[p].inputs.size
          load(compiled[p], inputs.subarray((step * times + i) * size, (step * times + i + 1) * size))
          failure = await execute(compiled[p], step, p, options, timings?.[p], () =>
            isCancelled(true) && (interruptible || this.disposed) ? cancelled(step) : undefined,
          )
          if (!failure) records[p].push(outputsOf(compiled[p]))
        }
      }
      if (failure) break
    }
    return {
      completed: step,
      outputs: records.map(concat),
      seconds: (performance.now() - start) / 1000,
      ...(timings && { timings }),
      failure,
    }
  }

  private checkRun(steps: number, phases: readonly Phase[]): Compiled[] {
    const countable = [steps, ...phases.map(({ times }) => times)].every(
      (n) => Number.isSafeInteger(n) && n >= 1,
    )
    if (!countable || phases.length === 0) {
      throw new NanoGptError(
        'invalid_argument',
        'a run needs at least 1 step, 1 phase, and each phase 1 time',
      )
    }
    return phases.map((phase) => this.checkPhase(phase, steps))
  }

  private checkPhase({ program, times, inputs }: Phase, steps: number): Compiled {
    const compiled = this.programs.get(program)
    if (!compiled) throw noProgram(program)
    const expected = steps * times * compiled.inputs.size
    if (inputs.length !== expected) {
      throw new NanoGptError(
        'invalid_argument',
        `${compiled.program.name}: ${inputs.length} bytes of inputs, not ${expected}`,
      )
    }
    return compiled
  }

  private tensor(dtype: Dtype, shape: Shape, what: string): Tensor {
    const own = dtype === 'f32' || dtype === 'bf16' ? this.precision : dtype
    return new Tensor(own, shape, allocate(own, sizeOf(shape), what))
  }

  private find(name: string): Stored {
    const stored = this.store.get(name)
    if (!stored) throw new NanoGptError('invalid_argument', `the Store holds no ${name}`)
    return stored
  }

  private bind(program: Program, buffer: Buffer): Tensor {
    if (buffer.role !== 'store')
      return this.tensor(buffer.dtype, buffer.shape, `the buffer ${buffer.name} of ${program.name}`)
    const stored = this.store.get(buffer.name)
    if (
      stored?.isMapped &&
      program.ops.some(({ outputs }) => outputs.includes(program.buffers.indexOf(buffer)))
    ) {
      throw new NanoGptError(
        'invalid_argument',
        `${program.name} writes ${buffer.name}, which is a file that can't be written`,
      )
    }
    if (stored?.dtype === buffer.dtype && sameShape(stored.tensor.shape, buffer.shape)) return stored.tensor
    const found = stored ? describe({ dtype: stored.dtype, shape: stored.tensor.shape }) : 'missing'
    throw new NanoGptError(
      'invalid_argument',
      `${program.name}: ${buffer.name} must be ${describe(buffer)}; in the Store it is ${found}`,
    )
  }
}

/** The number of bytes that are read at once. */
const bytesPerRead = 1 << 24

/** Fills an array with the elements of a file. */
async function readInto(array: TypedArray, dtype: Dtype, name: string, file: FileRange): Promise<void> {
  const failed = (why: string) => new NanoGptError('read_failed', `the file of ${name} ${why}`)
  const handle = await open(file.path).catch((error) => {
    throw failed(`can't be opened: ${reasonOf(error)}`)
  })
  try {
    const size = bytesPerElement[dtype]
    for (let at = 0; at < array.length; ) {
      const bytes = new Uint8Array(Math.min(bytesPerRead, (array.length - at) * size))
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle
          .read(bytes, done, bytes.length - done, file.offset + at * size + done)
          .catch((error) => {
            throw failed(`can't be read: ${reasonOf(error)}`)
          })
        if (bytesRead === 0) throw failed(`has fewer than ${array.length} elements`)
        done += bytesRead
      }
      array.set(held(dtype, viewOf(dtype, bytes)), at)
      at += bytes.length / size
    }
  } finally {
    await handle.close()
  }
}

function noProgram(handle: Executable): NanoGptError {
  return new NanoGptError('invalid_argument', `no Program has the handle ${handle}`)
}

/** Converts data from the caller's format to the internal one. */
function held(dtype: Dtype, data: TypedArray): TypedArray {
  return dtype === 'bf16' ? fromBf16Bits(data as Uint16Array) : data
}

/** Converts data from the internal format to the caller's. */
function given(dtype: Dtype, data: TypedArray): TypedArray {
  return dtype === 'bf16' ? bf16Bits(data) : data
}

function load({ program, tensors, inputs }: Compiled, record: Uint8Array): void {
  let field = 0
  program.buffers.forEach((buffer, id) => {
    if (buffer.role !== 'input') return
    const { offset, elements, dtype } = inputs.fields[field++]
    const bytes = record.subarray(offset, offset + elements * bytesPerElement[dtype])
    tensors[id].data.set(held(dtype, arrayFrom(dtype, bytes)))
  })
}

function outputsOf({ program, tensors, outputs }: Compiled): Uint8Array {
  const values: Record<string, ArrayLike<number>> = {}
  program.buffers.forEach((buffer, id) => {
    if (buffer.role === 'output') values[buffer.name] = given(buffer.dtype, tensors[id].data)
  })
  return outputs.pack([values])
}

/** Milliseconds between the turns of the event loop during a long step. */
const millisecondsPerTurn = 20

async function execute(
  { program, tensors }: Compiled,
  step: number,
  phase: number,
  options: RunOptions,
  seconds: number[] | undefined,
  stopped: () => Failure | undefined,
): Promise<Failure | undefined> {
  let turn = performance.now()
  for (const [index, node] of program.ops.entries()) {
    if (performance.now() - turn > millisecondsPerTurn) {
      await nextTurn()
      const failure = stopped()
      if (failure) return failure
      turn = performance.now()
    }
    const place = { step, phase, op: index, opName: node.op }
    const start = seconds && performance.now()
    try {
      const outputs = node.outputs.map((id) => tensors[id])
      opsByName.get(node.op)!.reference(operandsOf(program, node, tensors), outputs, node.attributes)
      for (const id of node.outputs) {
        if (program.buffers[id].dtype === 'bf16') roundToBf16(tensors[id].data as FloatArray)
      }
    } catch (error) {
      if (error instanceof OutputError)
        return { ...place, ...notFinite(program, index, node.outputs[error.output]) }
      if (!(error instanceof InputError)) throw error
      return {
        ...place,
        code: error.code,
        message: error.message,
        buffer: program.buffers[node.inputs[error.input]].name,
      }
    }
    if (seconds) seconds[index] += (performance.now() - start!) / 1000
    const bad = options.checkFinite && firstNonFinite(node, tensors)
    if (bad) return { ...place, ...notFinite(program, index, bad.id, bad.element) }
  }
  return undefined
}

function operandsOf({ precision }: Program, { op, inputs }: Node, tensors: readonly Tensor[]): Tensor[] {
  const rounded = precision === 'tf32' ? (opsByName.get(op)!.tf32 ?? []) : []
  return inputs.map((id, slot) => {
    const { dtype, shape, data } = tensors[id]
    return rounded.includes(slot) ? new Tensor(dtype, shape, roundedToTf32(data as FloatArray)) : tensors[id]
  })
}

function firstNonFinite(node: Node, tensors: readonly Tensor[]) {
  for (const id of node.outputs) {
    const { data, dtype } = tensors[id]
    if (dtype !== 'f32' && dtype !== 'f64') continue
    const element = (data as Float32Array).findIndex((value) => !Number.isFinite(value))
    if (element >= 0) return { id, element }
  }
  return undefined
}

/** The failure of an op that wrote a value that is not finite, in the words of the native engine. */
function notFinite({ buffers, ops }: Program, op: number, id: number, element?: number) {
  const place = element === undefined ? 'in' : `element ${element} of`
  return {
    code: 'non_finite',
    message: `op ${op} (${ops[op].op}) computed a value that is not finite: ${place} "${buffers[id].name}", ${describe(buffers[id])}`,
    buffer: buffers[id].name,
  } as const
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
