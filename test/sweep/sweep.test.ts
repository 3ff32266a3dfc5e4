// A sweep trains its grid, continues after a stop or a kill, goes on after a failed run, and can be
// extended but not changed.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { load } from '../../lib/api/model'
import type { SweepOptions } from '../../lib/options'
import type { SweepEvent } from '../../lib/sweep/events'
import { type SweepResult, sweep } from '../../lib/sweep/sweep'
import { tableOf } from '../../lib/sweep/table'
import { evaluate } from '../../lib/train/evaluate'
import { train } from '../../lib/train/train'
import { run as runCommand, shown, start } from '../cli/command'
import { failureOf } from '../support/errors'
import { decoder, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const { seed: _, ...shared } = short
const options = (name: string): SweepOptions => ({
  ...shared,
  device: 'js',
  vary: { learningRate: [0.01, 0.1], seed: [1, 2] },
  out: folder.path(name),
})

async function eventsOf(run: AsyncIterable<SweepEvent>): Promise<SweepEvent[]> {
  const events: SweepEvent[] = []
  for await (const event of run) events.push(event)
  return events
}

/** The results without the times. */
function untimed({ runs, configurations }: SweepResult) {
  return {
    runs: runs.map(({ seconds: _, ...run }) => run),
    configurations: configurations.map(({ seconds: _, ...row }) => row),
  }
}

const trained = (events: readonly SweepEvent[]) =>
  events.flatMap((event) => (event.type === 'run' ? [event.run.name] : []))
const recorded = (name: string) => JSON.parse(readFileSync(folder.path(name, 'sweep.json'), 'utf8'))

const names = [1, 2].flatMap((seed) => [0.01, 0.1].map((rate) => `learning-rate=${rate},seed=${seed}`))
let whole: SweepResult

beforeAll(async () => {
  whole = await sweep(options('whole'))
})

test('each run is an ordinary run with the same result as train()', async () => {
  expect(whole).toMatchObject({ out: folder.path('whole'), stopped: false, metric: 'valLoss' })
  expect(whole.runs.map(({ name, state }) => `${name} ${state}`)).toEqual(
    names.map((name) => `${name} finished`),
  )
  for (const { name, options: varied, best, final } of whole.runs) {
    await using model = await load(folder.path('whole', name), { checkpoint: 'last', device: 'js' })
    expect(model.info).toMatchObject({ step: 10, seed: String(varied.seed), best })
    await using alone = await train({ ...shared, ...varied, device: 'js' } as object)
    expect(alone.info.best).toEqual(best)
    expect(final!.valLoss).toBeGreaterThanOrEqual(best!.valLoss)
  }
  expect(readdirSync(folder.path('whole')).sort()).toEqual([...names, 'results.csv', 'sweep.json'].sort())
})

test('the table has the statistics over seeds, best first', () => {
  const losses = (rate: number) =>
    whole.runs
      .filter(({ options: { learningRate } }) => learningRate === rate)
      .map(({ best }) => best!.valLoss)
  const [slow, fast] = [losses(0.01), losses(0.1)]
  const mean = ([a, b]: number[]) => (a + b) / 2
  expect(whole.configurations).toMatchObject([
    { options: { learningRate: 0.1 }, runs: 2, finished: 2, failed: 0, comparison: null },
    { options: { learningRate: 0.01 }, comparison: { difference: mean(slow) - mean(fast) } },
  ])
  expect(whole.configurations[0].best!.mean).toBeCloseTo(mean(fast), 12)
  expect(whole.configurations[0].best!.deviation).toBeCloseTo(Math.abs(fast[0] - fast[1]) / Math.SQRT2, 12)
  const { p, exceedsNoise } = whole.configurations[1].comparison!
  expect(exceedsNoise).toBe(p! < 0.05)
})

test('results.csv has a row for each run', () => {
  const lines = readFileSync(folder.path('whole', 'results.csv'), 'utf8').split('\n')
  expect(lines[0]).toBe(
    'learningRate,seed,state,bestValLoss,bestValBitsPerByte,bestStep,finalValLoss,finalValBitsPerByte,seconds,run,error',
  )
  const [{ best, final, seconds }] = whole.runs
  const numbers = [
    best!.valLoss,
    best!.valBitsPerByte,
    best!.step,
    final!.valLoss,
    final!.valBitsPerByte,
    seconds,
  ]
  expect(lines[1]).toBe(`0.01,1,finished,${numbers.join(',')},"learning-rate=0.01,seed=1",`)
  expect(lines).toHaveLength(1 + 4 + 1)
})

test('events: the plan, each run with its training, and each result', async () => {
  const run = sweep(options('events'))
  const events = await eventsOf(run)
  const kinds = events.map((event) => (event.type === 'training' ? event.event.type : event.type))
  expect(kinds.slice(0, 3)).toEqual(['start', 'run', 'start'])
  expect(kinds.slice(-3)).toEqual(['end', 'result', 'end'])
  expect(trained(events)).toEqual(names)
  for (const event of events) if (event.type === 'training') expect(names).toContain(event.run)
  const results = events.filter((event) => event.type === 'result')
  expect(results.map(({ number, total }) => `${number}/${total}`)).toEqual(['1/4', '2/4', '3/4', '4/4'])
  expect(results.map(({ run }) => run)).toEqual((await run).runs)
})

test('unread events of a run are merged', async () => {
  const run = sweep({ ...options('unread'), evalInterval: 10, sampleInterval: 2, checkpointInterval: 1 })
  await run
  const events = await eventsOf(run)
  const stepsOf = (event: SweepEvent) =>
    event.type === 'training' && event.event.type === 'step' ? [event.run, event.event] : undefined
  const merged = events.map(stepsOf)
  expect(merged.filter((steps) => steps !== undefined).length).toBeGreaterThanOrEqual(4)
  for (const [i, steps] of merged.entries()) if (steps) expect(merged[i + 1]).toBeUndefined()
  const losses = events.flatMap((event) =>
    event.type === 'training' && event.event.type === 'step' ? event.event.losses : [],
  )
  expect(losses).toHaveLength(4 * 10)
})

test('the same sweep trains nothing again', async () => {
  const run = sweep(options('whole'))
  expect((await eventsOf(run)).map(({ type }) => type)).toEqual(['start', 'end'])
  expect(await run).toEqual(whole)
})

test('stopped at any event and continued, it has the same table', async () => {
  const resumed = []
  let result: SweepResult | undefined
  for (let most = 3; !result || result.stopped; most += 2) {
    expect(most).toBeLessThan(60)
    const run = sweep(options('stopped'))
    let count = 0
    for await (const event of run) {
      if (event.type === 'run' && event.resumes) resumed.push(event.run.name)
      if (++count === most) run.stop()
    }
    result = await run
    expect(recorded('stopped').runs).toEqual(result.runs)
  }
  expect(untimed(result)).toEqual(untimed(whole))
  expect(resumed.length).toBeGreaterThan(0)
})

test('killed and continued, it has the same table', async () => {
  writeFileSync(folder.path('text.txt'), someText())
  const args = [
    'sweep',
    '--learning-rate',
    '0.01,0.1',
    '--seed',
    '1,2',
    '--data',
    'text.txt',
    '--device',
    'js',
    '--json',
  ]
  const sizes = ['--preset', 'bigram', '--steps', '1000', '--eval-interval', '500', '--eval-batches', '2']
  const command = (out: string) => [
    ...args,
    ...sizes,
    '--batch-size',
    '4',
    '--checkpoint-interval',
    '100',
    '--out',
    out,
  ]
  const place = { cwd: folder.path() }
  const child = start(command('killed'), place)
  await shown(child, /"number":2.*"type":"checkpoint"/s)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('close', resolve))
  expect(recorded('killed').runs.map(({ state }: { state: string }) => state)).toContain('waiting')
  const resultOf = ({ stdout }: { stdout: string }) =>
    JSON.parse(stdout.trim().split('\n').at(-1)!) as SweepResult
  const [continued, uninterrupted] = [
    await runCommand(command('killed'), place),
    await runCommand(command('unkilled'), place),
  ]
  expect(untimed(resultOf(continued))).toEqual(untimed(resultOf(uninterrupted)))
})

