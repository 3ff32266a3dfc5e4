// `bench ops`: the time of single ops, compared with the peak of the processor or GPU.

import { openSession } from '../backend/devices'
import type { Program } from '../graph/program'
import { Trace } from '../graph/trace'
import { findCases } from './cases'
import { RivalProcess, rivalArguments } from './competitors'
import { costOfProgram } from './cost'
import { measure } from './measure'
import { type OpCase, opCases } from './op_cases'
import { achieved, measurePeak } from './peak'
import { prepare, timeRuns } from './prepare'
import type { BenchOptions, Peak, Result } from './result'

export async function* benchOps(options: BenchOptions): AsyncGenerator<Result, void, void> {
  const all = opCases(options.batchSize)
  // A prefix such as 'gemm' selects all ops that begin with it.
  const chosen = findCases(all, options.only, (wanted) =>
    all.filter(({ name }) => name === wanted || name.startsWith(`${wanted}-`)),
  )
  const peak = await measurePeak(options)
  const args = options.python ? await rivalArguments('torch', options) : []
  const torch = options.python && new RivalProcess('torch', options.python, 'bench_ops.py', args)
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
  torch: RivalProcess | undefined,
): Promise<Result> {
  const trace = new Trace(each.name)
  each.build(trace)
  if (torch) await torch.ask(JSON.stringify(each.torch))
  const ours = await ourOp(trace.finish(), options)
  const theirs = torch ? [torch.side('torch', (count) => `run ${count}`)] : []
  const { ms, others } = await measure([ours, ...theirs], options)
  return {
    kind: 'ops',
    name: each.name,
    device: ours.device,
    threads: options.threads,
    ...(options.precision && { precision: options.precision }),
    ...(options.batchSize && { batchSize: options.batchSize }),
    shapes: each.shapes,
    ms,
    ...achieved(costOfProgram(ours.program), ms, peak),
    ...(others.length > 0 && { torch: others }),
  }
}

async function ourOp(traced: Program, options: BenchOptions) {
  const session = await openSession(options)
  const compiled = await prepare(session, traced, options.precision)
  return {
    name: 'nano-gpt',
    device: session.device,
    program: compiled.program,
    run: (count: number) => timeRuns(session, compiled, count),
    close: () => session.dispose(),
  }
}
