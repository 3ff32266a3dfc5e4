// The options of `nano-gpt stages`: those of `train` that leave a stage what it is.

import type { Table } from './row'
import { trainOptions } from './train'

const { data, lineEndings, steps, seed, out, overwrite, device, threads, instructionSet } = trainOptions

export const stageOptions = {
  data,
  lineEndings,
  steps: { ...steps, help: 'updates', default: { words: "the stage's" } },
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
