// A run saves beside its training. Whatever fails while it saves, training goes on to the same bits,
// the folder keeps a whole checkpoint, and the run says what is saved.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Session } from '../../lib/backend/backend'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import type { TrainOptions } from '../../lib/options'
import type { TrainEvent } from '../../lib/train/events'
import { checkTrainOptions } from '../../lib/train/resolve'
import { checkFolder } from '../../lib/train/run_folder'
import { train } from '../../lib/train/train'
import { Trainer } from '../../lib/train/trainer'
import { expectSameBits } from '../support/bits'
import { failureOf } from '../support/errors'
import { fileFaults } from '../support/file_faults'
import { lossesOf, ofType, parametersOf, short, temporaryFolder } from '../support/runs'

jest.mock('node:fs/promises', () => require('../support/file_faults').faulty)

const folder = temporaryFolder()
const options: TrainOptions = { ...short, device: 'js' }

/** Runs to the end. `each` may stop the run. */
async function whole(given: TrainOptions, each: (event: TrainEvent, stop: () => void) => unknown = () => {}) {
  const run = train(given)
  const events: TrainEvent[] = []
  for await (const event of run) {
    events.push(event)
    await each(event, () => run.stop())
  }
  await using model = await run
  const [end] = ofType(events, 'end')
  return { events, end, losses: lossesOf(events), weights: await parametersOf(model), info: model.info }
}

// Retries, because the run may write into the folder while it is removed.
const remove = (out: string) => rm(out, { recursive: true, force: true, maxRetries: 20, retryDelay: 5 })

/** Puts a file where the folder was. Retries, because the run may make the folder again meanwhile. */
async function replaceByFile(out: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    await remove(out)
    try {
      return await writeFile(out, 'a file')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EISDIR' || tries === 100) throw error
    }
  }
}

const safetensors = async (out: string) =>
  (await readdir(out)).filter((name) => name.endsWith('.safetensors')).sort()

test('the best and the last checkpoint of a step are one file', async () => {
  const out = folder.path('one')
  await whole({ ...options, steps: 5, learningRate: 0.1, out })
  const [best, last] = await Promise.all(
    ['best', 'last'].map((name) => stat(join(out, `${name}.safetensors`))),
  )
  expect(best.ino).toBe(last.ino)
})

test.each([
  [1, ['best.safetensors', 'last.safetensors']],
  [2, ['best.safetensors', 'last.safetensors', 'step-9.safetensors']],
  [3, ['best.safetensors', 'last.safetensors', 'step-6.safetensors', 'step-9.safetensors']],
])('keeps the %i newest checkpoints, and the best', async (keepCheckpoints, names) => {
  const out = folder.path(`keep-${keepCheckpoints}`)
  const run = { ...options, evalInterval: 100, checkpointInterval: 3, learningRate: 0.1, out }
  await whole({ ...run, keepCheckpoints })
  expect(await safetensors(out)).toEqual(names)
  for (const name of names) {
    const { info } = await readCheckpoint(join(out, name))
    expect(info.step).toBe(Number(/\d+/.exec(name)?.[0] ?? 10))
  }
  // A resumed run goes on with its options, and removes what is too old.
  await whole({ device: 'js', data: options.data, resume: out, steps: 12 })
  const now =
    names.length > 2
      ? [...names.slice(0, 2), ...['step-10.safetensors', 'step-9.safetensors'].slice(0, names.length - 2)]
      : names
  expect(await safetensors(out)).toEqual([...now].sort())
})

test('a checkpoint is due by time too, which changes no result', async () => {
  const out = folder.path('time')
  const long = { ...options, steps: 60, evalInterval: 60, checkpointInterval: 60 }
  const often = await whole({ ...long, checkpointMinutes: 1e-9, out })
  const steps = ofType(often.events, 'checkpoint').map(({ step }) => step)
  expect(steps.filter((step) => step > 0 && step < 60).length).toBeGreaterThan(0)
  const seldom = await whole(long)
  expect(often.losses).toEqual(seldom.losses)
  expectSameBits(often.weights, seldom.weights)
})

