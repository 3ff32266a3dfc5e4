// The options of `nano-gpt bench`.

import { precisions } from '../graph/program'
import { machineOptions } from './machine'
import type { Table } from './row'
import { choice, path, text, whole } from './types'

/** GPUs whose published peak a roofline can be drawn for. */
export const chipNames = ['m2', 'm2-max', 'm1-max'] as const
export type ChipName = (typeof chipNames)[number]

export const benchOptions = {
  only: {
    type: { ...text, placeholder: '<names>' },
    group: 'measuring',
    help: 'measure only these, separated by commas',
    default: { words: 'all; roofline: 09' },
  },
  rounds: { type: whole(), group: 'measuring', help: 'rounds, whose median counts', default: 7 },
  batchSize: {
    type: whole(),
    group: 'measuring',
    help: 'sequences in a batch',
    default: { words: "each case's own" },
  },
  precision: {
    type: choice(precisions),
    group: 'measuring',
    help: 'number format of matrix products, on a GPU',
    default: { words: 'f32' },
  },
  paper: {
    type: { ...choice(chipNames), placeholder: '<chip>' },
    group: 'measuring',
    help: "for roofline: compute from a GPU's published peak, without measuring",
  },
  compare: {
    type: { ...choice(['torch', 'mlx', 'torch,mlx']), placeholder: '<what>' },
    group: 'measuring',
    help: 'take turns with PyTorch or MLX doing the same work',
  },
  python: {
    type: path('<path>'),
    group: 'measuring',
    help: 'a Python that has them',
    default: { words: 'NANO_GPT_PYTHON, or python3' },
  },
  save: { type: path('<file>'), group: 'measuring', help: 'write results, machine and versions to a file' },
  baseline: {
    type: path('<file>'),
    group: 'measuring',
    help: 'show the change since results that --save wrote',
  },
  ...machineOptions,
} as const satisfies Table
