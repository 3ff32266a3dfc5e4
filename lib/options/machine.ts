// Options that say where something runs.

import { deviceNames, instructionSetNames } from '../backend/names'
import type { Table } from './row'
import { name, whole } from './types'

export const machineOptions = {
  device: {
    type: name(['auto', ...deviceNames], '`cuda:${number}`'),
    group: 'machine',
    help: "where it runs; 'cuda:1' is the second NVIDIA GPU",
    default: 'auto',
  },
  threads: {
    type: whole(),
    group: 'machine',
    help: 'threads of the native engine, shared by the whole process',
    default: { words: 'one per core' },
  },
  instructionSet: {
    type: name(instructionSetNames),
    group: 'machine',
    help: 'instructions that the CPU kernels use',
    default: { words: 'the best this processor has' },
  },
} as const satisfies Table
