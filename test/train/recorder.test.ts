// The history of a run: a resumed run has that of one that was never interrupted, nothing is written
// over what others wrote, and a disk that fails stops nothing.

jest.mock('node:fs/promises', () => require('../support/file_faults').faulty)

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { type RunHistory, readRun, type TrainOptions, train } from '../../lib'
import { HistoryFile } from '../../lib/history/file'
import { Recorder, type RecorderOptions } from '../../lib/train/recorder'
import { SpikeDetector } from '../../lib/train/spikes'
import { failureOf } from '../support/errors'
import { fileFaults } from '../support/file_faults'
import { eventsOf, ofType, short, temporaryFolder } from '../support/runs'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const options: TrainOptions = {
  ...short,
  device: 'js',
  steps: 1500,
  evalInterval: 250,
  checkpointInterval: 100,
  sampleInterval: 400,
  sampleTokens: 6,
  learningRate: 0.02,
}
const resumed = { data: options.data, device: 'js' } as const

/** What must be the same, however often a run was interrupted. */
function results({ steps, evaluations, samples }: RunHistory) {
  return {
    steps: steps.map(({ seconds: _, tokensPerSecond: __, ...record }) => record),
    evaluations: evaluations.map(({ seconds: _, ...record }) => record),
    samples,
  }
}

async function whole(given: TrainOptions) {
  const run = train(given)
  const events = await eventsOf(run)
  await (await run).dispose()
  return { events, history: run.history() }
}

/** Runs until an event is at a step or later, and stops there. */
async function until(step: number, given: TrainOptions) {
  const run = train(given)
  for await (const event of run) if (event.type === 'step' && event.to >= step) run.stop()
  await (await run).dispose()
  return run.history()
}

let uninterrupted: Awaited<ReturnType<typeof whole>>
beforeAll(async () => {
  uninterrupted = await whole(options)
})
afterEach(() => {
  fileFaults.fail = undefined
})

test('without `out` the history is in memory: every step of it, and every event', () => {
  const { history, events } = uninterrupted
  const losses = ofType(events, 'step').flatMap((event) => event.losses)
  const norms = ofType(events, 'step').flatMap((event) => event.gradientNorms)
  let at = 0
  for (const { from, to, loss, gradientNorm, learningRate } of history.steps) {
    expect(from).toBe(at)
    const part = losses.slice(from, to)
    expect(loss).toBe(part.reduce((sum, each) => sum + each, 0) / part.length)
    expect(gradientNorm).toBe(Math.max(...norms.slice(from, to)))
    expect(learningRate).toBe(0.02)
    at = to
  }
  expect(at).toBe(1500)
  // 512, 256 of two steps, and 119 of four.
  expect(history.steps).toHaveLength(512 + 256 + 119)
  expect(history.evaluations).toEqual(
    ofType(events, 'evaluation').map(({ type: _, ...event }) => ({ ...event, seconds: expect.any(Number) })),
  )
  expect(history.samples).toEqual(ofType(events, 'sample').map(({ step, text }) => ({ step, text })))
  expect(history).toMatchObject({ checkpoints: [], sessions: [{ step: 0, resumed: false }] })
  const seconds = [...history.steps, ...history.evaluations].sort((a, b) => a.seconds - b.seconds)
  expect(seconds.at(-1)!.seconds).toBeGreaterThan(0)
})

test('a run that is stopped at any steps has the same history', async () => {
  const out = folder.path('stopped')
  const first = await until(333, { ...options, out })
  expect(first.steps.at(-1)!.to).toBeGreaterThanOrEqual(333)
  await until(701, { ...resumed, resume: out })
  const { history } = await whole({ ...resumed, resume: out })
  expect(results(history)).toEqual(results(uninterrupted.history))
  const run = await readRun(out)
  expect(run).toMatchObject({ state: 'finished', step: 1500, notices: [] })
  expect(run.history).toEqual(history)
  expect(history.sessions.map((session) => session.resumed)).toEqual([false, true, true])
  const times = history.steps.map(({ seconds }) => seconds)
  expect(times).toEqual([...times].sort((a, b) => a - b))
})

