// `bench roofline`: the time of each op of a training step, compared with the peak of the processor
// or GPU.

import { NanoGptError } from '../errors'
import { sizeOf } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { Trainer } from '../train/trainer'
import { findStepCases, openTrainer, type StepCase } from './cases'
import { type Cost, callOf, costOf, type OpCall } from './cost'
import { type Side, timesIn } from './measure'
import { achieved, measurePeak } from './peak'
import type { BenchOptions, Peak, Result } from './result'

export const defaultCase = '09'

/** Ops with the same name and sizes. */
export interface Group {
  readonly op: string
  /** The op and its sizes. */
  readonly name: string
  /** Calls in a step. */
  readonly calls: number
  /** Milliseconds of all calls in a step. */
  readonly ms: number
  /** Of all calls in a step. */
  readonly cost: Cost
}

/** The times of a training step. */
export interface StepTimes {
  /** Milliseconds, also of what is outside ops. */
  readonly ms: number
  /** Milliseconds of each op of each Program, summed over its runs in a step. */
  readonly timings: readonly (readonly number[])[]
}

/**
 * Yields the ops of a step, the slowest first, then the time outside ops, and the total. The peak
 * is measured once for all cases.
 */
export async function* benchRoofline(options: BenchOptions): AsyncGenerator<Result, void, void> {
  const chosen = findStepCases(options.only ?? [defaultCase])
  const peak = await measurePeak(options)
  for (const each of chosen) yield* rooflineOf(each, options, peak)
}

async function* rooflineOf(
  each: StepCase,
  options: BenchOptions,
  peak: Peak | undefined,
): AsyncGenerator<Result, void, void> {
  const { device, batchSize, programs, ms, timings } = await timedStep(each, options)
  const groups = groupOps(programs, timings)
  const common = {
    kind: 'roofline',
    preset: each.preset,
    device,
    threads: options.threads,
    ...(options.precision && { precision: options.precision }),
    batchSize,
  } as const
  const name = (part: string) => `${each.name} ${part}`
  for (const { calls, ms: spent, cost, ...group } of groups) {
    const rates = achieved(cost, spent, peak)
    yield { ...common, name: name(group.name), calls, ms: spent, part: spent / ms, ...rates }
  }
  const inOps = groups.reduce((sum, group) => sum + group.ms, 0)
  yield { ...common, name: name('(outside ops)'), ms: ms - inOps, part: (ms - inOps) / ms }
  const flops = groups.reduce((sum, { cost }) => sum + cost.flops, 0)
  const total = {
    flopsPerSecond: (1000 * flops) / ms,
    ...(peak && { share: (1000 * flops) / ms / peak.flopsPerSecond }),
  }
  yield { ...common, name: each.name, ms, part: 1, ...total, ...(peak && { peak }) }
}

/** The median round, and what it ran. */
async function timedStep(each: StepCase, options: BenchOptions) {
  const { session, trainer, batchSize } = await openTrainer(each, options)
  try {
    const rounds = await timeStep(trainer, `bench ${each.name}`, options.rounds)
    return { ...rounds[rounds.length >> 1], programs: trainer.programs, device: session.device, batchSize }
  } finally {
    await session.dispose()
  }
}

/**
 * Times a training step and its ops.
 *
 * @param name for errors
 * @param rounds of a quarter of a second, or of one step if it takes longer
 * @returns the rounds, the fastest first
 * @throws the signal's reason
 */
export async function timeStep(
  trainer: Trainer,
  name: string,
  rounds: number,
  signal?: AbortSignal,
): Promise<StepTimes[]> {
  let step = 0
  let timings: number[][] = []
  const side: Side = {
    name,
    run: async (count) => {
      signal?.throwIfAborted()
      const start = performance.now()
      const result = await trainer.steps(step, count, { timings: true })
      signal?.throwIfAborted()
      if (result.failure) throw new NanoGptError(result.failure.code, `${name}: ${result.failure.message}`)
      step += count
      timings = result.timings!.map((ops) => ops.map((seconds) => (1000 * seconds) / count))
      return (performance.now() - start) / count
    },
  }
  const count = await timesIn(side, 0.25)
  const found: StepTimes[] = []
  for (let i = 0; i < rounds; i++) found.push({ ms: await side.run(count), timings })
  return found.sort((a, b) => a.ms - b.ms)
}

/**
 * Sums up ops with the same name and sizes.
 *
 * @param runs how often each Program runs in a step. Default: once
 */
export function groupOps(
  programs: readonly Program[],
  timings: StepTimes['timings'],
  runs: readonly number[] = programs.map(() => 1),
): Group[] {
  const groups = new Map<string, Group>()
  programs.forEach((program, phase) => {
    program.ops.forEach((node, index) => {
      const { op } = node
      const call = callOf(program, node)
      const name = `${op} ${sizesOf(op, call)}`
      const cost = costOf(op, call)
      const before = groups.get(name) ?? { calls: 0, ms: 0, cost: { flops: 0, bytes: 0 } }
      groups.set(name, {
        op,
        name,
        calls: before.calls + runs[phase],
        ms: before.ms + timings[phase][index],
        cost: {
          flops: before.cost.flops + runs[phase] * cost.flops,
          bytes: before.cost.bytes + runs[phase] * cost.bytes,
        },
      })
    })
  })
  return [...groups.values()].sort((a, b) => b.ms - a.ms)
}

const fewTensors = 8

/** The sizes that decide the cost of an op: the operands of a product, or the largest tensor. */
export function sizesOf(op: string, { inputs, outputs, attributes }: OpCall): string {
  const shape = (index: number, transposed: unknown) => `[${inputs[index].shape}]${transposed ? 'ᵀ' : ''}`
  const { transpose_a: a, transpose_b: b } = attributes
  if (op === 'linear') return `${shape(0, false)}·${shape(1, true)}${attributes.relu ? ' relu' : ''}`
  if (op === 'matmul_accumulate') return `${shape(1, a)}·${shape(2, b)}`
  if (op === 'matmul' || op === 'batched_matmul') return `${shape(0, a)}·${shape(1, b)}`
  const all = [...inputs, ...outputs]
  const elements = inputs.reduce((sum, input) => sum + sizeOf(input.shape), 0)
  if (all.length > fewTensors && inputs.length > fewTensors) {
    return `${elements} in ${inputs.length} tensors`
  }
  const largest = all.reduce((most, spec) => (sizeOf(spec.shape) > sizeOf(most.shape) ? spec : most))
  return `[${largest.shape}]`
}
