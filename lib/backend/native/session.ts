// A session on the native engine. It encodes Programs and arrays and delegates everything else to
// the addon.

import { availableParallelism } from 'node:os'
import { type ErrorCode, NanoGptError, option, Phrase } from '../../errors'
import {
  bytesOf,
  bytesPerElement,
  type Dtype,
  type Shape,
  sizeOf,
  type TypedArray,
  viewOf,
} from '../../graph/dtype'
import type { Program } from '../../graph/program'
import { encode } from '../../graph/wire'
import { opsByName } from '../../ops'
import type { Executable, FileRange, Phase, RunOptions, RunResult, Session, SessionMemory } from '../backend'
import { mostThreads } from '../names'
import type { Addon, NativeSessionHandle } from './addon'

export interface NativeOptions {
  /** A device of the native engine. Default: 'cpu'. */
  device?: string
  /** Instruction set of the CPU kernels. Default: the best that this processor supports. */
  instructionSet?: string
}

export class NativeSession implements Session {
  readonly device: string
  readonly instructionSet?: string
  readonly fusedOps: readonly string[]
  private readonly handle: NativeSessionHandle
  private readonly tensors = new Map<string, Stored>()

  constructor(addon: Addon, options: NativeOptions = {}) {
    this.device = options.device ?? 'cpu'
    const { fusedOps, instructionSet } = addon.info()
    this.fusedOps = fusedOps
    if (this.device === 'cpu') this.instructionSet = options.instructionSet ?? instructionSet
    try {
      this.handle = new addon.Session({ ...options, device: this.device })
    } catch (error) {
      const { instructionSet } = options
      const coded = withCode(error)
      if (instructionSet === undefined || coded.code !== 'unsupported') throw coded
      throw coded.with({ option: 'instructionSet', value: instructionSet, remedy: 'leave it out' })
    }
  }

  async allocate(name: string, dtype: Dtype, shape: Shape): Promise<void> {
    const tensor = { name, dtype, bytes: sizeOf(shape) * bytesPerElement[dtype] }
    await named(this.handle.allocate(name, dtype, [...shape]), tensor)
    this.tensors.set(name, tensor)
  }

  async write(name: string, data: TypedArray, first?: number): Promise<void> {
    const tensor = this.tensors.get(name)
    if (first !== undefined && !Number.isSafeInteger(first))
      throw new NanoGptError('invalid_argument', `${name} has no element ${first}`)
    const offset = first === undefined ? undefined : first * bytesPerElement[tensor?.dtype ?? 'f32']
    return named(this.handle.write(name, bytesOf(data), offset), tensor)
  }

  async map(name: string, dtype: Dtype, shape: Shape, { path, offset }: FileRange): Promise<void> {
    const tensor = { name, dtype, bytes: sizeOf(shape) * bytesPerElement[dtype] }
    await named(this.handle.map(name, dtype, [...shape], path, offset), tensor)
    this.tensors.set(name, tensor)
  }

  async read(name: string): Promise<TypedArray> {
    const bytes = await named(this.handle.read(name), this.tensors.get(name))
    return viewOf(this.tensors.get(name)!.dtype, bytes)
  }

  compile(program: Program): Promise<Executable> {
    return named(this.handle.compile(encode(program, opsByName)))
  }

  release(executable: Executable): Promise<void> {
    return named(this.handle.release(executable))
  }

  run(steps: number, phases: readonly Phase[], options?: RunOptions): Promise<RunResult> {
    return named(this.handle.run(steps, phases, options))
  }

  memory(): Promise<SessionMemory> {
    return named(this.handle.memory())
  }

  cancel(): void {
    this.handle.cancel()
  }

  abandon(): void {
    this.handle.abandon()
  }

  dispose(): Promise<void> {
    return named(this.handle.dispose())
  }
}

/** A tensor of the Store. */
interface Stored {
  readonly name: string
  readonly dtype: Dtype
  readonly bytes: number
}

/**
 * Converts the addon's errors, which carry a code, to NanoGptErrors.
 *
 * @param tensor the tensor to name in an 'out_of_memory' error
 */
async function named<T>(promise: Promise<T>, tensor?: Stored): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw withCode(error, tensor)
  }
}

function withCode(error: unknown, tensor?: Stored): NanoGptError {
  const { code = 'internal', message: reason } = error as Error & { code?: ErrorCode }
  if (tensor === undefined || code !== 'out_of_memory')
    return new NanoGptError(code, marked(reason), { cause: error })
  const { name, bytes } = tensor
  return new NanoGptError(
    code,
    {
      ...(!reason.includes(name) && { subject: name }),
      reason: marked(/\d bytes/.test(reason) ? reason : `${reason} (${bytes} bytes)`),
    },
    { cause: error },
  )
}

/**
 * Converts a native message, which puts option names in backticks. No tensor name contains a
 * backtick.
 */
function marked(message: string): Phrase {
  return new Phrase(message.split('`').map((part, i) => (i % 2 === 1 ? option(part) : part)))
}

let sized = false

/**
 * Sets the number of threads of the process-wide pool.
 *
 * @param threads default: unchanged, which is `os.availableParallelism()` at first
 */
export async function setThreads(addon: Addon, threads?: number): Promise<void> {
  if (threads === undefined && sized) return
  const wanted = threads ?? Math.min(availableParallelism(), mostThreads)
  if (addon.info().threads !== wanted) await named(addon.setThreads(wanted))
  sized = true
}
