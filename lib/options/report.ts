// The options of report(), which makes an HTML page of runs.

import { loadOptions } from './load'
import { machineOptions } from './machine'
import type { Table } from './row'
import { signalOption } from './signal'
import { flag, path } from './types'

export const reportOptions = {
  out: {
    type: path('<file>'),
    group: 'progress',
    perCall: true,
    help: 'HTML file to write',
    otherNames: ['output', 'file'],
    default: { words: 'report.html, in the folder of a single run' },
  },
  losses: {
    type: flag,
    group: 'measuring',
    perCall: true,
    help: 'show how surprising each token of the validation text is',
    default: true,
  },
  timings: {
    type: flag,
    group: 'measuring',
    perCall: true,
    help: 'measure the time of each operation of a training step',
    default: true,
  },
  base: loadOptions.base,
  ...machineOptions,
  signal: signalOption('ends the report'),
} as const satisfies Table