test('killed between the last checkpoint and its record, a run is trained again', async () => {
  cpSync(folder.path('whole'), folder.path('lost'), { recursive: true })
  const file = recorded('lost')
  const [first] = file.runs
  file.runs[0] = { ...first, state: 'waiting', best: null, final: null }
  writeFileSync(folder.path('lost', 'sweep.json'), JSON.stringify(file))
  const run = sweep(options('lost'))
  expect(trained(await eventsOf(run))).toEqual([names[0]])
  expect(untimed(await run)).toEqual(untimed(whole))
})

test('a run that diverges is a row with the reason; the sweep goes on, and does not try it again', async () => {
  const diverging = { ...options('diverging'), vary: { learningRate: [1e30, 0.1], seed: [1, 2] } }
  const result = await sweep(diverging)
  expect(result.runs.map(({ state }) => state)).toEqual(['failed', 'finished', 'failed', 'finished'])
  expect(result.runs[0].error).toEqual({ code: 'non_finite', message: expect.stringContaining('not finite') })
  expect(result.configurations).toMatchObject([
    { options: { learningRate: 0.1 }, finished: 2, failed: 0 },
    {
      options: { learningRate: 1e30 },
      finished: 0,
      failed: 2,
      best: null,
      final: null,
      seconds: null,
      comparison: null,
    },
  ])
  expect(result.configurations[1].failure).toBe(result.runs[0].error!.message)
  expect(trained(await eventsOf(sweep(diverging)))).toEqual([])
})

