// A run can keep snapshots of its weights. They are those of its checkpoints, at most 50, the same ones
// however often the run was stopped, and they never disturb the training.

import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load, type Model } from '../../lib/api/model'
import { snapshotFile, snapshotsIn } from '../../lib/checkpoint/folder'
import type { TrainOptions } from '../../lib/options'
import type { TrainEvent } from '../../lib/train/events'
import {
  fewestSnapshots,
  mostSnapshots,
  mostSnapshotsOf,
  nextSnapshot,
  snapshotSteps,
} from '../../lib/train/snapshot_steps'
import { Snapshots } from '../../lib/train/snapshots'
import { trainWith } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { failureOf } from '../support/errors'
import { fileFaults } from '../support/file_faults'
import { decoder, lossesOf, ofType, parametersOf, short, temporaryFolder } from '../support/runs'

jest.mock('node:fs/promises', () => require('../support/file_faults').faulty)

const folder = temporaryFolder()
afterEach(() => {
  fileFaults.fail = undefined
})

async function whole(options: TrainOptions, stopAt = Number.POSITIVE_INFINITY) {
  const run = trainWith(options, { keepsSnapshots: true })
  const events: TrainEvent[] = []
  for await (const event of run) {
    events.push(event)
    if (event.type === 'step' && event.to >= stopAt) run.stop()
  }
  await using model = await run
  return { events, losses: lossesOf(events), weights: await parametersOf(model), step: model.info.step }
}

describe('which steps have one', () => {
  const intervals = [1, 5, 7, 250, 600, 667, 10_000]
  const limits = [mostSnapshots, 20, 19, fewestSnapshots]
  const pairs = intervals.flatMap((interval) => limits.map((most) => [interval, most]))
  test.each(pairs)('of evaluations every %i steps, and at most %i', (evalInterval, most) => {
    let before = new Set<number>()
    for (let step = 0; step < 2_000_000; step = nextSnapshot(step, evalInterval, most)) {
      const now = snapshotSteps(step, evalInterval, most)
      expect(now.size).toBeLessThanOrEqual(most)
      expect(now.has(0)).toBe(true)
      expect([...now].every((each) => each <= step)).toBe(true)
      // Only what was kept before, and this step, can be kept.
      const known = new Set([...before, step])
      expect([...now].filter((each) => !known.has(each))).toEqual([])
      before = now
      if (step > 300 * evalInterval) break
    }
    expect(before.size).toBeGreaterThan(most / 3)
  })

  test('fewer of a large model: two gigabytes, and five at least', () => {
    const sizes = [1000, 10_000_000, 25_000_000, 124_000_000, 10 ** 12]
    expect(sizes.map(mostSnapshotsOf)).toEqual([50, 50, 21, 5, 5])
  })

  test('evaluations have one, until there are many', () => {
    const steps = snapshotSteps(6000, 600, mostSnapshots)
    for (let step = 0; step <= 6000; step += 600) expect(steps).toContain(step)
  })

  test('a large number of steps', () => {
    expect(snapshotSteps(2 ** 50, 250, mostSnapshots).size).toBeLessThanOrEqual(mostSnapshots)
    expect(nextSnapshot(2 ** 50, 250, mostSnapshots)).toBeGreaterThan(2 ** 50)
  })
})

test('their bits are those of the checkpoints, and the run computes the same with and without', async () => {
  const out = folder.path('bits')
  const options = { ...decoder, steps: 12, evalInterval: 4, keepCheckpoints: 9 }
  const with_ = await whole({ ...options, out })
  const without = trainWith(options, { keepsSnapshots: false })
  await using other = await without
  expectSameBits(with_.weights, await parametersOf(other))
  expect(await snapshotsIn(out)).toEqual(Array.from({ length: 13 }, (_, step) => step))
  for (const step of [4, 8]) {
    await using snapshot = await load(snapshotFile(out, step))
    await using checkpoint = await load(join(out, `step-${step}.safetensors`))
    expect(snapshot.info.step).toBe(step)
    expectSameBits(await parametersOf(snapshot), await parametersOf(checkpoint))
  }
})

