// `nano-gpt sweep`: its output in a pipe and in a terminal, and its table at any width.

import { readFileSync, writeFileSync } from 'node:fs'
import { explanations, tableLines } from '../../lib/cli/sweep_table'
import { newRun, type SweepRun } from '../../lib/sweep/runs'
import { type Table, tableOf } from '../../lib/sweep/table'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { ended, objects, run, shown, start } from './command'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(args, { cwd: folder.path() })
const tiny = [
  '--data',
  'some.txt',
  '--preset',
  'bigram',
  '--device',
  'js',
  '--eval-batches',
  '2',
  '--batch-size',
  '4',
]
const rates = ['sweep', ...tiny, '--steps', '10', '--eval-interval', '5', '--learning-rate', '0.01,0.1,1e30']

beforeAll(() => writeFileSync(folder.path('some.txt'), someText()))

/** A finished run with this loss, or a failed one. */
function made(options: SweepRun['options'], valLoss?: number): SweepRun {
  const run = { ...newRun('a=1', options), seconds: 12 }
  if (valLoss === undefined)
    return { ...run, state: 'failed', error: { code: 'non_finite', message: 'step 7 diverged. More' } }
  const loss = { valLoss, valBitsPerByte: valLoss / Math.log(2) }
  return {
    ...run,
    state: 'finished',
    best: { step: 10, ...loss },
    final: { ...loss, valLoss: valLoss + 0.01 },
  }
}

const rows = (losses: Readonly<Record<string, readonly (number | undefined)[]>>): Table =>
  tableOf(
    Object.entries(losses).flatMap(([rate, values]) =>
      values.map((loss, seed) => made({ learningRate: Number(rate), seed }, loss)),
    ),
  )
const seeds = rows({
  '0.001': [2.331, 2.3422, 2.3199],
  '0.002': [2.112, 2.108, 2.12],
  '0.003': [2.1034, 2.1101, 2.0977],
})

describe('the table', () => {
  test('at 80 columns, best first', () => {
    expect(tableLines(seeds, 80)).toEqual([
      'learning-rate  best loss        final   time  difference  p',
      '0.003          2.1037 ± 0.0062  2.1137  0:12                       best',
      '0.002          2.1133 ± 0.0061  2.1233  0:12  +0.0096     0.13     within noise',
      '0.001          2.3310 ± 0.0112  2.3410  0:12  +0.2273     <0.0001  above noise',
    ])
    expect(explanations(seeds)).toEqual([
      'Validation loss in nats per token; lower is better. ±: standard deviation over the seeds.',
      "difference: from the best. p: the probability of such a difference by chance (Welch's t-test); below 0.05 it is above the noise.",
    ])
  })

  test('with one seed, and with failed runs', () => {
    const one = rows({ '0.001': [2.331], '0.003': [2.1034], 1: [undefined] })
    expect(tableLines(one, 80)).toEqual([
      'learning-rate  runs  best loss  final   time  difference',
      '0.003          1/1   2.1034     2.1134  0:12              best',
      '0.001          1/1   2.3310     2.3410  0:12  +0.2276     noise unknown',
      '1              0/1   –          –       –                 failed',
    ])
    expect(explanations(one)).toEqual([
      'Validation loss in nats per token; lower is better.',
      'learning-rate=1: 1 of 1 run failed: step 7 diverged.',
    ])
    const some = rows({ '0.003': [2.2, 2.21], 1: [2.1, undefined] })
    expect(tableLines(some, 80).map((line) => line.split(/ {2,}/).at(-1))).toEqual([
      'difference',
      'best',
      'some failed',
    ])
  })

  test('leaves out columns where it is too wide, and keeps losses and verdicts', () => {
    for (let width = 20; width <= 120; width++) {
      const lines = tableLines(seeds, width)
      for (const line of lines) expect([width, line.length <= width]).toEqual([width, true])
      const text = lines.join(' ')
      for (const word of ['2.1037 ± 0.0062', 'best', 'above noise'])
        expect([width, text.replace(/\s+/g, ' ')]).toEqual([width, expect.stringContaining(word)])
    }
    expect(tableLines(seeds, 60)[0]).toBe('learning-rate  best loss        difference')
  })

  test('has a column for each option, and one row where only the seed varies', () => {
    const two = tableOf([1, 2].map((seed) => made({ norm: 'rms', gradientClip: null, seed }, 2 + seed / 10)))
    expect(tableLines(two, 80)).toEqual([
      'norm  gradient-clip  best loss        final   time  difference',
      'rms   Infinity       2.1500 ± 0.0707  2.1600  0:12              best',
    ])
    const alone = tableOf([1, 2].map((seed) => made({ seed }, 2 + seed / 10)))
    expect(tableLines(alone, 80)[1]).toBe('2.1500 ± 0.0707  2.1600  0:12              best')
  })
})

