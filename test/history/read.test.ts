// Reading runs: their state, and files that are damaged, hostile, of any size, or of earlier versions.

import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { readRun, train } from '../../lib'
import { HistoryFile } from '../../lib/history/file'
import { encodeLine, type Line } from '../../lib/history/lines'
import { RunReader, runsIn } from '../../lib/history/read'
import { Trainer } from '../../lib/train/trainer'
import { runChild } from '../support/child'
import { failureOf } from '../support/errors'
import { short, temporaryFolder } from '../support/runs'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const options = { ...short, device: 'js', sampleInterval: 5, sampleTokens: 8 } as const

let out: string
beforeAll(async () => {
  out = folder.path('run')
  await (await train({ ...options, out })).dispose()
})

/** A copy of the run in which a file is changed. */
function changed(name: string, file: string, contents: string | Uint8Array | undefined): string {
  const copy = folder.path(name)
  cpSync(out, copy, { recursive: true })
  if (contents === undefined) rmSync(join(copy, file))
  else writeFileSync(join(copy, file), contents)
  return copy
}

const steps = (from: number, to = from + 1): Line => [
  'steps',
  { from, to, loss: 1, learningRate: 0.1, gradientNorm: 1, tokensPerSecond: 10, seconds: to },
]

async function read(contents: string | Uint8Array): Promise<HistoryFile> {
  const path = folder.path('metrics.jsonl')
  writeFileSync(path, contents)
  const file = new HistoryFile(path)
  await file.read()
  return file
}

test('a finished run', async () => {
  const run = await readRun(out)
  expect(run).toMatchObject({
    ...{ folder: out, state: 'finished', step: 10, steps: 10, notices: [] },
    model: { kind: 'bigram' },
    tokenizer: 'char',
    options: { preset: 'bigram', steps: 10, seed: 7 },
    data: { source: 'text.txt', bytesPerToken: { train: 1 } },
    tokensPerStep: 4 * 8,
  })
  expect(run.parameters).toBe(run.model.vocabSize ** 2)
  const { history } = run
  expect(history.steps.map(({ from, to }) => [from, to])).toEqual(
    Array.from({ length: 10 }, (_, i) => [i, i + 1]),
  )
  expect(history.evaluations.map(({ step }) => step)).toEqual([0, 5, 10])
  expect(history.samples.map(({ step, text }) => [step, text.length])).toEqual(
    [0, 5, 10].map((step) => [step, 8]),
  )
  expect(history.sessions).toMatchObject([{ step: 0, device: 'js', resumed: false }])
  expect(run.started).toBe(history.sessions[0].time)
  const best = Math.min(...history.evaluations.map(({ valLoss }) => valLoss))
  expect(run.bestValLoss).toBe(best)
})

test('a run of version 0.1.0 has no history, but its sizes, its step and its best loss', async () => {
  const run = await readRun(join(__dirname, '..', 'fixtures', '0.1.0', 'decoder'))
  expect(run).toMatchObject({ state: 'finished', notices: [], history: { steps: [], sessions: [] } })
  expect(run.step).toBe(run.steps)
  expect(run.parameters).toBeGreaterThan(100)
  expect(run.bestValLoss).toBeGreaterThan(0)
  expect(run.tokenizer).toBe('char')
  expect(run.data.trainTokens).toBeNull()
})

test('what is no run is named, with what it is', async () => {
  mkdirSync(folder.path('empty'))
  for (const [path, reason] of [
    ['nowhere', 'there is no such folder'],
    ['empty', 'it holds no run'],
    ['run/config.json', 'it is a file, not a run folder'],
  ]) {
    const error = await failureOf(() => readRun(folder.path(path)))
    expect(error).toMatchObject({ code: 'file_not_found', reason })
  }
})

describe('a run folder in which a file is missing or damaged', () => {
  test.each([
    ['config.json', 'is cut', '{'],
    ['config.json', 'is missing', undefined],
    ['plan.json', 'is of something else', '{"model":{"kind":"bigram"}}'],
    ['plan.json', 'is missing', undefined],
    ['metrics.jsonl', 'is missing', undefined],
    ['metrics.jsonl', 'is overwritten with zeros', new Uint8Array(200_000)],
    ['metrics.jsonl', 'has other lines', '[]\n{}\nnull\n{"type":"steps"}\n'],
  ])('%s %s', async (file, how, contents) => {
    const copy = changed(`${file} ${how}`, file, contents)
    const run = await readRun(copy)
    // The plan or the checkpoint tells.
    expect(run).toMatchObject({ steps: 10, model: { kind: 'bigram' } })
    if (file === 'config.json')
      expect(run.notices).toEqual([expect.stringMatching(/config.json is missing or damaged/)])
    // The history tells what the checkpoint doesn't, and a list of runs has the run.
    if (file === 'plan.json') {
      expect(run.history.evaluations.map(({ step }) => step)).toEqual([0, 5, 10])
      expect(run.notices).toEqual(contents ? [expect.stringMatching(/plan.json is damaged/)] : [])
    }
    expect(await runsIn(copy)).toEqual([copy])
    if (file === 'metrics.jsonl') expect(run.notices).toEqual([expect.stringMatching(/metrics.jsonl/)])
    if (file === 'metrics.jsonl') expect(run.history.steps).toEqual([])
  })
})