test('a configuration with a failed run is never the best, whatever the others say', () => {
  const [a, b, c, d] = whole.runs
  const failed = {
    ...c,
    state: 'failed',
    best: null,
    final: null,
    error: { code: 'non_finite', message: 'x' },
  } as const
  const low = { ...a, best: { ...a.best!, valLoss: 0.1 } }
  const { configurations } = tableOf([low, b, failed, d])
  expect(configurations.map(({ options }) => options)).toEqual([
    { learningRate: 0.1 },
    { learningRate: 0.01 },
  ])
  expect(configurations[1]).toMatchObject({
    finished: 1,
    failed: 1,
    comparison: { p: null, exceedsNoise: null },
  })
})

test('a combination that is invalid fails alone, and is tried again', async () => {
  const { heads: _, seed: __, ...rest } = decoder
  const grid = {
    ...rest,
    ...options('invalid'),
    preset: 'decoder',
    blockSize: 11,
    embed: 15,
    layers: 1,
  } as const
  const result = await sweep({ ...grid, steps: 2, vary: { heads: [3, 4] } })
  expect(result.runs.map(({ state, error }) => [state, error?.code])).toEqual([
    ['finished', undefined],
    ['failed', 'option'],
  ])
  const again = await eventsOf(sweep({ ...grid, steps: 2, vary: { heads: [3, 4] } }))
  expect(trained(again)).toEqual(['heads=4,seed=1337'])
})

test('with several tokenizers, losses are compared in bits per byte', async () => {
  const result = await sweep({ ...options('tokenizers'), vary: { tokenizer: ['char', 'byte'] } })
  expect(result.metric).toBe('valBitsPerByte')
  for (const { options: varied, best } of result.configurations) {
    const run = result.runs.find((each) => each.options.tokenizer === varied.tokenizer)!
    expect(best).toEqual({ count: 1, mean: run.best!.valBitsPerByte, deviation: null })
  }
})

