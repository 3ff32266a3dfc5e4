// Options of calls that use a trained model: load(), generate(), evaluate() and the methods of
// Model.

import { defaultField } from '../data/documents'
import { show } from '../errors'
import { dataOptions } from './data'
import { generateOptions } from './generate'
import { machineOptions } from './machine'
import type { Table } from './row'
import { signalOption } from './signal'
import { choice, path, whole } from './types'

/** The base of adapters that are loaded. */
export const baseOption = {
  type: path('<dir|file>'),
  group: 'data',
  help: 'the model that adapters were trained on, if it has moved',
  otherNames: ['baseModel', 'baseModelNameOrPath'],
  default: { words: 'where it was' },
} as const

export const loadOptions = {
  checkpoint: {
    type: choice(['best', 'last']),
    group: 'data',
    help: "checkpoint of a run: 'best' by validation loss, or 'last'",
    default: 'best',
  },
  blockSize: {
    type: whole(),
    group: 'model',
    help: "context length, in tokens, up to the model's",
    otherNames: ['context', 'contextLength'],
    default: { words: "the model's; in a Hugging Face folder at most 1024" },
  },
  base: baseOption,
  ...machineOptions,
} as const satisfies Table

/** The trained model of a call. */
export const modelOption = {
  type: path('<dir|file>'),
  group: 'data',
  help: 'run folder, checkpoint file or Hugging Face folder',
  commandLine: {
    help: 'run folder or its name in runs/, checkpoint file or Hugging Face folder',
    default: 'the newest run in runs/',
  },
} as const

/** Options of generate(), which loads a model, generates once and frees it. */
export const generateFromOptions = {
  model: modelOption,
  ...loadOptions,
  ...generateOptions,
} as const satisfies Table

const asInTraining = (otherwise: string) => ({ words: `as in training; ${otherwise} for another text` })

export const evaluateOptions = {
  model: modelOption,
  ...loadOptions,
  data: { ...dataOptions.data, default: { words: 'the text the model was trained on' } },
  lineEndings: {
    ...dataOptions.lineEndings,
    default: asInTraining("'normalize'"),
  },
  field: { ...dataOptions.field, default: asInTraining(show(defaultField)) },
  separator: { ...dataOptions.separator, default: asInTraining('the usual one') },
  signal: signalOption('ends the evaluation'),
} as const satisfies Table
