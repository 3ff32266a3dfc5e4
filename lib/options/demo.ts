// The options of `nano-gpt demo`.

import type { Table } from './row'
import { trainOptions } from './train'
import { real } from './types'

const { data, lineEndings, out, device } = trainOptions

export const demoOptions = {
  data: { ...data, default: { words: 'shakespeare, or else moby-dick' } },
  lineEndings,
  seconds: {
    type: real({ above: 0 }),
    group: 'training',
    help: 'approximate training time in seconds',
    default: 120,
  },
  out: { ...out, commandLine: { default: 'runs/demo, replacing an earlier demo' } },
  device,
} as const satisfies Table
