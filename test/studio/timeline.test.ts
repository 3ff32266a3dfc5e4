// Scrubbing along a run: models of earlier steps, and a fork with a change.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { load } from '../../lib/api/model'
import { snapshotFile, snapshotsIn } from '../../lib/checkpoint/folder'
import { readRun } from '../../lib/history/read'
import { Models } from '../../lib/studio/models'
import { Moments } from '../../lib/studio/moments'
import { Rebuilder } from '../../lib/studio/rebuild'
import { trainWith } from '../../lib/train/train'
import { decoder, temporaryFolder } from '../support/runs'
import { type Client, type Listener, studioIn } from './client'

const folder = temporaryFolder()
const out = () => folder.path('runs', 'one')
let client: Client & { reports: string[] }
let page: Listener
beforeAll(async () => {
  const options = { ...decoder, steps: 600, evalInterval: 50, sampleInterval: 50, sampleTokens: 5 }
  const run = trainWith({ ...options, out: out() }, { keepsSnapshots: true })
  await (await run).dispose()
  client = await studioIn(folder.path('runs'))
  page = await client.listen()
})
afterAll(async () => {
  await client.studio.close()
  expect(client.reports).toEqual([])
})

async function ask(path: string, body: object) {
  const { status, body: result } = await client.post(path, { id: 'one', ...body })
  expect([status, result.error]).toEqual([200, undefined])
  return result
}
const timeline = (id = 'one') => ask('/api/timeline', { id })
/** A step without a snapshot. */
async function between(): Promise<number> {
  const steps = await snapshotsIn(out())
  return Array.from({ length: 600 }, (_, step) => step).find((step) => step > 320 && !steps.includes(step))!
}
const inEnd = (id: string) =>
  page.find(({ type, data }) => type === 'update' && data.id === id && data.status.state === 'finished')

test('it tells the steps at hand, the size of the snapshots, and what a fork can change', async () => {
  const { first, steps, starts, snapshots, secondsPerStep, options } = await timeline()
  const kept = await snapshotsIn(out())
  expect([first, steps]).toEqual([0, [...new Set([...kept, 550, 600])].sort((a, b) => a - b)])
  expect(starts).toContain(0)
  expect(starts).toContain(600)
  const sizes = kept.map((step) => readFileSync(snapshotFile(out(), step)).length)
  expect(snapshots).toEqual({ count: kept.length, bytes: sizes.reduce((a, b) => a + b) })
  expect(secondsPerStep).toBeGreaterThan(0)
  const rate = options.find(({ name }: { name: string }) => name === 'learningRate')
  expect(rate).toMatchObject({ label: 'learning rate', value: '0.0005' })
  const names = options.map(({ name }: { name: string }) => name)
  expect(names).toEqual(expect.arrayContaining(['weightDecay', 'dropout', 'batchSize', 'schedule']))
  // Muon's options do not apply, and others change the tensors.
  for (const name of ['matrixLearningRate', 'optimizer', 'seed']) expect(names).not.toContain(name)
})

test('a call that names a step is about the model of that step', async () => {
  const [, some] = await snapshotsIn(out())
  await using model = await load(snapshotFile(out(), some))
  const { data, shape } = await model.logits('The cat')
  const { logits } = await ask('/api/odds', { text: 'The cat', step: some })
  const got = new Float32Array(Uint8Array.from(Buffer.from(logits, 'base64')).buffer)
  expect(got).toEqual(data.slice(-shape[1]))
  const now = await ask('/api/odds', { text: 'The cat' })
  expect(now.logits).not.toBe(logits)
  expect(await ask('/api/odds', { text: 'The cat', step: 600 })).toEqual(now)
})

test('models are kept for going back and forth, and only a few', async () => {
  const models = new Models(new Moments())
  const steps = (await snapshotsIn(out())).slice(0, 4)
  const at = (step: number) => models.with({ folder: out(), step }, async (model) => model)
  const [first, second] = [await at(steps[0]), await at(steps[1])]
  expect(await at(steps[0])).toBe(first)
  await at(steps[2])
  await at(steps[3])
  expect(await at(steps[0])).toBe(first)
  expect(await at(steps[1])).not.toBe(second)
  await expect(second.logits('a')).rejects.toMatchObject({ code: 'disposed' })
  await models.close()
})