test('trains all runs, prints a line for each and the table, and continues', async () => {
  const first = await cli(...rates)
  expect(first).toMatchObject({ code: 0, stderr: '' })
  const lines = first.stdout.split('\n')
  expect(lines.slice(0, 5)).toEqual([
    'sweep      3 runs: 3 configurations × 1 seed',
    'saving     to sweeps/learning-rate',
    expect.stringMatching(/^device {5}js: /),
    'text       some.txt: 3,000 tokens',
    '',
  ])
  expect(first.stdout).toMatch(
    /^1\/3 {2}learning-rate=0\.01,seed=1337 {3}best \d\.\d{4} {2}final \d\.\d{4} {2}0:\d\d$/m,
  )
  expect(first.stdout).toMatch(/^3\/3 {2}learning-rate=1e\+30,seed=1337 {2}failed: .*not finite/ms)
  expect(first.stdout).toMatch(/^learning-rate +runs +best loss/m)
  expect(first.stdout).toMatch(/^1e\+30 +0\/1 +– .* failed$/m)
  expect(first.stdout.replace(/\s+/g, ' ')).toContain('repeat the command with --seed 1337,1338,1339')
  expect(first.stdout).toMatch(/generate --model sweeps\/learning-rate\/learning-rate=0\.1,seed=1337\n$/)
  for (const line of lines.slice(0, -2)) expect(line.length).toBeLessThanOrEqual(80)

  // The suggested command extends the sweep.
  const more = await cli(...rates, '--seed', '1337,1338,1339')
  expect(more.stdout).toMatch(
    /^done {7}2 runs, by an earlier command|^done {7}3 runs, by an earlier command/m,
  )
  expect(more.stdout).toMatch(/^9\/9 {2}/m)
  expect(more.stdout).not.toMatch(/^1\/9 {2}/m)
  expect(more.stdout).toMatch(/^0\.01 .*(above|within) noise$/m)

  const generated = await cli(
    ...['generate', '--model', 'sweeps/learning-rate/learning-rate=0.1,seed=1338', '--max-tokens', '5'],
    ...['--device', 'js'],
  )
  expect(generated.code).toBe(0)
})

test('Ctrl-C saves the run in progress; the printed command continues the sweep', async () => {
  const args = ['sweep', ...tiny, '--steps', '2000', '--eval-interval', '1000', '--learning-rate', '0.01,0.1']
  const long = [...args, '--out', 'sweeps/stopped']
  const child = start(long, { cwd: folder.path() })
  const done = ended(child)
  await shown(child, /^1\/2 /m)
  child.kill('SIGINT')
  const stopped = await done
  expect(stopped.code).toBe(130)
  expect(stopped.stderr).toMatch(/^stopping after this step and saving/)
  expect(stopped.stdout).toMatch(
    /Stopped with 1 of 2 runs done\. To continue:\n {2}.* sweep .*--out sweeps\/stopped\n$/,
  )
  expect(stopped.stdout).toMatch(/^0\.1 +0\/1 .* waiting$/m)
  const continued = await cli(...long)
  expect(continued.stdout).toMatch(/^2\/2 /m)
  expect(continued.stdout).not.toMatch(/^1\/2 /m)
  // An extension trains the new runs alone.
  const extended = await cli(...long.with(long.indexOf('0.01,0.1'), '0.01,0.1,0.2'), '--dry-run')
  expect(extended.stdout).toMatch(/^done {7}2 runs, by an earlier command$/m)
  expect(extended.stdout).toMatch(/^1\/3 .* per step {2}done$/m)
  expect(extended.stdout).toMatch(/^3\/3 .* per step {2}\d:\d\d$/m)
  expect(extended.code).toBe(0)
})

