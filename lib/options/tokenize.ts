// The options of `nano-gpt tokenize`: a model, whose tokenizer is used, or a new tokenizer.

import { say } from '../errors'
import { loadOptions, modelOption } from './load'
import type { Table } from './row'
import { trainOptions } from './train'

const { data, lineEndings, tokenizer, vocabSize } = trainOptions

export const tokenizeOptions = {
  model: { ...modelOption, help: 'run folder, checkpoint file or Hugging Face folder with the tokenizer' },
  checkpoint: loadOptions.checkpoint,
  base: loadOptions.base,
  tokenizer: { ...tokenizer, default: { words: say`the model's; with a text, ${tokenizer.default}` } },
  vocabSize,
  data: {
    ...data,
    help: 'text from which a new tokenizer is learned',
    default: { words: 'none' },
    commandLine: { help: 'text from which a new tokenizer is learned; may be repeated' },
  },
  lineEndings,
} as const satisfies Table
