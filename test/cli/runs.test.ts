// `nano-gpt runs` and `nano-gpt compare`.

import { cpSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { readRun, type TrainOptions, train } from '../../lib'
import { dateOf, linesOf } from '../../lib/cli/runs'
import { columnsOf } from '../../lib/cli/words'
import { csvRow } from '../../lib/files/csv'
import { short, temporaryFolder } from '../support/runs'
import { ended, objects, run, shown, start } from './command'

jest.setTimeout(120_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(args, { cwd: folder.path() })
const options: TrainOptions = { ...short, device: 'js', evalInterval: 5, sampleInterval: 5, sampleTokens: 5 }

async function trainIn(name: string, given: TrainOptions = {}): Promise<string> {
  const out = folder.path('runs', name)
  await (await train({ ...options, ...given, out })).dispose()
  return out
}

beforeAll(async () => {
  await trainIn('slow', { learningRate: 1e-4 })
  await trainIn('fast', { learningRate: 0.1, steps: 20 })
})

describe('runs', () => {
  test('lists the runs in runs/, the newest first, in two lines of at most 80 columns', async () => {
    const { code, stdout, stderr } = await cli('runs')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(4)
    const loss = (await readRun(folder.path('runs', 'fast'))).bestValLoss!.toFixed(4)
    expect(lines[0]).toMatch(new RegExp(`^fast +finished +[▁-█]+ +validation loss ${loss}$`))
    expect(lines[1]).toMatch(/^ {2}20 steps, [\d,]+ parameters, 640 tokens of text, \d\d:\d\d$/)
    expect(lines[2]).toMatch(/^slow +finished/)
    for (const line of lines) expect(columnsOf(line)).toBeLessThan(80)
  })

  test('--json and --csv', async () => {
    const found = objects((await cli('runs', '--json')).stdout)
    expect(found).toMatchObject([
      { type: 'run', folder: 'runs/fast', state: 'finished', reason: null, step: 20, steps: 20, tokens: 640 },
      { type: 'run', folder: 'runs/slow', data: 'text', preset: 'bigram' },
    ])
    expect(found[0]).not.toHaveProperty('history')
    const [head, ...rows] = (await cli('runs', '--csv')).stdout.trimEnd().split('\n')
    expect(head).toMatch(/^folder,state,reason,step,steps,/)
    expect(rows.map((row) => row.split(',').slice(0, 5).join())).toEqual([
      'runs/fast,finished,,20,20',
      'runs/slow,finished,,10,10',
    ])
    expect(new Set([head, ...rows].map((row) => row.split(',').length)).size).toBe(1)
  })

  test('every command takes the name of a run in runs/; a path comes first', async () => {
    expect((await cli('runs', 'slow')).stdout).toMatch(/^slow +finished/)
    for (const command of ['generate --max-tokens 3 --model slow', 'evaluate --model slow'])
      expect(await cli(...command.split(' '), '--json', '--device', 'js')).toMatchObject({
        code: 0,
        stderr: '',
      })
    const started = await cli('train', '--from', 'slow', '--no-out', '--dry-run', '--device', 'js')
    expect(started.stdout).toMatch(/^weights +from .*runs\/slow$/m)
    // Here, this folder is no run.
    mkdirSync(folder.path('slow'))
    const refused = await cli('generate', '--model', 'slow')
    rmdirSync(folder.path('slow'))
    expect(refused.stderr).toMatch(/the folder slow contains no checkpoint/)
  })

  test('a failure is shown with its reason, and names of any length fit', async () => {
    const record = await readRun(folder.path('runs', 'slow'))
    const failed = { ...record, state: 'failed', reason: 'step 4: it is\u001b[2J broken '.repeat(9) } as const
    const name = `/x/very-${'長い'.repeat(20)}`
    const lines = linesOf({ ...failed, folder: name, steps: 1e9, data: { ...record.data, name } }, '/x', 79)
    expect(lines.length).toBeGreaterThan(4)
    // A line of its own for a long name, because the names of a sweep differ at their ends.
    expect(lines[0]).toMatch(/^very-長い.*…$/)
    expect(lines[1]).toMatch(/^ {30}failed /)
    const [ofSweep, facts] = linesOf({ ...record, folder: '/x/sweep/learning-rate=0.003,seed=2' }, '/x', 79)
    expect(ofSweep).toBe('sweep/learning-rate=0.003,seed=2')
    expect(facts).toMatch(/^ {30}finished /)
    expect(lines.join('')).toContain('broken')
    expect(lines.join('')).not.toContain('\u001b')
    for (const line of lines) expect(columnsOf(line)).toBeLessThan(80)
  })

  test('a date is a time if it is today', () => {
    const now = new Date(2026, 1, 3, 14, 5)
    expect(dateOf(new Date(2026, 1, 3, 7, 8).toISOString(), now)).toBe('07:08')
    expect(dateOf(new Date(2026, 0, 31, 7, 8).toISOString(), now)).toBe('2026-01-31')
  })

  test('folders without runs, and what cannot be combined', async () => {
    mkdirSync(folder.path('none'))
    for (const where of ['none', 'nowhere']) {
      const { code, stderr } = await cli('runs', where)
      expect(code).toBe(1)
      expect(stderr).toContain(`there is no run in ${where}. Give the folder of a run`)
    }
    expect(await cli('runs', '--csv', '--watch')).toMatchObject({ code: 2, stdout: '' })
    expect(await cli('runs', '--csv', '--json')).toMatchObject({ code: 2 })
  })

  test('a damaged run does not hide the others', async () => {
    const damaged = folder.path('some', 'damaged')
    cpSync(folder.path('runs', 'slow'), damaged, { recursive: true })
    cpSync(folder.path('runs', 'fast'), folder.path('some', 'whole'), { recursive: true })
    rmSync(`${damaged}/plan.json`)
    for (const name of readdirSync(damaged).filter((each) => each.endsWith('.safetensors')))
      writeFileSync(`${damaged}/${name}`, 'x')
    const { code, stdout, stderr } = await cli('runs', 'some')
    expect(code).toBe(0)
    expect(stderr).toMatch(/nano-gpt: .*some.damaged.*last\.safetensors/)
    expect(stdout).toMatch(/^whole/m)
  })

  test('--watch follows a run from another process until it ends', async () => {
    const words = ['--data', 'text.txt', '--preset', 'bigram', '--steps', '2000000', '--device', 'js']
    writeFileSync(folder.path('text.txt'), readFileSync(folder.path('runs', 'slow', 'text.txt')))
    const more = ['--eval-interval', '500', '--eval-batches', '1', '--out', 'runs/watched']
    const training = start(['train', ...words, ...more], { cwd: folder.path() })
    await shown(training, /step +500 /)
    const watching = start(['runs', 'runs/watched', '--watch'], { cwd: folder.path() })
    const ending = ended(watching)
    await shown(watching, /step [\d, ]+ training loss .*\n.*step [\d, ]+ training loss /s)
    training.kill('SIGINT')
    const { code, stdout } = await ending
    expect(code).toBe(0)
    expect(stdout).toMatch(/watched +stopped/)
    expect((await cli('runs', '.', '--watch')).stdout).toMatch(/^runs\/fast +finished/m)
    expect(await cli('runs', 'runs/watched', '--watch')).toMatchObject({
      code: 0,
      stderr: 'no run is training\n',
    })
    rmSync(folder.path('runs', 'watched'), { recursive: true })
  })
})

describe('compare', () => {
  test('shows the options that differ, and losses at equal steps and times', async () => {
    const { code, stdout, stderr } = await cli('compare', 'slow', 'runs/fast')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('A  runs/slow: finished after 10 steps\nB  runs/fast: finished after 20 steps')
    expect(stdout).toMatch(/Options that differ\n +A +B\nsteps +10 +20\nlearningRate +0\.0001 +0\.1\n\n/)
    expect(stdout).toMatch(
      /Validation loss at equal steps, in nats per token\nstep +A +B\n +5 +\d\.\d{4} +\d\.\d{4}\n +10 /,
    )
    expect(stdout).toMatch(/Training loss at equal training times/)
    expect(stdout).toMatch(/Lowest validation loss, in nats per token\nB {2}/)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(80)
  })

  test('--json and --csv', async () => {
    const [result] = objects((await cli('compare', 'slow', 'fast', '--json')).stdout)
    expect(result).toMatchObject({
      type: 'result',
      unit: 'nats per token',
      options: { steps: [10, 20], learningRate: [1e-4, 0.1] },
      runs: [{ folder: 'runs/slow' }, { folder: 'runs/fast' }],
      steps: [{ step: 5 }, { step: 10 }],
    })
    const [head, ...rows] = (await cli('compare', 'slow', 'fast', '--csv')).stdout.trimEnd().split('\n')
    expect(head).toBe(
      'run,kind,step,seconds,trainLoss,valLoss,valBitsPerByte,learningRate,gradientNorm,tokensPerSecond',
    )
    expect(rows.filter((row) => row.startsWith('slow,steps,'))).toHaveLength(10)
    expect(rows.filter((row) => row.startsWith('fast,evaluation,'))).toHaveLength(5)
  })

  test('many runs with many differences fit into 80 columns', async () => {
    for (const i of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const copy = folder.path('runs', `a-run-with-a-long-name-${i}`)
      cpSync(folder.path('runs', 'slow'), copy, { recursive: true })
      const config = `${copy}/config.json`
      writeFileSync(
        config,
        readFileSync(config, 'utf8').replace('"seed": 7', `"seed": "${'1'.repeat(9 + i)}"`),
      )
    }
    const names = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `a-run-with-a-long-name-${i}`)
    const { code, stdout } = await cli('compare', ...names)
    expect(code).toBe(0)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(80)
    expect(stdout).toContain(`I ${'1'.repeat(18)}`)
  })

  test('needs two runs', async () => {
    expect(await cli('compare', 'slow')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/a comparison needs two runs or more/),
    })
    expect(await cli('compare', 'slow', '--csv')).toMatchObject({ code: 0, stderr: '' })
    expect(await cli('compare', 'slow', 'nowhere')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nowhere: there is no such folder/i),
    })
  })
})

test('cells of CSV are quoted, and none is a formula', () => {
  expect(csvRow(['a,b', 'say "hi"', 'two\nlines', null, undefined, -1.5, '=1+1', '-x', true])).toBe(
    `"a,b","say ""hi""","two\nlines",,,-1.5,'=1+1,'-x,true`,
  )
})