test('with averages, they are the averages, which the model writes with', async () => {
  const out = folder.path('averages')
  await whole({ ...short, steps: 8, evalInterval: 4, emaDecay: 0.9, keepCheckpoints: 9, out })
  await using snapshot = await load(snapshotFile(out, 4))
  await using checkpoint = await load(join(out, 'step-4.safetensors'))
  expectSameBits(await parametersOf(snapshot), await parametersOf(checkpoint))
})

test('a run that is stopped and resumed keeps the same ones', async () => {
  const options = { ...short, steps: 700, evalInterval: 50 }
  await whole({ ...options, out: folder.path('at-once') })
  const out = folder.path('twice')
  const { step } = await whole({ ...options, out }, 130)
  expect(step).toBeLessThan(700)
  await whole({ resume: out, data: options.data })
  const steps = await snapshotsIn(out)
  expect(steps).toEqual(await snapshotsIn(folder.path('at-once')))
  expect(steps).toEqual([...snapshotSteps(700, 50, mostSnapshots)].sort((a, b) => a - b))
})

test('those after the step from which a run continues are removed, also without snapshots', async () => {
  const out = folder.path('later')
  await whole({ ...short, steps: 10, out })
  await writeFile(snapshotFile(out, 11), 'later')
  await writeFile(join(out, 'snapshots', '.step-4.safetensors.0123456789ab.tmp'), 'left by a killed run')
  const run = trainWith({ resume: out, data: short.data, steps: 12 }, { keepsSnapshots: false })
  await (await run).dispose()
  const kept = [...snapshotSteps(10, 5, mostSnapshots)].sort((a, b) => a - b)
  expect(await snapshotsIn(out)).toEqual(kept)
  expect((await readdir(join(out, 'snapshots'))).length).toBe(kept.length)
})

test('a full disk is a warning, and the training goes on to the same bits', async () => {
  const options = { ...short, steps: 20, evalInterval: 10 }
  const good = await whole({ ...options, out: folder.path('good') })
  const out = folder.path('full')
  const run = trainWith({ ...options, out }, { keepsSnapshots: true })
  const events: TrainEvent[] = []
  for await (const event of run) {
    // From then on, only the folder of the snapshots is made.
    if (event.type === 'start') fileFaults.fail = (_, name) => (name === 'mkdir' ? 'ENOSPC' : undefined)
    events.push(event)
  }
  await using model = await run
  const bad = { events, losses: lossesOf(events), weights: await parametersOf(model) }
  const warnings = ofType(bad.events, 'warning').map(({ message }) => String(message))
  expect(warnings).toEqual([expect.stringMatching(/^the snapshot of step 0 is not saved: .*disk is full/)])
  expect(bad.losses).toEqual(good.losses)
  expectSameBits(bad.weights, good.weights)
  expect(ofType(bad.events, 'end')[0].unsaved).toBeNull()
  expect(existsSync(join(out, 'snapshots'))).toBe(false)
})

test('one that somebody deleted does not keep the others from being thinned', async () => {
  const out = folder.path('deleted')
  const run = trainWith({ ...short, steps: 160, evalInterval: 1, out }, { keepsSnapshots: true })
  const warnings: string[] = []
  for await (const event of run) {
    if (event.type === 'step' && event.to === 30) await unlink(snapshotFile(out, 1)).catch(() => {})
    if (event.type === 'warning') warnings.push(String(event.message))
  }
  await (await run).dispose()
  expect(warnings).toEqual([])
  const kept = [...snapshotSteps(160, 1, mostSnapshots)].sort((a, b) => a - b)
  expect(await snapshotsIn(out)).toEqual(kept)
})

