// Options of a model's export(), and of `nano-gpt export`, which loads a model first.

import { loadOptions, modelOption } from './load'
import type { Table } from './row'
import { choice, flag, path } from './types'

export const exportFormats = ['huggingface', 'gguf', 'peft'] as const
export type ExportFormat = (typeof exportFormats)[number]

export const exportDtypes = ['f32', 'f16', 'bf16', 'q8_0'] as const
export type ExportDtype = (typeof exportDtypes)[number]

export const exportOptions = {
  format: {
    type: choice(exportFormats),
    group: 'export',
    help: "'huggingface' for transformers; 'gguf' for llama.cpp, Ollama; 'peft': adapters alone",
    otherNames: ['to', 'type'],
    default: 'huggingface',
  },
  dtype: {
    type: choice(exportDtypes),
    group: 'export',
    help: "format of the weights: 'bf16' only in huggingface, 'q8_0' only in gguf",
    otherNames: ['precision', 'outtype', 'quantize', 'torchDtype'],
    default: 'f32',
  },
  overwrite: {
    type: flag,
    group: 'export',
    perCall: true,
    help: 'replace files of an earlier export',
    otherNames: ['force'],
    default: false,
  },
} as const satisfies Table

/** Options of `nano-gpt export`. */
export const exportFromOptions = {
  model: modelOption,
  checkpoint: loadOptions.checkpoint,
  blockSize: { ...loadOptions.blockSize, default: { words: "the model's" } },
  base: loadOptions.base,
  out: {
    type: path('<dir>'),
    group: 'export',
    perCall: true,
    help: 'folder to write to, required',
    otherNames: ['output', 'outputDir', 'outDir', 'dir', 'folder'],
  },
  ...exportOptions,
} as const satisfies Table