test('a step that is not at hand is rebuilt, with the bits of the snapshots on its way', async () => {
  const step = await between()
  const early = await client.post('/api/odds', { id: 'one', text: 'a', step })
  expect([early.status, early.body.error.message]).toEqual([409, expect.stringContaining('not at hand')])
  const { replayed } = await ask('/api/rebuild', { step })
  const passed = (await snapshotsIn(out())).filter((each) => each <= step).length
  expect(replayed).toEqual({ same: passed, differs: null })
  await page.find(({ type, data }) => type === 'rebuild' && data?.step === step && data.total === step)
  await page.find(({ type, data }) => type === 'rebuild' && data === null)
  expect((await timeline()).steps).toContain(step)
  await ask('/api/odds', { text: 'a', step })
  expect(await ask('/api/rebuild', { step })).toEqual({ replayed: null })
  // A later one begins there.
  expect((await ask('/api/rebuild', { step: step + 1 })).replayed.same).toBeLessThan(2)
})

test('only a few results are kept, and none of a run that was replaced', async () => {
  const run = folder.path('runs', 'short')
  const train = async () => {
    const options = { ...decoder, steps: 40, evalInterval: 40, out: run, overwrite: true }
    await (await trainWith(options, { keepsSnapshots: false })).dispose()
  }
  await train()
  for (let step = 1; step <= 10; step++) await ask('/api/rebuild', { id: 'short', step })
  const eight = [3, 4, 5, 6, 7, 8, 9, 10]
  expect((await timeline('short')).steps).toEqual([...eight, 40])
  await train()
  expect((await timeline('short')).steps).toEqual([40])
})

test('a rebuild can be cancelled', async () => {
  rmSync(join(out(), 'best.safetensors'))
  const rebuilding = client.post('/api/rebuild', { id: 'one', step: 319 })
  await page.find(({ type, data }) => type === 'rebuild' && data?.step === 319)
  await ask('/api/rebuild/cancel', {})
  expect(await rebuilding).toMatchObject({ status: 409, body: { error: { message: 'It was cancelled.' } } })
  expect((await timeline()).steps).not.toContain(319)
  expect(page.events.findLast(({ type }) => type === 'rebuild')!.data).toBeNull()
})

test.each([
  ['a step after the end', '/api/rebuild', { step: 601 }, 409],
  ['no step', '/api/rebuild', {}, 400],
  ['a step that is none', '/api/odds', { text: 'a', step: -1 }, 400],
  ['a step that is a text', '/api/odds', { text: 'a', step: '50' }, 400],
  ['an option that is none', '/api/fork', { step: 50, option: 'nonsense', value: '1' }, 400],
  ['an option that changes the tensors', '/api/fork', { step: 50, option: 'embed', value: '16' }, 400],
  ['a wrong value', '/api/fork', { step: 50, option: 'learningRate', value: 'fast' }, 422],
  ['weights that are none', '/api/weights', { name: 'nonsense' }, 404],
])('an error for %s', async (_, path, body, status) => {
  const before = readdirSync(folder.path('runs'))
  expect((await client.post(path, { id: 'one', ...body })).status).toBe(status)
  expect(readdirSync(folder.path('runs'))).toEqual(before)
})

test('a picture of the weights of a step', async () => {
  const step = (await snapshotsIn(out()))[1]
  await using model = await load(snapshotFile(out(), step))
  const { names, name, shape, rows, columns, low, high, values } = await ask('/api/weights', { step })
  expect(name).toBe('tokenEmbedding.weight')
  expect(names).toContain('blocks.0.attention.query.weight')
  const { data, shape: expected } = (await model.parameters()).get(name)!
  expect(shape).toEqual(expected)
  const got = new Float32Array(Uint8Array.from(Buffer.from(values, 'base64')).buffer)
  expect(got.length).toBe(rows * columns)
  expect(got.length).toBeLessThanOrEqual(4096)
  expect(got.slice(0, columns)).toEqual(data.slice(0, columns))
  expect([low, high]).toEqual([Math.min(...data), Math.max(...data)])
})

test('a damaged snapshot is an error of the call, and other steps go on', async () => {
  const [, , step, next] = await snapshotsIn(out())
  const whole = readFileSync(snapshotFile(out(), step))
  writeFileSync(snapshotFile(out(), step), whole.subarray(0, whole.length - 8))
  const { status, body } = await client.post('/api/odds', { id: 'one', text: 'a', step })
  expect([status, body.error.code]).toEqual([422, 'safetensors'])
  writeFileSync(snapshotFile(out(), step), whole)
  await ask('/api/odds', { text: 'a', step: next })
})

test('a damaged checkpoint does not prevent a rebuild', async () => {
  const whole = readFileSync(join(out(), 'last.safetensors'))
  writeFileSync(join(out(), 'last.safetensors'), whole.subarray(0, 1000))
  expect((await ask('/api/rebuild', { step: 6 })).replayed.differs).toBeNull()
  writeFileSync(join(out(), 'last.safetensors'), whole)
})

