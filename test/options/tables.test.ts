// The option tables: each row is consistent, and the files generated from them are up to date.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '../../lib/errors'
import * as options from '../../lib/options'
import { isDefaultBy } from '../../lib/options/row'
import { presets } from '../../lib/presets'
import { generated } from '../../scripts/options.js'

const tables: [string, options.Table][] = [
  ['train', options.trainOptions],
  ['sweep', options.sweepOptions],
  ['generate', options.generateOptions],
  ['complete', options.completeOptions],
  ['load', options.loadOptions],
  ['evaluate', options.evaluateOptions],
  ['bench', options.benchOptions],
  ['stages', options.stageOptions],
  ['studio', options.studioOptions],
  ['tokenize', options.tokenizeOptions],
  ['attention', options.attentionOptions],
  ['inspect', options.inspectOptions],
  ['runs', options.runsOptions],
  ['compare', options.compareOptions],
  ['report', options.reportOptions],
]
const rows = tables.flatMap(([table, all]) =>
  Object.keys(all).map((name): [string, options.OptionRow] => [`${table} ${name}`, options.rowOf(all, name)]),
)

test.each(rows)('%s: the help is a phrase of at most twelve words', (_, { help }) => {
  const words = String(help).split(/\s+/)
  expect(words.length).toBeLessThanOrEqual(12)
  expect(String(help)).toMatch(/^[^A-Z]|^[A-Z]{2}|^(Muon|Adam|Nesterov|RMS)/)
  expect(String(help)).not.toMatch(/\.$/)
})

test.each(rows)('%s: the default is a valid value', (name, { type, default: usual, unused }) => {
  const values = isDefaultBy(usual)
    ? Object.values(usual.values)
    : options.isWords(usual) || usual === undefined
      ? []
      : [usual]
  for (const value of values) expect(() => options.checkValue('test', name, type, value)).not.toThrow()
  // `unused` is stored where the option does not apply. Only 0 need not be a valid value.
  if (unused !== undefined && unused !== 0)
    expect(() => options.checkValue('test', name, type, unused)).not.toThrow()
})

test('options and values that a row refers to exist', () => {
  for (const [name, { applies, follows, default: usual }] of Object.entries(options.trainOptions) as [
    string,
    options.OptionRow,
  ][]) {
    for (const other of [applies?.option, follows, isDefaultBy(usual) ? usual.by : undefined]) {
      if (other !== undefined)
        expect([name, Object.keys(options.trainOptions)]).toEqual([name, expect.arrayContaining([other])])
    }
    for (const value of applies?.values ?? []) {
      const { type } = options.rowOf(options.trainOptions, applies!.option)
      expect(() => options.checkValue('test', name, type, value)).not.toThrow()
    }
  }
})

test('presets set options without a default; a 0.1.0 config has options without `unused`', () => {
  const file = join(__dirname, '..', 'fixtures', '0.1.0', 'decoder', 'config.json')
  const older = options.renamed(options.trainOptions, JSON.parse(readFileSync(file, 'utf8')))
  for (const name of options.trainingNames) {
    const row = options.rowOf(options.trainOptions, name)
    const without = Object.entries(presets)
      .filter(([, { training }]) => (training as Record<string, unknown>)[name] === undefined)
      .map(([preset]) => preset)
    if (row.default === undefined) expect([name, without]).toEqual([name, []])
    if (row.unused === undefined && row.follows === undefined) expect(Object.keys(older)).toContain(name)
  }
})

test('otherNames are unique in a table and are not option names', () => {
  for (const [, table] of tables) {
    const others = Object.keys(table).flatMap((name) => options.rowOf(table, name).otherNames ?? [])
    expect(new Set(others).size).toBe(others.length)
    expect(others.filter((other) => Object.hasOwn(table, other))).toEqual([])
  }
})

test.each([
  ['lr', 'learningRate'],
  ['epochs', 'steps'],
  ['n_layer', 'layers'],
  ['batch_size', 'batchSize'],
  ['learningrate', 'learningRate'],
  ['dropuot', 'dropout'],
])('the nearest option to %s is %s', (word, name) => {
  expect(options.nearestOption(word, options.trainOptions)).toBe(name)
})

test.each(generated({ ...options, errorCodes }) as { path: string; wanted: string; found: string }[])(
  '$path is up to date with the tables (npm run options)',
  ({ wanted, found }) => {
    expect(found).toBe(wanted)
  },
)
