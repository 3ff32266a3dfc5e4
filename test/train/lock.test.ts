// A run locks its folder before it reads or changes anything there, and releases it at the end,
// whatever the end.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { evaluate, load, type Model, plan, type TrainOptions, train } from '../../lib'
import { loadAddon } from '../../lib/backend/native/addon'
import type { Run } from '../../lib/train/run'
import { onNative } from '../support/devices'
import { failureOf } from '../support/errors'
import { short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const small = { ...short, steps: 4, device: 'js' } as const
/** Runs until it is stopped. */
const endless = { ...small, steps: 10_000_000, evalInterval: 10_000_000, checkpointInterval: 10 }

/** The files of a run, without those that are being written. */
const filesOf = (out: string) => readdirSync(out).filter((name) => !name.startsWith('.'))

/** Waits until a run has written its first checkpoint. */
async function writes(run: Run<Model>): Promise<void> {
  for await (const { type } of run) if (type === 'checkpoint') return
}

async function end(run: Run<Model>): Promise<void> {
  run.stop()
  await (await run).dispose()
}

/** The folder of a run that has ended. */
async function finished(name: string, options: TrainOptions = {}): Promise<string> {
  const out = folder.path(name)
  await (await train({ ...small, out, ...options })).dispose()
  return out
}

describe('while a run writes to its folder', () => {
  const out = folder.path.bind(folder, 'running')
  let first: Run<Model>
  beforeAll(async () => {
    first = train({ ...endless, out: out() })
    await writes(first)
  })
  afterAll(() => end(first))

  test.each<[string, () => TrainOptions]>([
    ['a new run', () => ({ ...small, out: out() })],
    ['a run that would replace it', () => ({ ...small, out: out(), overwrite: true })],
    ['resuming it', () => ({ resume: out(), device: 'js' })],
    ['resuming its checkpoint', () => ({ resume: out('last.safetensors'), device: 'js' })],
    ['resuming it with `out`', () => ({ resume: out(), out: out(), device: 'js' })],
  ])('%s is refused', async (_, options) => {
    // If it were not refused, it would train until the signal.
    const error = await failureOf(() => train({ ...options(), signal: AbortSignal.timeout(5000) }))
    expect(error).toMatchObject({ code: 'run_busy', subject: out() })
    expect(error.message).toMatch(
      `${out()}: this process (${process.pid}) has been writing to this folder since 2`,
    )
    expect(filesOf(out()).sort()).toEqual(expect.arrayContaining(['config.json', 'last.safetensors']))
  })

  test('its checkpoints can be read, evaluated, and resumed or used elsewhere', async () => {
    await using model = await load(out(), { checkpoint: 'last', device: 'js' })
    expect(model.info.step).toBeGreaterThan(0)
    await evaluate({ model: out('last.safetensors'), device: 'js' })
    const { step } = model.info
    const steps = step + 1_000
    const elsewhere = folder.path('elsewhere')
    const resumed = train({ resume: out(), out: elsewhere, steps, checkpointInterval: 1, device: 'js' })
    await writes(resumed)
    await end(resumed)
    expect(filesOf(elsewhere)).toContain('last.safetensors')
    const from = { from: out('last.safetensors'), out: folder.path('from'), steps: 2, device: 'js' } as const
    await (await train(from)).dispose()
  })

  test('plan() ignores it, since it writes nothing', async () => {
    expect((await plan({ resume: out(), device: 'js' })).begins).toBe('resume')
  })
})

describe('the folder is free again', () => {
  test('after the end, and after run.stop()', async () => {
    const out = await finished('ended')
    expect(existsSync(`${out}/.lock`)).toBe(false)
    const run = train({ resume: out, steps: 10_000_000, checkpointInterval: 10, device: 'js' })
    await writes(run)
    expect(existsSync(`${out}/.lock`)).toBe(true)
    await end(run)
    expect(existsSync(`${out}/.lock`)).toBe(false)
  })

  test('when a run is aborted by its signal', async () => {
    const out = folder.path('aborted')
    const controller = new AbortController()
    const run = train({ ...endless, out, signal: controller.signal })
    await writes(run)
    controller.abort(new Error('enough'))
    await expect(run).rejects.toThrow('enough')
    expect(existsSync(`${out}/.lock`)).toBe(false)
    await finished('aborted', { overwrite: true })
  })

  test('after an error, without a trace of a folder that was created for it', async () => {
    const out = folder.path('parent', 'failed')
    for (const options of [{ data: 'missing.txt' }, { data: { text: 'short' } }]) {
      await failureOf(() => train({ ...small, out, ...options }))
      expect(existsSync(folder.path('parent'))).toBe(false)
    }
    const model = await finished('resumed')
    writeFileSync(`${model}/last.safetensors`, 'damaged')
    expect((await failureOf(() => train({ resume: model, device: 'js' }))).code).toMatch(/safetensors/)
    expect(existsSync(`${model}/.lock`)).toBe(false)
  })
})

test('a folder is not created to resume from nothing', async () => {
  const resume = folder.path('nothing')
  expect((await failureOf(() => train({ resume, device: 'js' }))).code).toBe('file_not_found')
  expect(existsSync(resume)).toBe(false)
})

test('of several runs in one folder, one trains', async () => {
  const out = folder.path('several')
  const runs = [1, 2, 3].map((seed) => train({ ...small, out, seed }).then((model) => model.dispose()))
  const results = await Promise.allSettled(runs)
  const reasons = results.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
  expect(reasons).toHaveLength(2)
  for (const code of reasons) expect(['run_busy', 'run_exists']).toContain(code)
  const winner = results.findIndex(({ status }) => status === 'fulfilled') + 1
  expect(JSON.parse(readFileSync(`${out}/config.json`, 'utf8')).seed).toBe(winner)
})

onNative('with the native engine', () => {
  test('a run that ended while another one took the lock is not replaced', async () => {
    const out = folder.path('raced')
    const { addon } = loadAddon()
    const { lockFile } = addon!
    const spy = jest.spyOn(addon!, 'lockFile').mockImplementation((path) => {
      writeFileSync(`${out}/last.safetensors`, 'of the other run')
      return lockFile(path)
    })
    const error = await failureOf(() => train({ ...small, out }))
    spy.mockRestore()
    expect(error).toMatchObject({ code: 'run_exists', option: 'out' })
    expect(readdirSync(out)).toEqual(['last.safetensors'])
  })
})