test('with exactEvaluation, losses are those of the whole validation split', async () => {
  const { runs } = await sweep({ ...options('exact'), vary: { learningRate: [0.1] }, exactEvaluation: true })
  const [{ name, best, final }] = runs
  const evaluated = await evaluate({ model: folder.path('exact', name), checkpoint: 'last', device: 'js' })
  expect(final!.valLoss).toBe(evaluated.valLoss)
  expect(final!.valBitsPerByte).toBe(evaluated.valBitsPerByte)
  expect(best).toEqual({ step: 10, ...final })
})

test('with one seed the noise is unknown', async () => {
  const { configurations } = await sweep({ ...options('one'), vary: { learningRate: [0.01, 0.1] } })
  expect(configurations[1].comparison).toEqual({
    difference: expect.any(Number),
    p: null,
    exceedsNoise: null,
  })
})

describe('a sweep in the same folder', () => {
  beforeEach(() => {
    rmSync(folder.path('more'), { recursive: true, force: true })
    cpSync(folder.path('whole'), folder.path('more'), { recursive: true })
  })
  const more = (changes: Partial<SweepOptions>) => sweep({ ...options('more'), ...changes })

  test('gets more seeds and more values; finished runs stay', async () => {
    const run = more({ vary: { seed: [1, 2, 3], learningRate: [0.01, 0.03, 0.1] } })
    expect(trained(await eventsOf(run))).toEqual([
      'learning-rate=0.03,seed=1',
      'learning-rate=0.03,seed=2',
      ...[0.01, 0.03, 0.1].map((rate) => `learning-rate=${rate},seed=3`),
    ])
    const { runs } = await run
    for (const run of whole.runs) expect(runs).toContainEqual(run)
  })

  test('varies an option that had one value; finished runs keep their folders', async () => {
    const run = more({
      vary: { learningRate: [0.01, 0.1], seed: [1, 2], batchSize: [4, 8] },
      batchSize: undefined,
    })
    expect(trained(await eventsOf(run))).toEqual(names.map((name) => `batch-size=8,${name}`))
    const { runs, configurations } = await run
    const earlier = whole.runs.map((run) => ({ ...run, options: { batchSize: 4, ...run.options } }))
    for (const run of earlier) expect(runs).toContainEqual(run)
    expect(configurations).toHaveLength(4)
    // And once more, with the names as they are.
    const again = more({
      vary: { learningRate: [0.01, 0.1], seed: [1, 2], batchSize: [4, 8] },
      batchSize: undefined,
    })
    expect(trained(await eventsOf(again))).toEqual([])
  })

  test('may run on another device or with other threads', async () => {
    expect(trained(await eventsOf(more({ threads: 1 })))).toEqual([])
  })

  test.each<[string, Partial<SweepOptions>, string]>([
    [
      'another value',
      { steps: 20 },
      'sweep: steps is 20: runs in OUT have `steps: 10`. Give this value, too, or give another `out` for a new sweep',
    ],
    [
      'an option that is missing',
      { batchSize: undefined },
      'sweep: batchSize is missing: runs in OUT have `batchSize: 4`',
    ],
    [
      'a new option',
      { weightDecay: 0.1 },
      'sweep: weightDecay is 0.1: the runs in OUT were made without it. Leave it out, or',
    ],
    [
      'a value less',
      { vary: { learningRate: [0.1], seed: [1, 2] } },
      'sweep: learningRate is 0.1: runs in OUT have `learningRate: 0.01`',
    ],
    [
      'other seeds',
      { vary: { learningRate: [0.01, 0.1], seed: [2, 3] } },
      'sweep: seed: runs in OUT have `seed: 1`',
    ],
    ['no seeds', { vary: { learningRate: [0.01, 0.1] } }, 'sweep: seed is 1337: runs in OUT have `seed: 1`'],
    [
      'another text',
      { data: { text: someText(3000, 'other') } },
      'sweep: data is an object: runs in OUT have',
    ],
  ])('that differs is rejected: %s', async (_, changes, message) => {
    const before = readFileSync(folder.path('more', 'sweep.json'), 'utf8')
    const error = await failureOf(() => more(changes))
    expect(error.code).toBe('sweep')
    expect(error.message.replaceAll(folder.path('more'), 'OUT').startsWith(message)).toBe(true)
    expect(readFileSync(folder.path('more', 'sweep.json'), 'utf8')).toBe(before)
    expect(existsSync(folder.path('more', '.lock'))).toBe(false)
  })

  test.each<[string, (file: ReturnType<typeof recorded>) => unknown]>([
    ['not an object', () => []],
    ['no runs', ({ runs: _, ...rest }) => rest],
    ['a run outside the folder', (file) => ({ ...file, runs: [{ ...file.runs[0], name: '../a=1' }] })],
    [
      'a run that is not in the grid',
      (file) => ({ ...file, runs: [{ ...file.runs[0], options: { seed: 9 } }] }),
    ],
    ['a run that is there twice', (file) => ({ ...file, runs: [file.runs[0], file.runs[0]] })],
    ['a loss that is not a number', (file) => ({ ...file, runs: [{ ...file.runs[0], best: { step: 1 } }] })],
  ])('with a damaged sweep.json is rejected: %s', async (_, damage) => {
    writeFileSync(folder.path('more', 'sweep.json'), JSON.stringify(damage(recorded('more'))))
    const error = await failureOf(() => more({}))
    expect(error).toMatchObject({ code: 'sweep', subject: folder.path('more', 'sweep.json') })
  })

  test('with a sweep.json that is not JSON is rejected', async () => {
    writeFileSync(folder.path('more', 'sweep.json'), '{')
    expect((await failureOf(() => more({}))).message).toMatch(/sweep\.json: it is not valid JSON/)
  })
})

