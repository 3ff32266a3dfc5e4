// The training steps that are timed: those of the course's stages, of nanoGPT's two models ('cpu' and
// 'baby'), and of fine-tuning GPT-2.

import { shakespeareVocabSize } from '../data/shakespeare'
import { NanoGptError, option, say, suggest } from '../errors'
import type { CheckedTrainOptions } from '../options'
import { stages } from '../stages'
import { resolveNew } from '../train/resolve'
import { openRandom, type StepOf } from './random_trainer'
import type { BenchOptions } from './result'

export interface StepCase {
  /** The name in results: '09', 'cpu'. */
  readonly name: string
  readonly preset: string
  /** What differs from the preset. */
  readonly options?: CheckedTrainOptions
  readonly vocabSize: number
  /** The PyTorch variants that do the same; see scripts/torch/bench.py. */
  readonly variants: readonly string[]
  /** Whether scripts/mlx/bench.py does the same. */
  readonly mlx: boolean
  /** Whether its peak memory is measured too. The others need little. */
  readonly large?: boolean
  /** Whether it is measured only if it is named. */
  readonly onlyNamed?: boolean
}

const nanoGptCase = (name: 'cpu' | 'baby'): StepCase => ({
  name,
  preset: name,
  vocabSize: shakespeareVocabSize,
  variants: ['fused', 'compiled'],
  mlx: true,
})

/** GPT-2 with 124 million parameters, on short sequences. */
const gpt2: StepCase = {
  name: 'gpt2',
  preset: 'gpt',
  options: {
    blockSize: 64,
    embed: 768,
    heads: 12,
    layers: 12,
    dropout: 0,
    activation: 'gelu-tanh',
    normEpsilon: 1e-5,
    qkvBias: true,
    outputBias: false,
    tiedEmbeddings: true,
    init: 'gpt2',
    batchSize: 4,
  },
  vocabSize: 50257,
  variants: ['transformers'],
  mlx: false,
  large: true,
  onlyNamed: true,
}

export const stepCases: readonly StepCase[] = [
  ...stages
    .filter(({ number, numbers }) => numbers && number !== '00')
    .map(({ number, name }) => ({
      name: number,
      preset: name,
      vocabSize: shakespeareVocabSize,
      variants: number === '09' ? ['reference', 'fused', 'compiled'] : ['reference'],
      mlx: number === '09',
      large: number === '09',
    })),
  nanoGptCase('cpu'),
  nanoGptCase('baby'),
  gpt2,
]

/** The cases for the given numbers ('9', '09') or presets. Default: all but those `onlyNamed`. */
export function findStepCases(only: readonly string[] | undefined): StepCase[] {
  if (!only) return stepCases.filter(({ onlyNamed }) => !onlyNamed)
  return findCases(stepCases, only, (wanted) =>
    stepCases.filter(({ name, preset }) => name === wanted.padStart(2, '0') || preset === wanted),
  )
}

/**
 * The cases that `match` finds for each name, in the order of `all`.
 *
 * @throws NanoGptError 'option' that suggests the nearest case for an unknown name
 */
export function findCases<Case extends { readonly name: string; readonly preset?: string }>(
  all: readonly Case[],
  only: readonly string[] | undefined,
  match: (wanted: string) => readonly Case[],
): Case[] {
  if (!only) return [...all]
  const chosen = new Set<Case>()
  for (const wanted of only) {
    const found = match(wanted)
    if (found.length === 0) throw unknownCase(wanted, all)
    for (const each of found) chosen.add(each)
  }
  return all.filter((each) => chosen.has(each))
}

function unknownCase(
  wanted: string,
  all: readonly { readonly name: string; readonly preset?: string }[],
): NanoGptError {
  const names = all.map(({ name }) => name)
  const presets = all.flatMap(({ preset }) => preset ?? [])
  const close = suggest(wanted, [...names, ...presets])
  return new NanoGptError('option', {
    where: 'bench',
    option: 'only',
    value: wanted,
    reason: `there is no such case; the cases are ${names.join(', ')}`,
    ...(close !== undefined && { remedy: say`Did you mean ${option('only', close)}?` }),
  })
}

/** The model of a case, and its training options. */
export function resolveCase(
  { preset, options, vocabSize }: StepCase,
  { batchSize, precision }: BenchOptions,
): StepOf {
  const { model, training } = resolveNew({ preset, ...options, ...(precision && { precision }) })
  return {
    config: { ...model, vocabSize },
    training: { ...training, batchSize: batchSize ?? training.batchSize, gradientAccumulationSteps: 1 },
  }
}

/** Opens a trainer of a case. */
export async function openTrainer(each: StepCase, options: BenchOptions) {
  const step = resolveCase(each, options)
  return { ...(await openRandom(step, options)), batchSize: step.training.batchSize }
}