test('a run that is resumed from an earlier checkpoint, into another folder, takes its history along', async () => {
  const out = folder.path('origin')
  await whole({ ...options, steps: 1300, out, keepCheckpoints: 4 })
  const other = folder.path('elsewhere')
  await whole({ ...resumed, resume: `${out}/step-1100.safetensors`, out: other, steps: 1500 })
  const { history, steps, state } = await readRun(other)
  expect({ steps, state }).toEqual({ steps: 1500, state: 'finished' })
  expect(results(history).steps).toEqual(results(uninterrupted.history).steps)
  expect((await readRun(out)).history.steps.at(-1)!.to).toBe(1300)
})

test('a run of an earlier version continues without the steps that nobody recorded', async () => {
  const out = folder.path('older')
  await until(600, { ...options, out })
  for (const name of ['plan.json', 'metrics.jsonl']) rmSync(`${out}/${name}`)
  const { history } = await whole({ ...resumed, resume: out })
  const [{ from }] = history.steps
  expect(from).toBeGreaterThanOrEqual(600)
  const wanted = results(uninterrupted.history).steps.filter((record) => record.from >= from)
  expect(results(history).steps.slice(-wanted.length)).toEqual(wanted)
  expect((await readRun(out)).history).toEqual(history)
})

/** A recorder without its run. */
function recorderOf(out: string | null = null) {
  return new Recorder({
    plan: { out, begins: 'new', step: 0, training: { steps: 1e6, schedule: 'constant', warmup: 0 } },
    tokensPerStep: 1,
    spikes: new SpikeDetector(),
    isWarned: () => false,
    emit: () => {},
  } as unknown as RecorderOptions)
}

test('records depend on no division of the steps into calls', async () => {
  const losses = Array.from({ length: 3000 }, (_, i) => (i % 97 === 0 ? Number.NaN : Math.sin(i) + 3))
  const norms = losses.map((loss) => loss / 7)
  const record = async (cuts: readonly number[]) => {
    const recorder = recorderOf()
    await recorder.begin('js')
    let from = 0
    for (const to of [...[...cuts].sort((a, b) => a - b), losses.length]) {
      recorder.steps(from, losses.slice(from, to), norms.slice(from, to), 1)
      from = to
    }
    await recorder.end('finished')
    return results(recorder.history.view())
  }
  const expected = await record([])
  expect(expected.steps).toHaveLength(512 + 256 + 256 + 119)
  expect(expected.steps[97]).toMatchObject({ from: 97, loss: null, gradientNorm: null })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: losses.length })), async (cuts) => {
      expect(await record(cuts)).toEqual(expected)
    }),
    { numRuns: 30 },
  )
})

describe('a file that no run wrote is not replaced', () => {
  test.each(['plan.json', 'metrics.jsonl'])('%s', async (name) => {
    const out = folder.path(`foreign ${name}`)
    await whole({ ...options, steps: 20, out })
    for (const each of ['plan.json', 'metrics.jsonl']) rmSync(`${out}/${each}`)
    writeFileSync(`${out}/${name}`, '{"mine": true}\n')
    for (const given of [
      { ...options, out, overwrite: true },
      { ...resumed, resume: out, steps: 30 },
      { ...resumed, resume: out, out, steps: 30 },
    ]) {
      const error = await failureOf(() => train(given))
      expect(error.code).toBe('foreign_files')
      expect(error.reason).toContain(`contains ${name}, which no run wrote`)
    }
    expect(readFileSync(`${out}/${name}`, 'utf8')).toBe('{"mine": true}\n')
    // The folder of a run that ended before its first checkpoint.
    for (const each of ['last', 'best']) rmSync(`${out}/${each}.safetensors`)
    expect((await failureOf(() => train({ ...options, out }))).code).toBe('foreign_files')
  })
})

test('overwriting a run replaces its plan and its history', async () => {
  const out = folder.path('overwritten')
  await whole({ ...options, steps: 30, out })
  await whole({ ...options, steps: 20, seed: 8, out, overwrite: true })
  const { history, steps } = await readRun(out)
  expect(steps).toBe(20)
  expect(history).toMatchObject({ sessions: { length: 1 }, steps: { length: 20 } })
})