test('a fork with one change trains over the same batches, and says what it is', async () => {
  const step = await between()
  const { id } = await ask('/api/fork', { step, option: 'learningRate', value: '0.05', steps: '620' })
  await inEnd(id)
  const run = await readRun(folder.path('runs', id))
  expect([run.steps, run.options.learningRate]).toEqual([620, 0.05])
  const parent = await readRun(out())
  const before = (record: typeof run) =>
    record.history.evaluations
      .filter((each) => each.step <= step)
      .map(({ step: at, valLoss }) => [at, valLoss])
  expect(before(run)).toEqual(before(parent))
  const row = await page.find(
    ({ type, data }) => type === 'runs' && data[0].id === id && data[0].step === 620,
  )
  const changes = [
    { option: 'learningRate', label: 'learning rate', from: 0.0005, to: 0.05 },
    { option: 'steps', label: 'steps', from: 600, to: 620 },
  ]
  expect(row.data[0].fork).toEqual({ parent: 'one', step, changes })
  const own = await timeline(id)
  expect([own.first, own.starts[0]]).toEqual([step, step])
  // Its own steps can be rebuilt, and those before are the other run's.
  await ask('/api/rebuild', { id, step: step + 3 })
  expect(await client.post('/api/rebuild', { id, step: step - 3 })).toMatchObject({
    status: 409,
    body: { error: { message: expect.stringContaining('The run that it continues') } },
  })
  const again = await client.post('/api/fork', { id, step: 620, option: 'dropout', value: '0' })
  expect(again).toMatchObject({ status: 422, body: { error: { option: 'steps' } } })
})

test('while a run trains, nothing is rebuilt or forked, and the end removes what was', async () => {
  const other = await studioIn(folder.path('others'))
  mkdirSync(folder.path('others'), { recursive: true })
  const text = { name: 'a.txt', text: decoder.data && (decoder.data as { text: string }).text }
  const options = { layers: '1', heads: '1', embed: '8', blockSize: '8', batchSize: '2', steps: '1000000' }
  const { body } = await other.post('/api/start', { text, options: { ...options, evalInterval: '100' } })
  const listener = await other.listen()
  await listener.find(({ type, data }) => type === 'update' && data.status.step > 100)
  for (const path of ['/api/rebuild', '/api/fork']) {
    const { status, body: answer } = await other.post(path, { id: body.id, step: 50 })
    expect([status, answer.error.message]).toEqual([409, expect.stringContaining('training')])
  }
  await other.post('/api/stop', {})
  await other.post('/api/rebuild', { id: body.id, step: 51 })
  const ours = () => readdirSync(os.tmpdir()).filter((name) => name.startsWith('nano-gpt-studio-'))
  const before = ours().length
  await other.studio.close()
  expect(ours().length).toBe(before - 1)
})

test('a studio that ends while a fork is prepared leaves no fork, and no run that trains', async () => {
  const before = readdirSync(folder.path('runs'))
  let closing: Promise<void> | undefined
  const other = await studioIn(folder.path('runs'), {
    newFolder(name) {
      closing = other.studio.close()
      mkdirSync(folder.path('runs', name))
      return folder.path('runs', name)
    },
  })
  const asked = { id: 'one', step: 600, steps: '1000000' }
  const { status } = await other.post('/api/fork', asked).catch(() => ({ status: 503 }))
  expect(status).toBe(503)
  await closing
  expect(readdirSync(folder.path('runs'))).toEqual(before)
})

test('a temporary folder that cannot be created is an error of the call, and the next one tries again', async () => {
  const moments = new Moments()
  const refuse = jest.fn()
  const rebuilder = new Rebuilder(moments, () => {}, refuse)
  const place = jest.spyOn(os, 'tmpdir').mockReturnValueOnce(folder.path('missing'))
  await expect(rebuilder.rebuild('one', out(), 3)).rejects.toThrow('ENOENT')
  place.mockRestore()
  await rebuilder.rebuild('one', out(), 3)
  // A run may begin after the call was let in.
  refuse.mockImplementationOnce(() => {
    throw new Error('a run has begun')
  })
  await expect(rebuilder.rebuild('one', out(), 5)).rejects.toThrow('a run has begun')
  expect(await moments.wholeAt(out(), 5)).toBeUndefined()
  // A process that is ended by a second Ctrl-C has no time to close.
  const path = (await moments.wholeAt(out(), 3))!
  expect(existsSync(path)).toBe(true)
  process.listeners('exit').at(-1)!(0)
  expect(existsSync(path)).toBe(false)
  await rebuilder.close()
})