test('--json prints the events and the result', async () => {
  const { code, stdout, stderr } = await cli(...rates, '--out', 'sweeps/json', '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = objects(stdout)
  expect(lines[0]).toMatchObject({ type: 'start', out: 'sweeps/json', runs: [{}, {}, {}] })
  expect(lines.filter(({ type }) => type === 'result')).toHaveLength(3 + 1)
  expect(lines.at(-1)).toMatchObject({
    type: 'result',
    metric: 'valLoss',
    stopped: false,
    configurations: [{ options: { learningRate: 0.1 } }, { comparison: { p: null } }, { failed: 1 }],
  })
  expect(readFileSync(folder.path('sweeps', 'json', 'results.csv'), 'utf8').split('\n')).toHaveLength(3 + 2)
})

test('--dry-run prints the runs with their cost, and writes nothing', async () => {
  const { code, stdout } = await cli(...rates, '--seed', '1,2', '--out', 'sweeps/dry', '--dry-run')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^sweep {6}6 runs: 3 configurations × 2 seeds$/m)
  expect(stdout).toMatch(/^time {7}about 0:0\d, plus evaluations$/m)
  expect(stdout).toMatch(
    /^6\/6 {2}learning-rate=1e\+30,seed=2 {2}[\d,]+ parameters {2}[\d.]+ (µs|ms) per step {2}0:0\d$/m,
  )
  expect(() => readFileSync(folder.path('sweeps', 'dry', 'sweep.json'))).toThrow('ENOENT')
  const [plan] = objects((await cli(...rates, '--out', 'sweeps/dry', '--dry-run', '--json')).stdout)
  expect(plan).toMatchObject({ type: 'plan', out: 'sweeps/dry', runs: [{ steps: 10, done: false }, {}, {}] })
})

test.each<[string[], number, RegExp]>([
  [
    ['--steps', '5'],
    2,
    /^nano-gpt: no option has several values\. Separate values by commas: --learning-rate 1e-3,3e-3/,
  ],
  [['--seed', '1,x'], 2, /^nano-gpt: --seed is "1,x": must be a whole number/],
  [
    ['--norm', 'layer,rsm'],
    2,
    /^nano-gpt: --norm is "rsm": must be 'layer' or 'rms'. Did you mean --norm rms\?/,
  ],
  [
    ['--eval-interval', '1,2', '--seed', '1,2'],
    2,
    /^nano-gpt: --eval-interval is "1,2": must be a whole number/,
  ],
  [['--seed', '1,2', '--resume', 'a'], 2, /^nano-gpt: there is no option --resume/],
  [['--seed', '1,2', '--out', '.'], 1, /^nano-gpt: --out is ".": it contains some\.txt, but no sweep\.json/],
])('%j is rejected', async (args, code, message) => {
  const refused = await cli('sweep', ...tiny, ...args)
  expect([refused.code, refused.stdout]).toEqual([code, ''])
  expect(refused.stderr).toMatch(message)
})

test('without a finished run, the exit code is 1', async () => {
  const { code, stdout } = await cli(
    'sweep',
    ...tiny,
    '--steps',
    '5',
    '--learning-rate',
    '1e30',
    '--seed',
    '1,2',
  )
  expect(code).toBe(1)
  expect(stdout).toMatch(/2 of 2 runs failed/)
  expect(stdout).not.toMatch(/generate/)
})
