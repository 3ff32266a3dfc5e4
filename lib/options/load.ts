// Options of calls that are about a trained model: load(), generate(), evaluate() and the model's own.

import { say } from '../errors'
import { dataOptions } from './data'
import { generateOptions } from './generate'
import { machineOptions } from './machine'
import type { Table } from './row'
import { signalOption } from './signal'
import { choice, path } from './types'

export const loadOptions = {
  checkpoint: {
    type: choice(['best', 'last']),
    group: 'data',
    help: "of a run folder: 'best', the lowest validation loss, or 'last'",
    default: 'best',
  },
  ...machineOptions,
} as const satisfies Table

const model = {
  type: path('<dir|file>'),
  group: 'data',
  help: 'a run folder or a checkpoint',
  commandLine: { default: 'the newest run in runs/' },
} as const

/** generate(): loads, generates once and frees the model. */
export const generateFromOptions = { model, ...loadOptions, ...generateOptions } as const satisfies Table

export const evaluateOptions = {
  model,
  ...loadOptions,
  data: { ...dataOptions.data, default: { words: 'the text it was trained on' } },
  lineEndings: {
    ...dataOptions.lineEndings,
    default: { words: say`as in training; for another text 'normalize'` },
  },
  signal: signalOption('ends the evaluation'),
} as const satisfies Table

/** model.loss() */
export const lossOptions = {
  signal: signalOption('ends the computation'),
} as const satisfies Table
