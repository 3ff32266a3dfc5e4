// The comparison of runs on the page: the options that differ in words, and losses that can be compared.

import { compared, mostCompared } from '../../lib/studio/comparison'
import { train } from '../../lib/train/train'
import { runRecord, withoutEvaluations } from '../support/run_records'
import { short, temporaryFolder } from '../support/runs'
import { type Client, studioIn } from './client'

const first = runRecord({ folder: 'runs/first', steps: 1000, evalInterval: 250 })
const other = runRecord({
  folder: 'runs/other',
  steps: 500,
  evalInterval: 250,
  floor: 1.6,
  options: { dropout: 0, seed: 1, learningRate: 3e-4 },
})

test('the options that differ are in words, with their help', () => {
  const { options, unit } = compared(['a', 'b'], [first, other])
  expect(unit).toBe('character')
  expect(options.map(({ name }) => name)).toEqual(['dropout', 'steps', 'learningRate', 'seed'])
  const rate = options.find(({ name }) => name === 'learningRate')!
  expect(rate).toMatchObject({ label: 'learning rate', values: ['0.001', '0.0003'] })
  expect(rate.help).toMatch(/\w/)
})

test('an option that does not apply has no value', () => {
  const { options } = compared(['a', 'b'], [first, runRecord({ options: { tiedWeights: true } })])
  expect(options.find(({ name }) => name === 'tiedWeights')!.values).toEqual([null, 'yes'])
})

test('losses, times and speeds of each run', () => {
  const { runs } = compared(['a', 'b'], [first, other])
  expect(runs.map(({ id, step, steps, state }) => [id, step, steps, state])).toEqual([
    ['a', 1000, 1000, 'finished'],
    ['b', 500, 500, 'finished'],
  ])
  expect(runs[1].evaluations.map(({ step }) => step)).toEqual([0, 250, 500])
  const { history } = other
  expect(runs[1].best).toEqual({
    step: 500,
    seconds: 500 * 0.081,
    loss: Math.round(1e4 * history.evaluations.at(-1)!.valLoss) / 1e4,
  })
  expect(runs[1].points).toHaveLength(history.steps.length)
  expect(runs[1].tokensPerSecond).toBeGreaterThan(40_000)
  expect(runs[1].samples).toBe(history.samples)
})

test('runs of different texts are compared per byte', () => {
  const data = { ...other.data, digest: 'f'.repeat(64), bytesPerToken: { train: 2, validation: 4 } }
  const apart = { ...other, data }
  const { unit, runs } = compared(['a', 'b'], [first, apart])
  expect(unit).toBe('byte')
  // The bits per byte of the record, in nats.
  expect(runs[1].best!.loss).toBeCloseTo(Math.LN2 * apart.history.evaluations.at(-1)!.valBitsPerByte, 3)
  expect(runs[1].points[0].loss).toBeCloseTo(apart.history.steps[0].loss! / 2, 3)
  // Both have the same name.
  expect(runs.map(({ text }) => text)).toEqual(['Tiny Shakespeare (86c4e6)', 'Tiny Shakespeare (ffffff)'])
})

test('a run that was never evaluated has no best loss', () => {
  const { runs } = compared(['a', 'b'], [first, withoutEvaluations(other)])
  expect(runs[1]).toMatchObject({ best: null, evaluations: [], samples: [] })
})

describe('the call', () => {
  const folder = temporaryFolder()
  let client: Client & { reports: string[] }
  const ids = ['one', 'sweep/two']

  beforeAll(async () => {
    for (const [i, id] of ids.entries())
      await (await train({ ...short, steps: 2 + i, seed: 1 + i, out: folder.path(id) })).dispose()
    client = await studioIn(folder.path())
  })
  afterAll(() => client.studio.close())

  test('compares the runs of the folder, and names the command that does', async () => {
    const { status, body } = await client.post('/api/compare', { ids })
    expect(status).toBe(200)
    expect(body.runs.map(({ id }: { id: string }) => id)).toEqual(ids)
    expect(body.command).toBe(`compare ${ids.map((id) => folder.path(id)).join(' ')}`)
    expect(body.options.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['seed', 'steps']),
    )
    expect(client.reports).toEqual([])
  })

  test.each([
    [undefined, 400],
    ['one', 400],
    [['one'], 400],
    [['one', 'one'], 400],
    [Array.from({ length: mostCompared + 1 }, (_, i) => `${i}`), 400],
    [['one', '../outside'], 404],
    [['one', {}], 404],
  ])('of %j is refused', async (given, expected) => {
    const { status, body } = await client.post('/api/compare', { ids: given })
    expect([status, body.error.code]).toEqual([expected, 'request'])
  })
})
