// The options of `nano-gpt bench`.

import { precisions } from '../graph/program'
import { machineOptions } from './machine'
import type { Table } from './row'
import { choice, path, text, whole } from './types'

/** What can be measured. */
export const benchmarkNames = ['steps', 'ops', 'generate', 'roofline'] as const
export type BenchmarkName = (typeof benchmarkNames)[number]

/** An option of these kinds of benchmark only. */
const onlyFor = (...values: BenchmarkName[]) => ({ applies: { option: 'kind', values } })
const steps = onlyFor('steps', 'ops', 'roofline')
const compared = onlyFor('steps', 'ops', 'generate')

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
    ...steps,
    help: 'sequences in a batch',
    default: { words: "each case's own" },
  },
  precision: {
    type: choice(precisions),
    group: 'measuring',
    ...steps,
    help: 'number format of matrix products, on a GPU',
    default: { words: 'f32' },
  },
  paper: {
    type: { ...choice(chipNames), placeholder: '<chip>' },
    group: 'measuring',
    ...onlyFor('roofline'),
    help: "compute from a GPU's published peak, without measuring",
  },
  compare: {
    type: { ...choice(['torch', 'mlx', 'torch,mlx']), placeholder: '<what>' },
    group: 'measuring',
    ...compared,
    help: 'take turns with PyTorch or MLX doing the same work',
  },
  python: {
    type: path('<path>'),
    group: 'measuring',
    ...compared,
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

/** Those that say how something is measured: on paper nothing is. */
export const measuringOptions = [
  'rounds',
  'threads',
  'device',
  'instructionSet',
  'compare',
  'python',
] as const satisfies readonly (keyof typeof benchOptions)[]
