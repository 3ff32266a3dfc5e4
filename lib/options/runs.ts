// The options of `nano-gpt runs` and `nano-gpt compare`.

import type { Table } from './row'
import { flag } from './types'

const csv = {
  type: flag,
  group: 'progress',
  perCall: true,
} as const

export const runsOptions = {
  watch: {
    type: flag,
    group: 'progress',
    perCall: true,
    help: 'follow the runs until none is training',
  },
  csv: { ...csv, help: 'print one line of comma-separated values per run' },
} as const satisfies Table

export const compareOptions = {
  csv: { ...csv, help: 'print the losses of all runs as comma-separated values' },
} as const satisfies Table
