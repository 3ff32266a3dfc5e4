// `bench steps`: the time of a training step.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { NanoGptError, reasonOf } from '../errors'
import { findStepCases, openTrainer, type StepCase } from './cases'
import { type Competitor, RivalProcess, rivalArguments } from './competitors'
import { measure, type Side } from './measure'
import type { BenchOptions, Comparison, Result } from './result'

export async function* benchSteps(options: BenchOptions): AsyncGenerator<Result, void, void> {
  for (const each of findStepCases(options.only)) yield await benchStep(each, options)
}

async function benchStep(each: StepCase, options: BenchOptions): Promise<Result> {
  const competitors = await rivalSteps(each, options)
  try {
    const ours = await ourSteps(each, options)
    // Peak memory is that of the process, which does not include a GPU's memory.
    const withMemory = each.large && competitors.length > 0 && !/^(cuda|metal)/.test(ours.device)
    const { ms, others } = await measure([ours, ...competitors.map(({ side }) => side)], options)
    const torch: Comparison[] = []
    for (const [index, other] of others.entries()) {
      const memory = withMemory ? await competitors[index].process.ask('memory') : {}
      torch.push({ ...other, ...memory })
    }
    return {
      kind: 'steps',
      name: each.name,
      preset: each.preset,
      device: ours.device,
      threads: options.threads,
      ...(options.precision && { precision: options.precision }),
      batchSize: ours.batchSize,
      ms,
      ...(torch.length > 0 && { torch }),
      ...(withMemory && { peakBytes: await peakMemory(each.name, options) }),
    }
  } finally {
    for (const { process } of competitors) process.close()
  }
}

async function ourSteps(each: StepCase, options: BenchOptions) {
  const { session, trainer, batchSize } = await openTrainer(each, options)
  let step = 0
  return {
    name: 'nano-gpt',
    device: session.device,
    batchSize,
    async run(count: number) {
      const start = performance.now()
      const { failure } = await trainer.steps(step, count)
      if (failure) throw new NanoGptError(failure.code, `bench ${each.name}: ${failure.message}`)
      step += count
      return (performance.now() - start) / count
    },
    close: () => session.dispose(),
  }
}

/** Starts the variants that work on this machine. For example, torch.compile needs a compiler. */
async function rivalSteps({ name, variants, mlx }: StepCase, options: BenchOptions) {
  const found: { side: Side; process: RivalProcess }[] = []
  const { python, compare = ['torch'] } = options
  if (!python) return found
  const wanted: { competitor: Competitor; variant: string; args: string[] }[] = []
  if (compare.includes('torch')) {
    for (const variant of variants)
      wanted.push({ competitor: 'torch', variant, args: ['--variant', variant] })
  }
  if (compare.includes('mlx') && mlx) wanted.push({ competitor: 'mlx', variant: 'mlx', args: [] })
  for (const { competitor, variant, args: own } of wanted) {
    const args = ['--stage', name, ...own, ...(await rivalArguments(competitor, options))]
    if (options.batchSize) args.push('--batch-size', String(options.batchSize))
    const process = new RivalProcess(competitor, python, 'bench.py', args)
    try {
      await process.ask('run 1')
      found.push({ side: process.side(variant, (count) => `run ${count}`), process })
    } catch (error) {
      process.close()
      if (variant === 'compiled') options.note?.(`torch.compile does not work here: ${reasonOf(error)}`)
      else {
        for (const other of found) other.process.close()
        throw error
      }
    }
  }
  return found
}

/** The peak memory in bytes of a process that only trains, like PyTorch's process. */
async function peakMemory(name: string, options: BenchOptions): Promise<number> {
  const { device, threads, instructionSet, batchSize } = options
  const request = JSON.stringify({ name, device, threads, instructionSet, batchSize })
  const { stdout } = await promisify(execFile)(process.execPath, [join(__dirname, 'memory.js'), request])
  return Number(stdout)
}
