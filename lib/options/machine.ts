// Options for the device, threads and instruction set.

import { type DeviceName, deviceNames, instructionSetNames, mostThreads } from '../backend/names'
import type { Table } from './row'
import { choice, name, type OptionType, whole } from './types'

/** A device name; `cuda:<n>` selects one of several GPUs. */
type DeviceOption = 'auto' | DeviceName | `cuda:${number}`
// biome-ignore lint/suspicious/noTemplateCurlyInString: a type, as the declaration writes it
const others = '`cuda:${number}`'

export const machineOptions = {
  device: {
    type: name(['auto', ...deviceNames], others) as OptionType<DeviceOption>,
    group: 'machine',
    help: "device to run on; 'cuda:1' is the second NVIDIA GPU",
    default: 'auto',
  },
  threads: {
    type: whole({ min: 1, max: mostThreads }),
    group: 'machine',
    help: 'native engine threads, shared by the whole process',
    default: { words: 'one per core' },
  },
  instructionSet: {
    type: choice(instructionSetNames),
    group: 'machine',
    help: 'instruction set of the CPU kernels',
    default: { words: 'the best this processor supports' },
  },
} as const satisfies Table
