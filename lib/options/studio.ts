// The options of `nano-gpt studio`.

import type { Table } from './row'
import { flag, path, whole } from './types'

export const studioOptions = {
  port: {
    type: whole({ min: 0, max: 65_535 }),
    group: 'studio',
    help: 'port of the page; 0: any free port',
    default: 4747,
  },
  runs: {
    type: path('<dir>'),
    group: 'studio',
    help: 'folder of the runs to show, and of new ones',
    default: 'runs',
  },
  open: {
    type: flag,
    group: 'studio',
    perCall: true,
    help: 'open the page in the browser',
    default: false,
  },
} as const satisfies Table
