// Short runs of train(), and their results.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Model } from '../../lib/api/model'
import type { TypedArray } from '../../lib/graph/dtype'
import { rowOf, type TrainOptions, trainingNames, trainOptions } from '../../lib/options'
import type { TrainEvent } from '../../lib/train/events'
import type { Run } from '../../lib/train/run'
import { someText } from './text'

/** A few steps of a bigram: milliseconds on every device. */
export const short: TrainOptions = {
  data: { text: someText() },
  preset: 'bigram',
  batchSize: 4,
  steps: 10,
  evalInterval: 5,
  evalBatches: 2,
  seed: 7,
}

/** A few steps of a small decoder with every feature of a step. */
export const decoder: TrainOptions = {
  ...short,
  preset: 'decoder',
  blockSize: 11,
  embed: 15,
  heads: 3,
  layers: 2,
  dropout: 0.2,
  gradientAccumulationSteps: 2,
  gradientClip: 0.8,
  batchSize: 3,
}

/** The options of a training that it doesn't use, or that were added after 0.1.0. */
export const unusedTraining: Readonly<Record<string, unknown>> = Object.fromEntries(
  trainingNames
    .map((name) => [name, rowOf(trainOptions, name).unused] as const)
    .filter(([, unused]) => unused !== undefined),
)

/** A folder that is removed after the tests of this file. */
export function temporaryFolder(): { path(...names: string[]): string } {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nano-gpt-test-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  return { path: (...names) => join(folder, ...names) }
}

/** All events of a run, from the start to its end or failure. */
export async function eventsOf(run: Run<Model>): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

export function ofType<T extends TrainEvent['type']>(events: readonly TrainEvent[], type: T) {
  return events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type)
}

export const lossesOf = (events: readonly TrainEvent[]) =>
  ofType(events, 'step').flatMap(({ losses }) => losses)

/** The weights, by path. */
export async function parametersOf(model: Model): Promise<Record<string, TypedArray>> {
  return Object.fromEntries([...(await model.parameters())].map(([path, { data }]) => [path, data]))
}
