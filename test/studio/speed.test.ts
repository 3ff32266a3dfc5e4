// Where the time of a step goes: measured for runs of all kinds, and not while one trains.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { opKinds } from '../../lib/report/op_kinds'
import { type About, type Measured, Speed } from '../../lib/studio/speed'
import { stepSpeed } from '../../lib/studio/step_speed'
import { train } from '../../lib/train/train'
import { decoder, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { type Client, studioIn } from './client'

const folder = temporaryFolder()
const runs = (...names: string[]) => folder.path('runs', ...names)
let client: Client & { reports: string[] }
beforeAll(async () => {
  await (await train({ ...decoder, out: runs('decoder') })).dispose()
  client = await studioIn(runs())
})
afterAll(async () => {
  await client.studio.close()
  expect(client.reports).toEqual([])
})

async function call<T>(path: string, body: object): Promise<T> {
  const { status, body: answer } = await client.post(path, body)
  expect([status, answer.error]).toEqual([200, undefined])
  return answer
}
const about = (id: string) => call<About>('/api/speed/about', { id })
const measure = (id: string) => call<Measured>('/api/speed', { id })
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Changes a file of a run. */
function edit(path: string, change: (text: string) => string): void {
  const text = readFileSync(path, 'utf8')
  expect(change(text)).not.toBe(text)
  writeFileSync(path, change(text))
}

describe('the words of a step', () => {
  const groups = [
    { op: 'linear', name: 'linear a', calls: 2, ms: 6, cost: { flops: 4e6, bytes: 1e5 } },
    { op: 'gelu_backward', name: 'gelu_backward b', calls: 1, ms: 1, cost: { flops: 10, bytes: 2e6 } },
    { op: 'matmul', name: 'matmul c', calls: 1, ms: 2, cost: { flops: 1e6, bytes: 1e6 } },
    { op: 'fill', name: 'fill d', calls: 1, ms: 0, cost: { flops: 0, bytes: 0 } },
  ]
  // 1 ms for a million of either.
  const peak = { flopsPerSecond: 1e9, bytesPerSecond: 1e9 }

  test('times, parts and limits are added by kind, and the rest is between the operations', () => {
    const step = stepSpeed(groups, 10, peak)
    expect(step).toMatchObject({ ms: 10, part: 1, flops: 5_000_010, reach: 0.7, limit: 'compute', peak })
    expect(step.ops[1]).toMatchObject({ kind: 'activation functions', part: 0.1, reach: 2, limit: 'memory' })
    expect(step.kinds.map(({ kind, ms, part, calls, reach }) => [kind, ms, part, calls, reach])).toEqual([
      ['matrix products', 8, 0.8, 3, 5 / 8],
      ['activation functions', 1, 0.1, 1, 2],
      ['between the operations', 1, 0.1, 0, null],
      ['sums and copies', 0, 0, 1, null],
    ])
  })

  test('without a peak there are no limits', () => {
    const { ops, kinds, ...step } = stepSpeed(groups, 10, undefined)
    for (const { reach, limit } of [...ops, ...kinds, step]) expect([reach, limit]).toEqual([null, null])
    expect(step.peak).toBeNull()
  })

  test('the parts add up to 1, even if times of operations overlap', () => {
    const { ms, kinds } = stepSpeed(groups, 6, peak)
    expect(ms).toBe(9)
    expect(sum(kinds.map(({ part }) => part))).toBeCloseTo(1, 12)
  })
})

test('every operation of a step, of a known kind, and with known costs', async () => {
  const before = await about('decoder')
  expect(before).toMatchObject({ device: 'cpu', missing: null, precision: 'f32', tokensPerStep: 2 * 3 * 11 })
  expect(before.measured).toBeNull()
  const { ops, kinds, peak, ms, part, reach, memory } = await measure('decoder')
  expect(part).toBe(1)
  expect(sum(kinds.map((each) => each.part))).toBeCloseTo(1, 9)
  expect(sum(kinds.map((each) => each.ms))).toBeCloseTo(ms, 9)
  for (const { kind } of ops) expect(Object.keys(opKinds)).toContain(kind)
  for (const { kind, about, calls } of kinds) {
    expect(about).toMatch(/\.$/)
    expect(calls).toBe(sum(ops.filter((op) => op.kind === kind).map((op) => op.calls)))
  }
  expect(peak!.flopsPerSecond).toBeGreaterThan(0)
  expect(reach).toBeGreaterThan(0)
  // Both micro-batches, forwards in both layers: [3·11, 15] · [15, 60], a bias and a ReLU.
  const expand = ops.find(({ name }) => name === 'linear [3,11,15]·[60,15]ᵀ relu')
  expect(expand).toMatchObject({ calls: 4, flops: 4 * 33 * 60 * (2 * 15 + 2), kind: 'matrix products' })
  // Once per step, whatever the number of micro-batches.
  expect(ops.find(({ name }) => name.startsWith('adamw'))).toMatchObject({ calls: 1 })
  const after = await about('decoder')
  expect(after.measured!.ms).toBe(ms)
  expect({ ...memory, activations: 0 }).toEqual({ ...before.memory, activations: 0 })
  expect(memory.optimizer).toBe(2 * memory.weights)
})

test('it is measured once, and again if asked', async () => {
  const first = await measure('decoder')
  expect(await measure('decoder')).toEqual(first)
  const again = await call<Measured>('/api/speed', { id: 'decoder', again: true })
  expect((await about('decoder')).measured).toEqual(again)
  expect(again.ops.map(({ name }) => name).sort()).toEqual(first.ops.map(({ name }) => name).sort())
})

test('a model of the course, another optimizer, and plain TypeScript', async () => {
  await (await train({ ...short, out: runs('bigram'), device: 'js' })).dispose()
  const gpt = {
    preset: 'gpt',
    layers: 1,
    embed: 16,
    heads: 2,
    blockSize: 8,
    optimizer: 'muon',
    emaDecay: 0.9,
  }
  await (await train({ ...short, ...gpt, gradientClip: Infinity, out: runs('gpt') } as never)).dispose()
  const bigram = await measure('bigram')
  expect(bigram).toMatchObject({ peak: null, reach: null })
  expect(bigram.kinds.map(({ kind }) => kind)).not.toContain('attention')
  expect((await about('bigram')).device).toBe('js')
  const { ops } = await measure('gpt')
  expect(ops.map(({ name }) => name.split(' ')[0])).toEqual(expect.arrayContaining(['muon', 'ema', 'adamw']))
})

test('adapters, whose text and base are gone', async () => {
  const base = folder.path('base')
  await (await train({ ...decoder, out: base })).dispose()
  const { data, steps } = decoder
  await (await train({ data, steps, from: base, loraRank: 2, out: runs('adapted') })).dispose()
  rmSync(base, { recursive: true })
  rmSync(runs('adapted', 'text.txt'))
  const { memory, kinds } = await measure('adapted')
  expect(memory.gradients).toBeLessThan(memory.weights / 2)
  expect(memory.optimizer).toBe(2 * memory.gradients)
  expect(sum(kinds.map(({ part }) => part))).toBeCloseTo(1, 9)
})

test('a run of a device that is not here is measured on another one', async () => {
  await (await train({ ...short, precision: 'bf16', device: 'js', out: runs('elsewhere') })).dispose()
  edit(runs('elsewhere', 'metrics.jsonl'), (text) => text.replaceAll('"device":"js"', '"device":"cuda:7"'))
  expect(await about('elsewhere')).toMatchObject({
    ...{ device: 'cpu', missing: 'cuda:7', precision: 'f32', seconds: null },
  })
  expect((await measure('elsewhere')).peak).not.toBeNull()
})

test('a run that does not fit in the memory of this machine', async () => {
  await (await train({ ...short, out: runs('large') })).dispose()
  edit(runs('large', 'plan.json'), (text) => text.replace(/"batchSize": ?\d+/, '"batchSize": 1000000000'))
  const { status, body } = await client.post('/api/speed', { id: 'large' })
  expect([status, body.error.code]).toEqual([422, 'out_of_memory'])
  expect(body.error.message).toMatch(/needs at least .* of memory, but this machine has/)
})

test('not while a run trains, here or in another process', async () => {
  const small = { layers: '1', heads: '1', embed: '8', blockSize: '8', batchSize: '4', steps: '1000000' }
  const text = { name: 'Busy.txt', text: someText() }
  await call('/api/start', { text, options: small })
  const here = await client.post('/api/speed', { id: 'decoder', again: true })
  expect([here.status, here.body.error.message]).toEqual([
    409,
    expect.stringMatching(/^“Busy.txt” is training/),
  ])
  // What is known already is not measured again.
  expect((await measure('decoder')).ms).toBeGreaterThan(0)
  await call('/api/stop', {})
  const other = train({ ...short, steps: 1e6, out: runs('other') })
  for await (const { type } of other) if (type === 'step') break
  expect((await client.post('/api/speed', { id: 'decoder', again: true })).status).toBe(409)
  other.stop()
  await (await other).dispose()
  await call('/api/speed', { id: 'decoder', again: true })
})

describe('a run that begins stops a measurement, and so does the end of the studio', () => {
  const stopped = { status: 409, message: expect.stringContaining('because a run begins') }

  test.each(['decoder', 'bigram'])('of %s', async (id) => {
    let begin = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const speed = new Speed({ refuseBusy: async () => begin() })
    const measuring = Promise.allSettled([speed.measure(runs(id)), speed.measure(runs(id))])
    await begun
    await speed.stop()
    expect(await measuring).toEqual([
      { status: 'rejected', reason: expect.objectContaining(stopped) },
      { status: 'rejected', reason: expect.objectContaining(stopped) },
    ])
    expect((await speed.about(runs(id))).measured).toBeNull()
  })

  test('both can be asked for at once', async () => {
    const another = await studioIn(runs())
    const options = { layers: '1', heads: '1', embed: '8', blockSize: '8', batchSize: '4', steps: '1000000' }
    const measuring = another.post('/api/speed', { id: 'decoder' })
    const text = { name: 'a', text: someText() }
    expect((await another.post('/api/start', { text, options })).status).toBe(200)
    expect((await measuring).status).toBe(409)
    await another.studio.close()
  })
})

test('a run that does not exist', async () => {
  for (const path of ['/api/speed', '/api/speed/about'])
    expect((await client.post(path, { id: 'missing' })).status).toBe(404)
})
