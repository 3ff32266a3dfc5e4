// The grid of a sweep: its runs, their order and their names, and what is rejected.

import fc from 'fast-check'
import { type TrainOptions, variedNames } from '../../lib/options'
import { checkSweepOptions, nameOf, type Point, pointsOf } from '../../lib/sweep/grid'
import { failureOf } from '../support/errors'

const out = 'sweeps/a'
const gridOf = (vary: object, shared: object = {}) => checkSweepOptions({ vary, out, ...shared }).grid
const messageOf = async (options: object) => (await failureOf(() => checkSweepOptions(options))).message

test('all configurations come with the first seed, then with the next one', () => {
  const grid = gridOf({ seed: [1, 2], learningRate: [1e-3, 3e-3], batchSize: [8] })
  expect(pointsOf(grid).map(nameOf)).toEqual([
    'batch-size=8,learning-rate=0.001,seed=1',
    'batch-size=8,learning-rate=0.003,seed=1',
    'batch-size=8,learning-rate=0.001,seed=2',
    'batch-size=8,learning-rate=0.003,seed=2',
  ])
})

test('without seeds, the given or the default one is part of the grid', () => {
  expect(gridOf({ qkNorm: [true, false] })).toEqual({ qkNorm: [true, false], seed: [1337] })
  expect(gridOf({ qkNorm: [true] }, { seed: 2n ** 60n })).toEqual({
    qkNorm: [true],
    seed: [String(2n ** 60n)],
  })
})

test('options are those of a model and its training', () => {
  expect(variedNames).toEqual(
    expect.arrayContaining([
      'preset',
      'layers',
      'norm',
      'bias',
      'steps',
      'seed',
      'optimizer',
      'schedule',
      'vocabSize',
    ]),
  )
  for (const name of ['data', 'out', 'device', 'threads', 'minutes', 'evalInterval', 'signal', 'from'])
    expect(variedNames).not.toContain(name)
})

const real = fc.double({ min: 1e-30, max: 1e30, noNaN: true })
const grids = fc.record(
  {
    learningRate: fc.uniqueArray(real, { minLength: 1, maxLength: 3 }),
    gradientClip: fc.uniqueArray(fc.option(real), { minLength: 1, maxLength: 3 }),
    bias: fc.uniqueArray(fc.boolean(), { minLength: 1 }),
    tokenizer: fc.uniqueArray(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }).filter((text) => !text.includes('\0')),
      { minLength: 1, maxLength: 3, selector: (text) => text.toLowerCase() },
    ),
    seed: fc.uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: ['seed'] },
)

/** The values of a name, as text. */
function parsed(name: string): Record<string, string> {
  return Object.fromEntries(
    name.split(',').map((part) => {
      const [key, value] = part.split('=')
      return [key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()), decodeURIComponent(value)]
    }),
  )
}

const inWords = (point: Point) =>
  Object.fromEntries(
    Object.entries(point).map(([name, value]) => [name, value === null ? 'Infinity' : String(value)]),
  )

test('names are unique in any case, can be parsed back, and every file system accepts them', () => {
  fc.assert(
    fc.property(grids, (vary) => {
      const points = pointsOf(checkSweepOptions({ vary, out }).grid)
      const names = points.map(nameOf)
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(points.length)
      expect(names.map(parsed)).toEqual(points.map(inWords))
      for (const name of names) {
        expect(name).toMatch(/^[a-z][\w.%+,=-]*[^.]$/)
        expect(name.length).toBeLessThanOrEqual(200)
      }
    }),
    { numRuns: 300 },
  )
})

test.each<[object, string]>([
  [
    { out },
    'sweep: vary is missing: it is required. Give the values of at least one option, such as { learningRate: [1e-3, 3e-3] }',
  ],
  [{ vary: {}, out }, 'sweep: vary is missing: it is required. Give the values'],
  [{ vary: { seed: [1] } }, 'sweep: out is missing: it is required. Give the folder of the sweep'],
  [{ vary: { seed: [] }, out }, 'sweep: vary is an object: must not have an empty array'],
  [{ vary: { seed: 3 }, out }, 'sweep: vary is an object: must have arrays'],
  [{ vary: [1], out }, 'sweep: vary is 1: must be an object with an array for each option'],
  [{ vary: { learningRate: ['x'] }, out }, 'sweep: learningRate is "x": must be a number'],
  [{ vary: { norm: ['layer', 'rsm'] }, out }, `sweep: norm is "rsm": must be 'layer' or 'rms'. Did you mean`],
  [{ vary: { lr: [1] }, out }, 'sweep: lr is 1: there is no such option. Did you mean `learningRate`?'],
  [{ vary: { toString: [1] }, out }, 'sweep: toString is 1: there is no such option'],
  [{ vary: { device: ['cpu'] }, out }, 'sweep: device is "cpu": it cannot vary between the runs of a sweep'],
  [{ vary: { seed: [1, '1'] }, out }, 'sweep: seed is 1: it appears twice among the values'],
  [{ vary: { preset: ['cpu', 'CPU'] }, out }, 'sweep: preset is "CPU": it appears twice among the values'],
  [{ vary: { preset: ['auto'] }, out }, 'sweep: preset is "auto": it measures the device before each run'],
  [
    { vary: { seed: [1] }, preset: 'auto', out },
    'sweep: preset is "auto": it measures the device before each run',
  ],
  [{ vary: { seed: [1] }, seed: 2, out }, 'sweep: seed is 2: `vary` has values of it, too'],
  [{ vary: { steps: [1] }, steps: 2, out }, 'sweep: steps is 2: `vary` has values of it, too'],
  [{ vary: { seed: [1] }, data: '-', out }, 'sweep: data is "-": standard input can be read only once'],
  [{ vary: { seed: [1] }, resume: 'a', out }, 'sweep: there is no option resume'],
  [
    { vary: { layers: [1, 2] }, from: 'a', out },
    'train: layers is 1: the weights of `from` fit no other model',
  ],
  [
    {
      vary: {
        seed: Array.from({ length: 101 }, (_, i) => i),
        steps: Array.from({ length: 100 }, (_, i) => i + 1),
      },
      out,
    },
    'sweep: vary: its values have 10100 combinations, and a sweep has at most 10000 runs',
  ],
  [{ vary: { tokenizer: ['é'.repeat(40)] }, out }, "sweep: vary: the name of a run's folder would have"],
])('%j is rejected', async (options, message) => {
  expect((await messageOf(options)).startsWith(message)).toBe(true)
})

test('the types allow what the values may be', () => {
  const learningRate: readonly Required<TrainOptions>['learningRate'][] = [1e-3]
  expect(gridOf({ learningRate, gradientClip: [null, 1] })).toEqual({
    learningRate: [1e-3],
    gradientClip: [null, 1],
    seed: [1337],
  })
})
