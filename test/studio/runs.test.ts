// Runs of the studio and of others: started, paused, resumed and followed by a page.

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { readRun } from '../../lib/history/read'
import { train } from '../../lib/train/train'
import { eventsOf, lossesOf, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { type Client, type Listener, studioIn } from './client'

const folder = temporaryFolder()
const text = { name: 'My story.txt', text: someText() }
/** A run of seconds, even though its end is far. */
const small = {
  ...{ layers: '1', heads: '1', embed: '8', blockSize: '8', batchSize: '4' },
  ...{ evalInterval: '50', evalBatches: '2', sampleTokens: '20' },
}

let client: Client & { reports: string[] }
let page: Listener
beforeEach(async () => {
  const { currentTestName } = expect.getState()
  client = await studioIn(folder.path(currentTestName!.replace(/\W+/g, '-')))
  page = await client.listen()
})
afterEach(async () => {
  await client.studio.close()
  expect(client.reports).toEqual([])
})

const runsFolder = () => folder.path(expect.getState().currentTestName!.replace(/\W+/g, '-'))
const inState = (state: string) =>
  page.find(({ type, data }) => type === 'update' && data.status.state === state)

/** What a page makes of the events. */
function shownRun(): {
  points: number[][]
  evaluations: { step: number }[]
  samples: { step: number; text: string }[]
} {
  let run: ReturnType<typeof JSON.parse> = null
  for (const { type, data } of page.events) {
    if (type === 'snapshot') run = data.run
    if (type === 'run') run = data
    if (type !== 'update') continue
    const first = data.points[0]?.[0] ?? Infinity
    run = {
      points: [...run.points.filter(([from]: number[]) => from < first), ...data.points],
      evaluations: [...run.evaluations, ...data.evaluations],
      samples: [...run.samples, ...data.samples],
    }
  }
  return run
}

test('a text is trained on to its end, with a sample after each evaluation', async () => {
  const { status, body } = await client.post('/api/start', { text, options: { ...small, steps: '200' } })
  expect([status, body]).toEqual([200, { id: 'Mystorytxt-0' }])
  await inState('finished')
  const run = await readRun(`${runsFolder()}/${body.id}`)
  expect(run).toMatchObject({ state: 'finished', step: 200, data: { name: 'My story.txt' } })
  const shown = shownRun()
  expect(shown.points.map(([from]) => from)).toEqual(run.history.steps.map(({ from }) => from))
  expect(shown.evaluations.map(({ step }) => step)).toEqual([0, 50, 100, 150, 200])
  expect(shown.samples).toEqual(run.history.samples)
  expect(shown.samples.map(({ step }) => step)).toEqual([0, 50, 100, 150, 200])
  // A page that comes now sees the same.
  const late = await client.listen()
  const { data } = await late.find(({ type }) => type === 'snapshot')
  expect(data.run).toMatchObject({ ...shown, state: 'finished' })
  expect(data.runs).toMatchObject([{ id: body.id, state: 'finished', step: 200, text: 'My story.txt' }])
})

test('a run that is paused and resumed ends as one that was not', async () => {
  const options = { ...small, steps: '12000', evalInterval: '6000', seed: '7' }
  const { body } = await client.post('/api/start', { text, options })
  await page.find(({ type, data }) => type === 'update' && data.status.step > 100)
  expect((await client.post('/api/stop', {})).status).toBe(200)
  await inState('stopped')
  const before = await readRun(`${runsFolder()}/${body.id}`)
  expect(before.state).toBe('stopped')
  expect(before.step).toBeLessThan(12_000)
  expect((await client.post('/api/resume', body)).status).toBe(200)
  await inState('finished')
  const run = await readRun(`${runsFolder()}/${body.id}`)
  const { device, ...stored } = run.options
  const whole = train({ ...stored, data: text, device })
  const losses = lossesOf(await eventsOf(whole))
  await (await whole).dispose()
  expect(run.history.evaluations.at(-1)).toMatchObject({ step: 12_000 })
  for (const { from, to, loss } of run.history.steps) {
    const mean = losses.slice(from, to).reduce((sum, each) => sum + each, 0) / (to - from)
    expect(loss).toBeCloseTo(mean, 9)
  }
  expect(shownRun().points.length).toBe(run.history.steps.length)
})

test('one run at a time, and the end of the studio saves it', async () => {
  const { body } = await client.post('/api/start', { text, options: { ...small, steps: '1000000' } })
  await page.find(({ type, data }) => type === 'update' && data.status.step > 100)
  const second = await client.post('/api/start', { text })
  expect([second.status, second.body.error.message]).toEqual([
    409,
    expect.stringContaining('Pause or stop it'),
  ])
  expect((await client.post('/api/resume', body)).status).toBe(409)
  await client.studio.close()
  const run = await readRun(`${runsFolder()}/${body.id}`)
  expect(run.state).toBe('stopped')
  expect(run.step).toBeGreaterThan(100)
  expect(existsSync(`${runsFolder()}/${body.id}/last.safetensors`)).toBe(true)
})

test('pages that leave, or read nothing, do not disturb a run', async () => {
  const others = await Promise.all(Array.from({ length: 10 }, () => client.listen()))
  await client.post('/api/start', { text, options: { ...small, steps: '400' } })
  for (const other of others) other.close()
  await inState('finished')
})

test('an error before the first step is told, and leaves no folder', async () => {
  const wrong = await client.post('/api/start', { text, options: { ...small, heads: '3' } })
  expect(wrong).toMatchObject({ status: 422, body: { error: { option: 'heads' } } })
  const short = await client.post('/api/start', { text: { name: 'a', text: 'abc' } })
  expect(short).toMatchObject({ status: 422, body: { error: { code: 'data_too_short' } } })
  await inState('failed')
  expect(readdirSync(runsFolder())).toEqual([])
  // Another run can start.
  expect(await client.post('/api/start', { text, options: { ...small, steps: '200' } })).toMatchObject({
    status: 200,
    body: { id: 'Mystorytxt-2' },
  })
})

test('a run that fails later has no speed and no remaining time', async () => {
  const options = { ...small, optimizer: 'sgd', learningRate: '1e30', steps: '1000' }
  await client.post('/api/start', { text, options })
  const { status } = (await inState('failed')).data
  expect(status).toMatchObject({ tokensPerSecond: null, secondsLeft: null })
  expect(status.note).toContain('not finite')
})

test('a stop while the machine is measured leaves nothing', async () => {
  const started = client.post('/api/start', { text, options: { minutes: '100' } })
  await page.find(({ type, data }) => type === 'update' && /^Measuring/.test(data.status.note))
  await client.post('/api/stop', {})
  expect(await started).toMatchObject({ status: 409, body: { error: { code: 'request' } } })
  await inState('stopped')
  expect(readdirSync(runsFolder())).toEqual([])
})

test('a run of another process appears, and is followed until it ends', async () => {
  const out = `${runsFolder()}/sweep/one`
  const run = train({ ...short, steps: 10_000_000, evalInterval: 5_000_000, out })
  const { data } = await page.find(({ type, data }) => type === 'runs' && data[0]?.state === 'running')
  expect(data[0]).toMatchObject({ id: 'sweep/one', steps: 10_000_000 })
  run.stop()
  const model = await run
  await model.dispose()
  await page.find(({ type, data }) => type === 'runs' && data[0]?.state === 'stopped')
  const { status, body } = await client.ask('/api/run?id=sweep%2Fone')
  const view = JSON.parse(body)
  expect([status, view.state, view.isOurs]).toEqual([200, 'stopped', false])
  expect(view.points.at(-1)[1]).toBe(model.info.step)
})

test('a run whose folder is deleted disappears', async () => {
  for (const name of ['kept', 'deleted'])
    await (await train({ ...short, out: `${runsFolder()}/${name}` })).dispose()
  await page.find(({ type, data }) => type === 'runs' && data.length === 2)
  rmSync(`${runsFolder()}/deleted`, { recursive: true })
  await page.find(({ type, data }) => type === 'runs' && data.length === 1 && data[0].id === 'kept')
  expect((await client.ask('/api/run?id=deleted')).status).toBe(404)
})

test('a link that leads out of the runs folder is no run', async () => {
  const outside = folder.path('elsewhere')
  await (await train({ ...short, out: outside })).dispose()
  mkdirSync(runsFolder(), { recursive: true })
  symlinkSync(outside, `${runsFolder()}/link`)
  expect((await client.ask('/api/run?id=link')).status).toBe(404)
  const late = await client.listen()
  expect((await late.find(({ type }) => type === 'snapshot')).data.runs).toEqual([])
})
