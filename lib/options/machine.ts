// Options that say where something runs.

import { type DeviceName, deviceNames, instructionSetNames } from '../backend/names'
import type { Table } from './row'
import { choice, name, type OptionType, whole } from './types'

/** A device by name, with a number where there may be several. */
type DeviceOption = 'auto' | DeviceName | `cuda:${number}`
// biome-ignore lint/suspicious/noTemplateCurlyInString: a type, as the declaration writes it
const others = '`cuda:${number}`'

export const machineOptions = {
  device: {
    type: name(['auto', ...deviceNames], others) as OptionType<DeviceOption>,
    group: 'machine',
    help: "where it runs; 'cuda:1' is the second NVIDIA GPU",
    default: 'auto',
  },
  threads: {
    type: whole({ min: 1, max: 256 }),
    group: 'machine',
    help: 'threads of the native engine, shared by the whole process',
    default: { words: 'one per core' },
  },
  instructionSet: {
    type: choice(instructionSetNames),
    group: 'machine',
    help: 'instructions that the CPU kernels use',
    default: { words: 'the best this processor has' },
  },
} as const satisfies Table
