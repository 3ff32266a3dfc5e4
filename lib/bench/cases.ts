// The training steps that are timed: those of the course's stages, by number, and of nanoGPT's two models.

import { createModel } from '../architectures/create'
import { openSession } from '../backend/devices'
import { shakespeareVocabSize as vocabSize } from '../data/shakespeare'
import { NanoGptError, option, say, suggest } from '../errors'
import { initializeWeights } from '../model/weights'
import { stateTensors } from '../optim/update'
import { findPreset } from '../presets'
import { seedFrom, word } from '../random/philox'
import { stages } from '../stages'
import { resolveNew } from '../train/resolve'
import { Trainer } from '../train/trainer'
import type { BenchOptions } from './result'

export interface StepCase {
  /** What results are called by: '09', 'cpu'. */
  readonly name: string
  readonly preset: string
  /** How PyTorch does the same; see scripts/torch/bench.py. */
  readonly variants: readonly string[]
  /** Whether scripts/mlx/bench.py does the same. */
  readonly mlx: boolean
}

export const corpusLength = 100_000
export const seed = seedFrom(1337)

export const stepCases: readonly StepCase[] = [
  ...stages
    .filter(({ number, numbers }) => numbers && number !== '00')
    .map(({ number, name }) => ({
      name: number,
      preset: name,
      variants: number === '09' ? ['reference', 'fused', 'compiled'] : ['reference'],
      mlx: number === '09',
    })),
  { name: 'cpu', preset: 'cpu', variants: ['fused', 'compiled'], mlx: true },
  { name: 'baby', preset: 'baby', variants: ['fused', 'compiled'], mlx: true },
]

/** The cases asked for, by number ('9', '09') or preset; all of them if none is. */
export function findStepCases(only: readonly string[] | undefined): StepCase[] {
  return findCases(stepCases, only, (wanted) =>
    stepCases.filter(({ name, preset }) => name === wanted.padStart(2, '0') || preset === wanted),
  )
}

/**
 * The cases that `match` finds for each name, in the order of the list.
 *
 * @throws NanoGptError that names the nearest if a name finds nothing
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
    reason: `there is no such case; there are ${names.join(', ')}`,
    ...(close !== undefined && { remedy: say`Did you mean ${option('only', close)}?` }),
  })
}

/** A preset's trainer on random tokens: speed does not depend on the text. */
export async function openTrainer(preset: string, options: BenchOptions) {
  const found = findPreset(preset)
  const { model, parameters } = createModel({ ...found.model, vocabSize })
  const session = await openSession(options)
  try {
    await initializeWeights(session, parameters, seed)
    const training = {
      ...resolveNew({ preset, precision: options.precision }).training,
      batchSize: options.batchSize ?? found.training.batchSize,
      gradientAccumulationSteps: 1,
    }
    for (const { name, shape } of stateTensors(parameters, training)) {
      await session.allocate(name, 'f32', shape)
    }
    const tokens = Uint16Array.from({ length: corpusLength }, (_, i) => word(i, 0, 0, seed) % vocabSize)
    const corpus = { train: tokens, validation: tokens }
    const trainer = await Trainer.create({ session, model, parameters, training, seed, corpus })
    return { session, trainer, batchSize: training.batchSize }
  } catch (error) {
    await session.dispose()
    throw error
  }
}
