// `bench ops`: how long single ops take, and how far that is from what the processor can do.

import type { Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { openSession } from '../backend/devices'
import { NanoGptError } from '../errors'
import { allocate, sizeOf } from '../graph/dtype'
import type { Program } from '../graph/program'
import { Trace } from '../graph/trace'
import { findCases, vocabSize } from './cases'
import { costOfProgram } from './cost'
import { measure, type Ours } from './measure'
import { type OpCase, opCases } from './op_cases'
import { achieved, measurePeak } from './peak'
import type { BenchOptions, Peak, Result } from './result'
import { TorchProcess } from './torch'

/** Inputs of the cases, by name; a case takes those that its Program has. */
const inputs = { rng: [1, 2, 3], step: 1, learningRate: 1e-3, momentum: 0.95, scale: 1 }

export async function* benchOps(options: BenchOptions): AsyncGenerator<Result, void, void> {
  const all = opCases(options.batchSize)
  // 'gemm' stands for all whose names begin so.
  const chosen = findCases(all, options.only, (wanted) =>
    all.filter(({ name }) => name === wanted || name.startsWith(`${wanted}-`)),
  )
  const peak = await measurePeak(options)
  const torch =
    options.python && new TorchProcess(options.python, 'bench_ops.py', ['--threads', String(options.threads)])
  try {
    for (const each of chosen) yield await benchOp(each, options, peak, torch || undefined)
  } finally {
    if (torch) torch.close()
  }
}

async function benchOp(
  each: OpCase,
  options: BenchOptions,
  peak: Peak | undefined,
  torch: TorchProcess | undefined,
): Promise<Result> {
  const trace = new Trace(each.name)
  each.build(trace)
  const program = trace.finish()
  if (torch) await torch.ask(JSON.stringify(each.torch))
  const ours = await ourOp(program, options)
  const theirs = torch ? [torch.side('torch', (count) => `run ${count}`)] : []
  const { ms, others } = await measure([ours, ...theirs], options)
  return {
    kind: 'ops',
    name: each.name,
    device: ours.device,
    threads: options.threads,
    ...(options.batchSize && { batchSize: options.batchSize }),
    shapes: each.shapes,
    ms,
    ...achieved(costOfProgram(program), ms, ours.device === 'js' ? undefined : peak),
    ...(others.length > 0 && { torch: others }),
  }
}

async function ourOp(program: Program, options: BenchOptions): Promise<Ours & { device: string }> {
  const session = await openSession(options)
  const compiled = await prepare(session, program)
  return {
    name: 'nano-gpt',
    device: session.device,
    run: async (count) => {
      const records = Array.from({ length: count }, () => inputs)
      const { seconds, failure } = await session.run(count, [
        { program: compiled.handle, times: 1, inputs: compiled.inputs.pack(records) },
      ])
      if (failure) throw new NanoGptError(failure.code, `bench ${program.name}: ${failure.message}`)
      return (1000 * seconds) / count
    },
    close: () => session.dispose(),
  }
}

async function prepare(session: Session, program: Program): Promise<Compiled> {
  for (const { name, dtype, shape, role } of program.buffers) {
    if (role !== 'store') continue
    await session.allocate(name, dtype, shape)
    const values = allocate(dtype, sizeOf(shape))
    // Below 1 and none of them tiny, as a tensor's numbers are; an integer is a token.
    const value = (i: number) => (dtype === 'f32' ? ((i * 7919) % 1009) / 1009 + 0.01 : i % vocabSize)
    for (let i = 0; i < values.length; i++) values[i] = value(i)
    await session.write(name, values)
  }
  return compile(session, program)
}