test('a link in place of the file is replaced, not followed', async () => {
  const out = folder.path('linked')
  const mine = folder.path('mine.txt')
  writeFileSync(mine, 'mine')
  await whole({ ...options, steps: 20, out })
  rmSync(`${out}/metrics.jsonl`)
  symlinkSync(mine, `${out}/metrics.jsonl`)
  await whole({ ...resumed, resume: out, steps: 40 })
  expect(readFileSync(mine, 'utf8')).toBe('mine')
  expect((await readRun(out)).history.steps.at(-1)!.to).toBe(40)
})

describe('a disk that fails', () => {
  test('once, at any operation: the whole history is written in the end', async () => {
    const given = { ...options, steps: 60, evalInterval: 20, checkpointInterval: 10 }
    const expected = results((await whole(given)).history)
    fileFaults.count = 0
    await whole({ ...given, out: folder.path('counted') })
    const operations = fileFaults.count
    expect(operations).toBeGreaterThan(60)
    for (let k = 1; k < operations; k += 7) {
      const out = folder.path(`fault-${k}`)
      const run = train({ ...given, out })
      for await (const event of run) {
        if (event.type !== 'start') continue
        fileFaults.count = 0
        fileFaults.fail = (n) => (n === k ? 'ENOSPC' : undefined)
      }
      await (await run).dispose()
      const isFaulty = fileFaults.count > k
      fileFaults.fail = undefined
      if (!isFaulty) break
      const { history, notices } = await readRun(out)
      expect(results(history)).toEqual(expected)
      expect(notices).toEqual([])
    }
  })

  test('for the history alone: one warning, and training goes on', async () => {
    const out = folder.path('no-history')
    const run = train({ ...options, steps: 60, evalInterval: 20, checkpointInterval: 10, out })
    const events = []
    for await (const event of run) {
      events.push(event)
      // A folder in place of the file can be neither written nor replaced.
      if (event.type === 'start') {
        rmSync(`${out}/metrics.jsonl`)
        mkdirSync(`${out}/metrics.jsonl/inside`, { recursive: true })
      }
    }
    await (await run).dispose()
    const warnings = ofType(events, 'warning')
    expect(warnings).toMatchObject([{ code: 'write_failed' }])
    expect(String(warnings[0].message)).toMatch(
      /^the history of the run is not saved: cannot write .*metrics\.jsonl: .* Training goes on, and saving it is tried again$/,
    )
    expect(ofType(events, 'end')).toMatchObject([{ saved: { step: 60 }, unsaved: null }])
    expect(run.history().steps).toHaveLength(60)
    expect(run.history().warnings).toMatchObject([{ code: 'write_failed' }])
    expect(existsSync(`${out}/last.safetensors`)).toBe(true)
    // The run can be resumed, without its history.
    rmSync(`${out}/metrics.jsonl`, { recursive: true })
    expect((await whole({ ...resumed, resume: out, steps: 70 })).history.steps[0].from).toBe(60)
  })
})

test('lines that were replaced are removed when the file has grown', async () => {
  const out = folder.path('growing')
  mkdirSync(out)
  const recorder = recorderOf(out)
  await recorder.begin('js')
  const path = `${out}/metrics.jsonl`
  let largest = 0
  const losses = { trainLoss: 1, valLoss: 1, trainBitsPerByte: 1, valBitsPerByte: 1, best: false, seconds: 1 }
  for (let step = 0; step < 30_000; step++) {
    recorder.event({ type: 'evaluation', step, ...losses })
    if (step % 500 > 0) continue
    await recorder.flush()
    largest = Math.max(largest, statSync(path).size)
  }
  await recorder.end('finished')
  const file = new HistoryFile(path)
  await file.read()
  expect(file.history.view()).toEqual(recorder.history.view())
  // All lines would have 4 MB. Those that are kept have 0.3 MB.
  expect(statSync(path).size).toBeLessThan(1.8e6)
  expect(largest).toBeGreaterThan(1e6)
})