test('a folder with other files is rejected and stays as it is', async () => {
  mkdirSync(folder.path('foreign'))
  writeFileSync(folder.path('foreign', 'mine.txt'), 'mine')
  const error = await failureOf(() => sweep(options('foreign')))
  expect(error).toMatchObject({ code: 'foreign_files', option: 'out' })
  expect(readdirSync(folder.path('foreign'))).toEqual(['mine.txt'])
})

test('a folder has one sweep at a time', async () => {
  const first = sweep(options('busy'))
  for await (const event of first) if (event.type === 'run') break
  expect(await failureOf(() => sweep(options('busy')))).toMatchObject({ code: 'run_busy' })
  first.stop()
  await first
})

test('a text that changes between two runs ends the sweep', async () => {
  const file = folder.path('changing.txt')
  const changing = { ...options('changing'), data: file }
  writeFileSync(file, someText())
  const first = await sweep(changing)
  writeFileSync(file, someText(3000, 'other'))
  expect(await sweep(changing)).toEqual(first)
  const more = { ...changing, vary: { learningRate: [0.01, 0.1], seed: [1, 2, 3] } }
  const run = folder.path('changing', 'learning-rate=0.01,seed=3')
  const error = await failureOf(() => sweep(more))
  expect(error).toMatchObject({ code: 'data', reason: expect.stringMatching(/^the text has changed/) })
  expect(error.remedy).toContain(run)
  // As the error says:
  writeFileSync(file, someText())
  rmSync(run, { recursive: true })
  expect((await sweep(more)).runs.every(({ state }) => state === 'finished')).toBe(true)
})

test('an error that is not of one run ends the sweep', async () => {
  const lost = { ...options('lost-text'), data: folder.path('no-such-file.txt') }
  expect(await failureOf(() => sweep(lost))).toMatchObject({ code: 'data_not_found' })
  expect(recorded('lost-text').runs.every(({ state }: { state: string }) => state === 'waiting')).toBe(true)
})

test('a signal stops the sweep with its reason, and the sweep can be continued', async () => {
  const controller = new AbortController()
  const run = sweep({ ...options('aborted'), signal: controller.signal })
  const read = (async () => {
    for await (const event of run) if (event.type === 'result') controller.abort()
  })()
  await expect(run).rejects.toMatchObject({ name: 'AbortError' })
  await read.catch(() => {})
  expect(untimed(await sweep(options('aborted')))).toEqual(untimed(whole))
})