test('a clock that is set back changes nothing about checkpoints by time', async () => {
  const real = Date.now
  const long = { ...options, steps: 60, evalInterval: 60, checkpointInterval: 60 }
  try {
    const { events } = await whole(
      { ...long, checkpointMinutes: 1e-9, out: folder.path('clock') },
      ({ type }) => {
        if (type === 'start') Date.now = () => real() - 86_400_000
      },
    )
    const between = ofType(events, 'checkpoint').filter(({ step }) => step > 0 && step < 60)
    expect(between.length).toBeGreaterThan(0)
  } finally {
    Date.now = real
  }
})

test('a checkpoint that is due by time waits for the evaluation and the sample of its step', async () => {
  const out = folder.path('time-last')
  const long = { ...options, steps: 12, evalInterval: 12, checkpointInterval: 100, sampleInterval: 12 }
  await whole({ ...long, sampleTokens: 5, learningRate: 1e-30, checkpointMinutes: 1e-9, out })
  const { info } = await readCheckpoint(out, 'last')
  expect(info).toMatchObject({ step: 12, best: { step: 0 }, done: { evaluation: 12, sample: 12 } })
  // The run is complete, so nothing is done again.
  const { events } = await whole({ device: 'js', data: options.data, resume: out })
  expect(events.map(({ type }) => type)).toEqual(['start', 'checkpoint', 'end'])
})

