// `bench roofline --paper m2`: the least time of a training step on a GPU, computed from its
// published peak. Each op takes the time of its operations or of its bytes, whichever is longer.
// Nothing is measured, and no device is opened.

import { createModel } from '../architectures/create'
import type { Program } from '../graph/program'
import { gradientProgram } from '../model/programs'
import { fusedOpNames } from '../ops'
import { updateProgram } from '../optim/update'
import { fuse } from '../passes/fuse'
import { inPrecision } from '../passes/precision'
import { findStepCases, resolveCase, type StepCase } from './cases'
import { chips } from './chips'
import { callOf, costOf } from './cost'
import { bound } from './peak'
import { corpusSpecOf } from './random_trainer'
import type { BenchOptions, Result } from './result'
import { defaultCase, groupOps } from './roofline'

/** Yields the ops of a step, the slowest first, and then the total. */
export async function* benchPaper(options: BenchOptions): AsyncGenerator<Result, void, void> {
  for (const each of findStepCases(options.only ?? [defaultCase])) yield* paperOf(each, options)
}

function* paperOf(each: StepCase, options: BenchOptions): Generator<Result, void, void> {
  const chip = options.paper!
  const peak = chips[chip]
  const { programs, batchSize, tokens } = stepPrograms(each, options)
  const groups = groupOps(
    programs,
    programs.map((program) =>
      program.ops.map((node) => 1000 * bound(costOf(node.op, callOf(program, node)), peak).seconds),
    ),
  )
  const sum = (of: (group: (typeof groups)[number]) => number) =>
    groups.reduce((total, group) => total + of(group), 0)
  const ms = sum((group) => group.ms)
  const common = {
    kind: 'paper',
    preset: each.preset,
    device: chip,
    ...(options.precision && { precision: options.precision }),
    batchSize,
  } as const
  for (const { name, calls, ms: expected, cost } of groups) {
    const { limit } = bound(cost, peak)
    yield {
      ...common,
      name: `${each.name} ${name}`,
      calls,
      ms: expected,
      part: expected / ms,
      ...cost,
      limit,
    }
  }
  const cost = { flops: sum((group) => group.cost.flops), bytes: sum((group) => group.cost.bytes) }
  const calls = sum((group) => group.calls)
  yield {
    ...common,
    name: each.name,
    calls,
    ms,
    part: 1,
    ...cost,
    tokensPerSecond: (1000 * tokens) / ms,
    peak,
  }
}

/** The Programs of a case's training step, with all fusions. */
function stepPrograms(each: StepCase, options: BenchOptions) {
  const { config, training } = resolveCase(each, options)
  const { model, parameters } = createModel(config)
  const { batchSize } = training
  const sizes = { batchSize, gradientAccumulationSteps: 1 }
  const gradient = gradientProgram(model, parameters, corpusSpecOf(config), sizes)
  const update = updateProgram(parameters, { ...training, gradientClip: training.gradientClip ?? Infinity })
  const programs: Program[] = [
    inPrecision(fuse(gradient, fusedOpNames), options.precision ?? 'f32'),
    fuse(update, fusedOpNames),
  ]
  return { programs, batchSize, tokens: batchSize * model.sizes.blockSize }
}
