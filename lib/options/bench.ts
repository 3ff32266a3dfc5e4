// The options of `nano-gpt bench`.

import { precisions } from '../graph/program'
import { machineOptions } from './machine'
import type { Table } from './row'
import { choice, path, text, whole } from './types'

/** The kinds of benchmarks. */
export const benchmarkNames = ['steps', 'ops', 'generate', 'roofline'] as const
export type BenchmarkName = (typeof benchmarkNames)[number]

/** Restricts an option to these kinds of benchmarks. */
const onlyFor = (...values: BenchmarkName[]) => ({ applies: { option: 'kind', values } })
const steps = onlyFor('steps', 'ops', 'roofline')
const compared = onlyFor('steps', 'ops', 'generate')

/** GPUs with a published peak, for `roofline --paper`. */
export const chipNames = ['m2', 'm2-max', 'm1-max'] as const
export type ChipName = (typeof chipNames)[number]

export const benchOptions = {
  only: {
    type: { ...text, placeholder: '<names>' },
    group: 'measuring',
    help: 'names of what to measure, separated by commas',
    default: { words: 'all; roofline: 09' },
  },
  rounds: {
    type: whole(),
    group: 'measuring',
    help: 'number of rounds; results are their median',
    default: 7,
  },
  batchSize: {
    type: whole(),
    group: 'measuring',
    ...steps,
    help: 'sequences per micro-batch',
    default: { words: "each case's own" },
  },
  precision: {
    type: choice(precisions),
    group: 'measuring',
    ...steps,
    help: "number format of matrix products; 'tf32' and 'bf16' need a GPU",
    default: { words: 'f32' },
  },
  paper: {
    type: { ...choice(chipNames), placeholder: '<chip>' },
    group: 'measuring',
    ...onlyFor('roofline'),
    help: "compute times from this GPU's published peak instead of measuring",
  },
  compare: {
    type: { ...choice(['torch', 'mlx', 'torch,mlx']), placeholder: '<what>' },
    group: 'measuring',
    ...compared,
    help: 'also measure PyTorch or MLX on the same work',
  },
  python: {
    type: path('<path>'),
    group: 'measuring',
    ...compared,
    help: 'path of a Python that has PyTorch or MLX',
    default: { words: 'NANO_GPT_PYTHON, or python3' },
  },
  save: {
    type: path('<file>'),
    group: 'measuring',
    help: 'write the results, machine and versions to a file',
  },
  baseline: {
    type: path('<file>'),
    group: 'measuring',
    help: 'compare with results that --save wrote',
  },
  ...machineOptions,
} as const satisfies Table

/** Options that `--paper` rejects, because it measures nothing. */
export const measuringOptions = [
  'rounds',
  'threads',
  'device',
  'instructionSet',
  'compare',
  'python',
] as const satisfies readonly (keyof typeof benchOptions)[]