test('a checkpoint is due by time at steps that all have an evaluation', async () => {
  const out = folder.path('time-evaluations')
  const run = { ...options, evalInterval: 1, checkpointInterval: 100, checkpointMinutes: 1e-9 }
  const { events } = await whole({ ...run, learningRate: 1e-30, out })
  expect(ofType(events, 'checkpoint').map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('a run resumes from its best checkpoint if it has no other', async () => {
  const out = folder.path('only-best')
  await whole({ ...options, learningRate: 0.1, out })
  const uninterrupted = await readCheckpoint(out, 'last')
  await rm(join(out, 'step-5.safetensors'))
  await rm(join(out, 'last.safetensors'))
  const again = await whole({ device: 'js', data: options.data, resume: out })
  expect(again.info.step).toBe(uninterrupted.info.step)
  expect(await safetensors(out)).toEqual(['best.safetensors', 'last.safetensors'])
})

test('a damaged newest checkpoint: the run resumes from the one before, to the same bits', async () => {
  const out = folder.path('damaged')
  const uninterrupted = await whole({ ...options, evalInterval: 100, checkpointInterval: 4, out })
  expect(await safetensors(out)).toContain('step-8.safetensors')
  const last = join(out, 'last.safetensors')
  const bytes = await readFile(last)
  bytes[bytes.length - 3] ^= 4
  await writeFile(last, bytes)
  const again = await whole({ device: 'js', data: options.data, resume: out })
  expect(ofType(again.events, 'notice').map(({ message }) => String(message))).toEqual([
    expect.stringMatching(/last\.safetensors is damaged: .*step-8\.safetensors is used instead/),
  ])
  expect(ofType(again.events, 'start')).toMatchObject([{ step: 8 }])
  expectSameBits(again.weights, uninterrupted.weights)
  expect((await readCheckpoint(last)).info.step).toBe(10)
})

test('weights that are not finite end the run, and replace no checkpoint', async () => {
  const out = folder.path('nan')
  const steps = Trainer.prototype.steps
  // Spoils the weights after the last step, when no update checks them any more.
  const spy = jest.spyOn(Trainer.prototype, 'steps').mockImplementation(async function (this: Trainer, step) {
    const result = await steps.call(this, step, 1)
    const { session } = (this as unknown as { options: { session: Session } }).options
    const values = await session.read('tokenEmbedding.weight')
    if (step === 9) values[5] = Number.NaN
    await session.write('tokenEmbedding.weight', values)
    return result
  })
  const error = await failureOf(() => train({ ...options, checkpointInterval: 4, evalInterval: 100, out }))
  spy.mockRestore()
  expect(error.code).toBe('non_finite')
  expect(error.message).toMatch(
    /^step 10: tokenEmbedding.weight contains NaN, so these weights are not saved/,
  )
  expect(error.message).toContain('The run is saved up to step 8')
  expect((await readCheckpoint(out, 'last')).info.step).toBe(8)
})

test('files that killed processes left are removed when a run begins in the folder', async () => {
  const out = folder.path('left')
  await whole({ ...options, steps: 3, out })
  const left = ['.last.safetensors.0123456789ab.tmp', '.step-3.safetensors.0123456789ab.tmp']
  for (const name of [...left, '.mine.0123456789ab.tmp']) await writeFile(join(out, name), 'x')
  await whole({ device: 'js', data: options.data, resume: out, steps: 4 })
  const hidden = (await readdir(out)).filter((name) => name.endsWith('.tmp'))
  expect(hidden).toEqual(['.mine.0123456789ab.tmp'])
})

test('a folder that disappears is made again', async () => {
  const out = folder.path('gone')
  // Many steps, because the run goes on while the folder is removed.
  const { end } = await whole({ ...options, steps: 100, out }, async (event) => {
    if (event.type === 'evaluation' && event.step === 5) await remove(out)
  })
  expect(end).toMatchObject({ saved: { step: 100 }, unsaved: null })
  expect(await readdir(out)).toEqual(expect.arrayContaining(['config.json', 'last.safetensors', 'text.txt']))
  const resumed = await whole({ device: 'js', resume: out, steps: 200 }, async (event) => {
    if (event.type === 'evaluation' && event.step === 105) await remove(out)
  })
  expect(resumed.end).toMatchObject({ saved: { step: 200 }, unsaved: null })
  await remove(join(out, 'text.txt'))
  await whole({ device: 'js', resume: out, data: options.data, steps: 201 })
  await whole({ device: 'js', resume: out, steps: 202 })
})

test('a folder that becomes a file: the run says what is not saved, and saves when it can', async () => {
  const out = folder.path('file')
  const { events, end } = await whole({ ...options, steps: 100, evalInterval: 5, out }, async (event) => {
    if (event.type === 'evaluation' && event.step === 10) await replaceByFile(out)
    // A second warning may be told when the run has saved already.
    if (event.type === 'warning' && statSync(out, { throwIfNoEntry: false })?.isFile()) await remove(out)
  })
  const [warning] = ofType(events, 'warning')
  expect(warning.code).toBe('write_failed')
  // Whichever is written first, the checkpoint or the history.
  expect(String(warning.message)).toMatch(
    /^(step \d+ is not saved: cannot write .*\. (The newest checkpoint is of step \d+|Nothing is saved yet)|the history of the run is not saved: cannot write .*)\. Training goes on, and saving (it )?is tried again$/,
  )
  expect(end).toMatchObject({ saved: { step: 100 }, unsaved: null })
  expect((await readCheckpoint(out, 'last')).info.step).toBe(100)
})

/** The `training` of a checkpoint's metadata, without waiting; null: there is no such file. */
function stateOf(path: string) {
  if (!existsSync(path)) return null
  const bytes = readFileSync(path)
  const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()
  return JSON.parse(JSON.parse(header).__metadata__.nano_gpt).training
}

test('earlier checkpoints that cannot be removed are removed after a later save', async () => {
  const out = folder.path('removed-later')
  let fails = false
  fileFaults.fail = (_, name) => (fails && name === 'readdir' ? 'EIO' : undefined)
  const run = { ...options, evalInterval: 100, checkpointInterval: 2, out }
  try {
    const { events, end } = await whole(run, (event) => {
      if (event.type === 'start') fails = true
      if (event.type === 'checkpoint' && event.step === 8) fails = false
    })
    expect(ofType(events, 'warning')).toEqual([])
    expect(end).toMatchObject({ saved: { step: 10 }, unsaved: null })
  } finally {
    fileFaults.fail = undefined
  }
  expect(await safetensors(out)).toEqual(['best.safetensors', 'last.safetensors', 'step-8.safetensors'])
})

test('before every file operation, the best model that the last checkpoint names is in the folder', async () => {
  const out = folder.path('instants')
  const found: { named: number; best: number | undefined }[] = []
  fileFaults.fail = () => {
    const named = stateOf(join(out, 'last.safetensors'))?.best?.step ?? 0
    if (named > 0) found.push({ named, best: stateOf(join(out, 'best.safetensors'))?.step })
    return undefined
  }
  try {
    await whole({ ...options, learningRate: 0.1, checkpointInterval: 2, out })
  } finally {
    fileFaults.fail = undefined
  }
  expect(found.length).toBeGreaterThan(10)
  expect(found.filter(({ named, best = -1 }) => best < named)).toEqual([])
})

test('before every file operation of its beginning, a run can begin in the folder again', async () => {
  const out = folder.path('beginning')
  const run = { ...options, steps: 2, out }
  for (const overwrite of [false, true]) {
    const refused: unknown[] = []
    let operations = 0
    fileFaults.fail = async () => {
      operations++
      try {
        await checkFolder(checkTrainOptions({ ...run, overwrite }))
      } catch (error) {
        refused.push({ operations, error })
      }
      return undefined
    }
    try {
      await whole({ ...run, overwrite }, ({ type }) => {
        if (type === 'start') fileFaults.fail = undefined
      })
    } finally {
      fileFaults.fail = undefined
    }
    expect(operations).toBeGreaterThan(6)
    expect(refused).toEqual([])
  }
})

describe('a fault in any file operation of a run', () => {
  const run = { ...options, evalInterval: 4, checkpointInterval: 3, learningRate: 0.1 }
  let expected: Awaited<ReturnType<typeof whole>>
  let operations: number
  beforeAll(async () => {
    fileFaults.count = 0
    expected = await whole({ ...run, out: folder.path('no-fault') })
    operations = fileFaults.count
  })
  afterEach(() => {
    fileFaults.fail = undefined
  })

  /** Every operation is counted from the first step on, when the folder is ready. */
  async function withFault(name: string, isFaulty: (n: number) => boolean, code: string, stops: boolean) {
    const out = folder.path(name)
    return {
      out,
      ...(await whole({ ...run, out }, ({ type }, stop) => {
        if (type === 'start') {
          fileFaults.count = 0
          fileFaults.fail = (n) => (isFaulty(n) ? code : undefined)
        }
        if (type === 'warning' && stops) stop()
      })),
    }
  }

  test.each(['ENOSPC', 'EIO', 'EACCES'])('%s once: everything is saved in the end', async (code) => {
    expect(operations).toBeGreaterThan(40)
    for (let k = 1; k <= operations; k += 4) {
      const { out, weights, losses, end } = await withFault(`${code}-${k}`, (n) => n === k, code, false)
      expect(losses).toEqual(expected.losses)
      expectSameBits(weights, expected.weights)
      expect(end).toMatchObject({ step: 10, saved: { step: 10 }, unsaved: null })
      fileFaults.fail = undefined
      expect((await readCheckpoint(out, 'last')).info.step).toBe(10)
      expect((await readCheckpoint(out, 'best')).info.best).toEqual(expected.info.best)
      expect((await readdir(out)).filter((each) => each.endsWith('.tmp'))).toEqual([])
    }
  })

  test('from one operation on: the run ends with its model, and says what is saved', async () => {
    for (let k = 1; k <= operations; k += 5) {
      const { out, end, info, events } = await withFault(`full-${k}`, (n) => n >= k, 'ENOSPC', true)
      fileFaults.fail = undefined
      if (end.unsaved === null) {
        expect(end.saved).toMatchObject({ step: info.step })
        continue
      }
      expect(end.unsaved).toMatch(/the disk is full/)
      expect(ofType(events, 'warning')).toHaveLength(1)
      const found = await readCheckpoint(out, 'last').catch(() => undefined)
      expect(found?.info.step).toBe(end.saved?.step)
    }
  })
})

test('a folder that cannot be made ends the run before its first step', async () => {
  await mkdir(folder.path('blocked'), { recursive: true })
  await writeFile(folder.path('blocked', 'file'), 'x')
  const error = await failureOf(() => train({ ...options, out: folder.path('blocked', 'file', 'run') }))
  expect(error.code).toBe('write_failed')
})
