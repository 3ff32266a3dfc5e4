// A run can be computed again up to a step, with the bits of its checkpoints and snapshots, and forked there.

import { existsSync, readFileSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { snapshotFile, snapshotsIn } from '../../lib/checkpoint/folder'
import { readFork } from '../../lib/history/fork'
import { readRun } from '../../lib/history/read'
import type { TrainOptions } from '../../lib/options'
import { writeFork } from '../../lib/train/fork'
import { type Replayed, replay } from '../../lib/train/replay'
import { changedByFork, checkTrainOptions } from '../../lib/train/resolve'
import { train, trainWith } from '../../lib/train/train'
import { failureOf } from '../support/errors'
import { expectFileAccess, pipeAt, testOnUnix } from '../support/hostile'
import { decoder, eventsOf, lossesOf, ofType, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const device = 'cpu'
/** Every kind of state: averages, a schedule, samples, and dropout. */
const options: TrainOptions = {
  ...decoder,
  device,
  ...{ steps: 24, evalInterval: 4, sampleInterval: 8, sampleTokens: 5, keepCheckpoints: 9 },
  ...{ optimizer: 'muon', schedule: 'cosine', warmup: 3, emaDecay: 0.9 },
}
const original = () => folder.path('run')
let losses: number[]
beforeAll(async () => {
  const run = trainWith({ ...options, out: original() }, { keepsSnapshots: true })
  losses = lossesOf(await eventsOf(run))
  await (await run).dispose()
})

let count = 0
async function rebuilt(
  until: number,
  from: TrainOptions,
  source = original(),
  progress: (step: number) => void = () => {},
): Promise<Replayed & { path: string }> {
  const path = folder.path(`rebuilt-${count++}`, `step-${until}.safetensors`)
  const run = await readRun(source)
  const { changes } = (await readCheckpoint(source, 'last')).info
  const result = await replay({ device, ...from }, { until, run, changes: changes ?? [], path, progress })
  return { ...result, path }
}

test('from the beginning, and from a checkpoint: the bytes of the checkpoint of that step', async () => {
  const expected = readFileSync(join(original(), 'step-16.safetensors'))
  const whole = await rebuilt(16, { config: original() })
  expect(readFileSync(whole.path).equals(expected)).toBe(true)
  const seen: number[] = []
  const from = join(original(), 'step-8.safetensors')
  const part = await rebuilt(16, { resume: from }, original(), (step) => seen.push(step))
  expect(readFileSync(part.path).equals(expected)).toBe(true)
  expect(seen.at(-1)).toBe(16)
  expect(seen[0]).toBeGreaterThan(8)
})

test('the snapshots on the way have the same bits', async () => {
  const steps = await snapshotsIn(original())
  const { same, differs } = await rebuilt(10, { config: original() })
  expect([same, differs]).toEqual([steps.filter((step) => step <= 10).length, null])
})

test('a snapshot with other bits is found, and a damaged one is left out', async () => {
  const copy = folder.path('copy')
  const run = trainWith({ ...options, out: copy }, { keepsSnapshots: true })
  await (await run).dispose()
  const steps = await snapshotsIn(copy)
  await writeFile(snapshotFile(copy, steps[2]), readFileSync(snapshotFile(copy, steps[3])))
  await writeFile(snapshotFile(copy, steps[4]), 'damaged')
  const { same, differs } = await rebuilt(steps[5], { config: copy }, copy)
  expect([same, differs]).toEqual([4, steps[2]])
})

test('nothing is written to the run folder, which may be in use', async () => {
  const names = await readdir(original())
  await rebuilt(5, { config: original() })
  expect(await readdir(original())).toEqual(names)
})

test('a signal ends it, and leaves nothing', async () => {
  const controller = new AbortController()
  const stop = (step: number) => step >= 4 && controller.abort()
  const path = folder.path('cancelled', 'step-20.safetensors')
  const run = await readRun(original())
  const replayed = { until: 20, run, changes: [], path, progress: stop }
  const replaying = replay({ device, config: original(), signal: controller.signal }, replayed)
  await expect(replaying).rejects.toMatchObject({ name: 'AbortError' })
  expect(existsSync(folder.path('cancelled'))).toBe(false)
})

test('a run that was continued with another option is computed again before and after that only', async () => {
  const out = folder.path('changed')
  await (await train({ ...options, optimizer: 'adamw', schedule: 'constant', steps: 8, out })).dispose()
  await (await train({ data: options.data, resume: out, learningRate: 0.01, steps: 16 })).dispose()
  expect(await rebuilt(8, { config: out }, out)).toMatchObject({ differs: null })
  const error = await failureOf(() => rebuilt(9, { config: out }, out))
  expect(error).toMatchObject({ code: 'unsupported' })
  expect(error.message).toContain('another `learningRate` at about step 8')
  const { path } = await rebuilt(16, { resume: join(out, 'step-12.safetensors') }, out)
  expect(readFileSync(path).equals(readFileSync(join(out, 'last.safetensors')))).toBe(true)
})

test('a schedule that was stretched by more steps is found by its learning rates', async () => {
  const out = folder.path('stretched')
  await (await train({ ...options, steps: 8, out })).dispose()
  await (await train({ data: options.data, resume: out, steps: 16 })).dispose()
  await rebuilt(8, { config: out }, out)
  const error = await failureOf(() => rebuilt(12, { config: out }, out))
  expect(error).toMatchObject({ code: 'unsupported' })
  expect(error.message).toContain('another number of steps')
})

test('another text is refused', async () => {
  const out = folder.path('text')
  await (await train({ ...options, steps: 4, evalInterval: 4, out })).dispose()
  const text = readFileSync(join(out, 'text.txt'), 'utf8')
  await writeFile(join(out, 'text.txt'), `${text.slice(0, -1)}?`)
  expect(await failureOf(() => rebuilt(2, { config: out }, out))).toMatchObject({ code: 'data' })
})

describe('a fork', () => {
  async function forked(name: string, changes: TrainOptions) {
    const out = folder.path(name)
    const run = await readRun(original())
    const { path } = await rebuilt(10, { config: original() })
    await writeFork({ run, state: path, changes: checkTrainOptions(changes), out })
    const fork = trainWith({ resume: out, device }, { keepsSnapshots: true })
    const events = await eventsOf(fork)
    await (await fork).dispose()
    return { out, events, losses: lossesOf(events) }
  }

  test('without a change makes the same steps, to the same checkpoint', async () => {
    const { out, losses: again, events } = await forked('same', {})
    expect(again).toEqual(losses.slice(10))
    expect(ofType(events, 'notice')).toEqual([])
    const [a, b] = [original(), out].map((path) => readFileSync(join(path, 'last.safetensors')))
    expect(a.equals(b)).toBe(true)
    expect(await readFork(out)).toEqual({ run: '../run', step: 10, changes: [] })
  })

  test('with another learning rate begins with the same batch, and then differs', async () => {
    const { out, losses: other } = await forked('rate', { learningRate: 0.1 })
    expect(other[0]).toBe(losses[10])
    expect(other[1]).not.toBe(losses[11])
    const [{ from, ...change }] = (await readFork(out))!.changes
    expect(change).toEqual({ option: 'learningRate', to: 0.1 })
    const run = await readRun(out)
    expect(run.options.learningRate).toBe(0.1)
    // The history before is that of the other run.
    expect(run.history.evaluations.map(({ step }) => step)).toEqual([0, 4, 8, 12, 16, 20, 24])
    const before = (await readRun(original())).history
    expect(run.history.evaluations.slice(0, 3)).toEqual(before.evaluations.slice(0, 3))
    expect((await snapshotsIn(out))[0]).toBe(10)
  })

  test.each([
    ['dropout', { dropout: 0 }],
    ['weightDecay', { weightDecay: 0.5 }],
    ['batchSize', { batchSize: 5 }],
    ['schedule', { schedule: 'linear' as const }],
    ['steps', { steps: 30 }],
  ])('can change %s', async (name, change) => {
    const { out, events } = await forked(name, change)
    expect(events.at(-1)).toMatchObject({ type: 'end', step: name === 'steps' ? 30 : 24 })
    expect((await readFork(out))!.changes.map(({ option }) => option)).toEqual([name])
  })

  test('can be stopped, resumed and computed again like any run', async () => {
    const { out } = await forked('again', { learningRate: 0.05 })
    const expected = readFileSync(join(out, 'step-16.safetensors'))
    const { path } = await rebuilt(16, { resume: join(out, 'fork.safetensors') }, out)
    expect(readFileSync(path).equals(expected)).toBe(true)
  })

  test('is replaced as a whole, and files of others with its names are not', async () => {
    const { out } = await forked('replaced', { learningRate: 0.05 })
    await (await train({ ...options, steps: 4, out, overwrite: true })).dispose()
    expect(existsSync(join(out, 'fork.json'))).toBe(false)
    expect(existsSync(join(out, 'fork.safetensors'))).toBe(false)
    await writeFile(join(out, 'fork.json'), '"mine"')
    expect(await failureOf(() => train({ ...options, out, overwrite: true }).finished)).toMatchObject({
      code: 'foreign_files',
    })
    await rm(out, { recursive: true })
  })

  testOnUnix('of a run whose text became a pipe is refused, and nothing waits for the pipe', async () => {
    const { out } = await forked('piped', {})
    await rm(join(out, 'text.txt'))
    pipeAt(join(out, 'text.txt'))
    const run = await readRun(out)
    const state = join(out, 'fork.safetensors')
    const error = await failureOf(() => writeFork({ run, state, changes: {}, out: folder.path('of-piped') }))
    expect(error).toMatchObject({ code: 'read_failed' })
    await expectFileAccess()
  })

  test('that would end before it begins is refused', async () => {
    const error = await failureOf(() => forked('short', { steps: 10 }))
    expect(error).toMatchObject({ code: 'option', option: 'steps' })
  })

  test('options that would change the tensors or the batches are not offered', () => {
    expect(changedByFork).toEqual(
      expect.arrayContaining(['learningRate', 'weightDecay', 'dropout', 'batchSize']),
    )
    for (const name of ['optimizer', 'emaDecay', 'embed', 'seed', 'data', 'blockSize'])
      expect(changedByFork).not.toContain(name)
  })
})
