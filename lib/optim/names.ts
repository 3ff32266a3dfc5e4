// The names of optimizers and learning rate schedules in options, checkpoints and presets.

export const optimizerNames = ['adamw', 'muon', 'sgd'] as const
export type OptimizerName = (typeof optimizerNames)[number]

export const scheduleNames = ['constant', 'cosine', 'linear', 'wsd'] as const
export type ScheduleName = (typeof scheduleNames)[number]