test('lines that are not valid are passed over and counted', async () => {
  const [a, b] = [encodeLine(steps(0)), encodeLine(steps(2))]
  const file = await read(
    `${a}not JSON\n{"type":"new"}\n${a.replace('"to":1', '"to":9')}${b}${encodeLine(steps(3))}`,
  )
  expect(file.history.view().steps.map(({ from }) => from)).toEqual([0, 2, 3])
  expect(file.notices).toEqual([expect.stringMatching(/: 3 of its lines cannot be read/)])
})

test('a torn last line is left out, and read when it is whole', async () => {
  const path = folder.path('growing.jsonl')
  const [a, b] = [encodeLine(steps(0)), encodeLine(steps(1))]
  const file = new HistoryFile(path)
  for (let length = a.length; length <= a.length + b.length; length += 7) {
    writeFileSync(path, (a + b).slice(0, length))
    await file.read()
    expect(file.history.view().steps).toHaveLength(1)
  }
  writeFileSync(path, a + b)
  await file.read()
  expect(file.history.view().steps).toHaveLength(2)
  expect(file.notices).toEqual([])
  // A run begins again.
  rmSync(path)
  writeFileSync(path, a)
  await file.read()
  expect(file.history.view().steps).toHaveLength(1)
})

test('a line that is too long is passed over', async () => {
  const long = `{"type":"sample","step":1,"text":"${'x'.repeat(300_000)}"}\n`
  const file = await read(encodeLine(steps(0)) + long + encodeLine(steps(1)))
  expect(file.history.view()).toMatchObject({ samples: [], steps: [{ from: 0 }, { from: 1 }] })
  expect(file.notices).toHaveLength(1)
})

test('a huge file without lines: the first 64 MiB are read', async () => {
  const path = folder.path('huge.jsonl')
  writeFileSync(path, encodeLine(steps(0)))
  truncateSync(path, 2 ** 33)
  const file = new HistoryFile(path)
  await file.read()
  expect(file.history.view().steps).toHaveLength(1)
  expect(file.notices).toEqual([
    expect.stringMatching(/: 1 of its lines/),
    expect.stringMatching(/has more than 67108864 bytes/),
  ])
})

test('many records and many kinds of them take bounded memory', async () => {
  const lines: Line[] = []
  for (let i = 0; i < 20_000; i++) {
    const step = (i * 7919) % 100_003
    lines.push(
      ['warning', { step, code: `code ${i}`, message: 'x' }],
      ['session', { step, time: '2026-01-01', version: '1', device: 'cpu', machine: 'x', resumed: true }],
      [
        'partial',
        { ...steps(step)[1], sum: 1, counted: 1, since: 0, checkpoint: i % 2 ? 'best' : 'last' } as never,
      ],
    )
  }
  const { history } = await read(lines.map(encodeLine).join(''))
  const view = history.view()
  expect(view.sessions).toHaveLength(1000)
  expect(view.warnings.length).toBeLessThan(3000)
  expect(history.lines().filter(([type]) => type === 'partial').length).toBeLessThanOrEqual(103)
})

test('any bytes give a history', async () => {
  const text = readFileSync(join(out, 'metrics.jsonl'))
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length - 1), fc.uint8Array({ maxLength: 40 }), async (at, bytes) => {
      const damaged = Buffer.concat([text.subarray(0, at), bytes, text.subarray(at + bytes.length)])
      const { history } = await read(damaged)
      const { steps } = history.view()
      for (const [i, { from, to }] of steps.entries()) {
        expect(to).toBeGreaterThan(from)
        if (i > 0) expect(from).toBeGreaterThanOrEqual(steps[i - 1].to)
      }
    }),
  )
})

test('the state of a run while it trains, after a stop, a failure and a kill', async () => {
  const path = folder.path('states')
  const run = train({ ...options, steps: 1e9, evalInterval: 1e9, sampleInterval: 0, out: path })
  const reader = new RunReader(path)
  for await (const event of run) {
    if (event.type !== 'step') continue
    expect(await reader.read()).toMatchObject({ state: 'running', steps: 1e9 })
    run.stop()
    break
  }
  await (await run).dispose()
  const stopped = await reader.read()
  expect(stopped).toMatchObject({ state: 'stopped', history: run.history() })
  expect(stopped.step).toBeGreaterThan(0)

  const spy = jest.spyOn(Trainer.prototype, 'steps').mockImplementation(async () => {
    throw new Error('no more paper')
  })
  await expect(train({ resume: path, device: 'js' })).rejects.toThrow('no more paper')
  spy.mockRestore()
  expect(await reader.read()).toMatchObject({ state: 'failed', reason: 'no more paper', step: stopped.step })

  const { signal } = await runChild(`
    const run = nano.train({ resume: ${JSON.stringify(path)}, device: 'js' })
    for await (const event of run) if (event.type === 'step') process.kill(process.pid, 'SIGKILL')
  `)
  expect(signal).toBe('SIGKILL')
  expect(await reader.read()).toMatchObject({ state: 'interrupted', history: { sessions: { length: 3 } } })
})

test('the runs below a folder', async () => {
  cpSync(out, folder.path('many', 'a'), { recursive: true })
  cpSync(out, folder.path('many', 'sweep', 'b'), { recursive: true })
  cpSync(out, folder.path('many', '.hidden', 'c'), { recursive: true })
  mkdirSync(folder.path('many', 'other'))
  writeFileSync(folder.path('many', 'other', 'plan.json'), '{}')
  expect((await runsIn(folder.path('many'))).sort()).toEqual([
    folder.path('many', 'a'),
    folder.path('many', 'sweep', 'b'),
  ])
  expect(await runsIn(folder.path('many', 'a'))).toEqual([folder.path('many', 'a')])
})
