// The options of sweep(): those of train(), of which some may vary from run to run.

import * as v from 'valibot'
import { corpusNames } from '../data/corpus'
import { presetNames } from '../presets'
import type { Checked } from './check'
import type { Group, OptionRow, Table } from './row'
import { namesWhere, type TrainName, trainOptions } from './train'
import { name, type OptionType } from './types'

/** Each run has its own folder, and the sweep resumes it. `minutes` belongs to the preset 'auto'. */
const { resume: _, overwrite: __, minutes: ___, data, preset, out, ...shared } = trainOptions

/** What a model is and how it is trained. The text, the reports and the machine are the same for all runs. */
const variedGroups: readonly Group[] = ['model', 'variants', 'adapters', 'training', 'optimizer', 'schedule']
const alsoVaried: readonly TrainName[] = ['tokenizer', 'vocabSize']

/** The options that may vary. Those whose value can be a list may not. */
export const variedNames = namesWhere((row) => variedGroups.includes(row.group) && !row.type.repeats)
  .concat(alsoVaried)
  .filter((each) => each !== 'minutes')

/** The values of each option that varies. Their own types check them. */
export type Varied = Readonly<Record<string, readonly unknown[]>>

const what = 'an object with an array for each option'

const vary: OptionType<Varied> = {
  schema: v.pipe(
    v.custom<object>((value) => !Array.isArray(value), `must be ${what}`),
    v.record(
      v.string(),
      v.pipe(v.array(v.unknown(), 'must have arrays'), v.minLength(1, 'must not have an empty array')),
      `must be ${what}`,
    ),
  ),
  ts: `{ readonly [Name in ${variedNames.map((each) => `'${each}'`).join(' | ')}]?: readonly Required<TrainOptions>[Name][] }`,
  range: what,
}

export const sweepOptions = {
  vary: {
    type: vary,
    group: 'training',
    perCall: true,
    help: 'the values of each option that varies; all combinations are trained',
    commandLine: { hidden: true },
  },
  data: { ...data, commandLine: { help: `${corpusNames.join(', ')}, file or folder; may be repeated` } },
  preset: {
    ...preset,
    type: name(
      presetNames.filter((each) => each !== 'auto'),
      '(string & {})',
    ),
    help: 'named set of options',
  },
  ...shared,
  out: {
    ...out,
    help: 'folder of the sweep, with a run folder for each run',
    commandLine: { default: 'sweeps/<varied options>' },
  },
} as const satisfies Table & { readonly vary: OptionRow<Varied> }

/** Checked options of `sweep`. */
export type CheckedSweepOptions = Checked<typeof sweepOptions>
