// What the optimizers and the learning rate's schedules are called, in options, checkpoints and presets.

export const optimizerNames = ['adamw', 'muon', 'sgd'] as const
export type OptimizerName = (typeof optimizerNames)[number]

export const scheduleNames = ['constant', 'cosine', 'linear', 'wsd'] as const
export type ScheduleName = (typeof scheduleNames)[number]

/** What a checkpoint holds where optimizer or schedule take no such number; but for momentum they are defaults too. */
export const notUsed = {
  momentum: 0,
  momentumWarmup: 0,
  nesterov: false,
  matrixLearningRate: 0.02,
  minLearningRate: 0,
  decayPart: 0.2,
}
