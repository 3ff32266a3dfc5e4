// The options of `nano-gpt stages`: those of `train` that do not change a stage's model.

import type { Table } from './row'
import { trainOptions } from './train'

const { data, lineEndings, steps, seed, out, overwrite, device, threads, instructionSet } = trainOptions

export const stageOptions = {
  data,
  lineEndings,
  steps: { ...steps, help: 'number of steps (weight updates)', default: { words: "the stage's own" } },
  seed,
  out: {
    ...out,
    commandLine: { default: 'none; stage 09: runs/stage-09-<date>-<time>' },
  },
  overwrite,
  device,
  threads,
  instructionSet,
} as const satisfies Table
