// Tells of which stage of the course a run is.

import type { ModelConfig } from '../model/config'
import { type TrainingConfig, trainOptions } from '../options'
import { findPreset, type TrainingDefaults } from '../presets'
import { stages } from '../stages'

/** What all runs of a stage share. They may differ in how long they train, and how they are evaluated. */
export type Compared = Pick<TrainingConfig, 'batchSize' | 'learningRate' | 'weightDecay'>

const wanted = stages
  .filter(({ numbers }) => numbers)
  .map(({ number, name }) => {
    const { model, training } = findPreset(name)
    const { batchSize, learningRate, weightDecay }: TrainingDefaults = training
    const compared = { batchSize, learningRate, weightDecay: weightDecay ?? trainOptions.weightDecay.default }
    return { number, values: Object.entries({ ...model, ...compared }) }
  })

/** The number of the stage with this model and these training options; null if it is of none. */
export function stageOf(model: ModelConfig, training: Partial<Compared>): string | null {
  const actual: Readonly<Record<string, unknown>> = { ...model, ...training }
  const found = wanted.find(({ values }) => values.every(([name, value]) => actual[name] === value))
  return found?.number ?? null
}