test('a run whose folder is deleted meanwhile can be resumed from its next checkpoint', async () => {
  const out = folder.path('gone')
  const run = trainWith({ ...short, steps: 3000, evalInterval: 1000, out }, { keepsSnapshots: true })
  // At once, as no removal of many files is.
  for await (const event of run)
    if (event.type === 'evaluation' && event.step === 0) await rename(out, folder.path('away'))
  await (await run).dispose()
  expect(await readdir(out)).toEqual(expect.arrayContaining(['config.json', 'text.txt']))
  expect((await snapshotsIn(out)).at(-1)).toBe(3000)
  expect((await whole({ resume: out, steps: 3010 })).step).toBe(3010)
})

test('the same if it is deleted just before the folder of the snapshots is made', async () => {
  const out = folder.path('just-gone')
  const run = trainWith({ ...short, steps: 40, out }, { keepsSnapshots: true })
  const warnings: string[] = []
  const remove = async () => {
    if (!existsSync(folder.path('just-away'))) await rename(out, folder.path('just-away'))
    return undefined
  }
  for await (const event of run) {
    if (event.type === 'start') fileFaults.fail = (_, name) => (name === 'mkdir' ? remove() : undefined)
    if (event.type === 'warning') warnings.push(String(event.message))
  }
  await (await run).dispose()
  expect(existsSync(folder.path('just-away'))).toBe(true)
  expect(warnings.filter((each) => each.includes('snapshot'))).toEqual([])
  expect(await readdir(out)).toEqual(expect.arrayContaining(['config.json', 'text.txt', 'last.safetensors']))
  expect((await whole({ resume: out, steps: 50 })).step).toBe(50)
})

test('while large copies wait for the disk, further ones are left out', async () => {
  const taken: number[] = []
  const copies: (() => void)[] = []
  const model = {
    parameterCount: 10_000_000,
    copyWeights: () => new Promise((_, reject) => copies.push(() => reject(new Error('no copy')))),
  } as unknown as Model
  const emit = (event: TrainEvent) => event.type === 'warning' && taken.push(event.step)
  const snapshots = new Snapshots(model, { out: folder.path('slow'), evalInterval: 100, emit })
  await snapshots.begin()
  for (const step of [0, 1, 2, 4]) snapshots.take(step)
  expect(copies.length).toBe(1)
  copies[0]()
  await snapshots.settle()
  snapshots.take(8)
  expect(copies.length).toBe(2)
  copies[1]()
  await snapshots.settle()
  // One warning is enough.
  expect(taken).toEqual([0])
})

describe('the folder of the snapshots is the run’s', () => {
  test('overwrite removes it', async () => {
    const out = folder.path('again')
    await whole({ ...short, out })
    const run = trainWith({ ...short, out, overwrite: true }, { keepsSnapshots: false })
    await (await run).dispose()
    expect(existsSync(join(out, 'snapshots'))).toBe(false)
  })

  test('a new run has only its own', async () => {
    const out = folder.path('fresh')
    await whole({ ...short, steps: 30, out })
    await whole({ ...short, steps: 10, out, overwrite: true })
    expect((await snapshotsIn(out)).at(-1)).toBe(10)
  })

  test.each([
    ['another file', 'mine.txt'],
    ['a name that no run gives', 'step-007.safetensors'],
  ])('unless it has %s', async (_, name) => {
    const out = folder.path(`foreign ${name}`)
    await whole({ ...short, out })
    await writeFile(join(out, 'snapshots', name), 'mine')
    const again = trainWith({ ...short, out, overwrite: true }, { keepsSnapshots: true })
    const error = await failureOf(() => again.finished)
    expect(error).toMatchObject({ code: 'foreign_files' })
    expect(error.message).toContain('snapshots')
    expect(existsSync(snapshotFile(out, 4))).toBe(true)
  })

  test('a folder with nothing else is no run', async () => {
    const out = folder.path('only')
    await mkdir(join(out, 'snapshots'), { recursive: true })
    await writeFile(join(out, 'snapshots', 'mine.txt'), 'mine')
    const error = await failureOf(() => trainWith({ ...short, out }, { keepsSnapshots: true }).finished)
    expect(error).toMatchObject({ code: 'foreign_files' })
  })
})
