// Runs `nano-gpt bench` in a child process, with the smallest cases.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { temporaryFolder } from '../support/runs'
import { objects, run } from './command'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const bench = (...args: string[]) => run(['bench', ...args], { cwd: folder.path() })
const small = ['--only', '01', '--rounds', '1', '--device', 'js']

test('steps --json prints one object per line, with name and ms', async () => {
  const { code, stdout, stderr } = await bench(...small, '--json')
  expect([code, stderr]).toEqual([0, ''])
  expect(objects(stdout)).toEqual([
    {
      type: 'bench',
      kind: 'steps',
      name: '01',
      preset: 'bigram',
      device: 'js',
      threads: expect.any(Number),
      batchSize: 32,
      ms: expect.any(Number),
    },
  ])
})

test('steps --only takes stage numbers and presets; results are in course order', async () => {
  const args = ['--only', 'single-head,1', '--batch-size', '2', '--rounds', '1', '--json']
  const found = objects((await bench('steps', ...args)).stdout)
  expect(found.map(({ name, batchSize }) => [name, batchSize])).toEqual([
    ['01', 2],
    ['03', 2],
  ])
})

test('--save writes a file that --baseline reads', async () => {
  const first = await bench(...small, '--save', 'results/first.json')
  expect([first.code, first.stderr]).toEqual([0, ''])
  expect(first.stdout).toMatch(/^01 +bigram +32 +[\d.]+$/m)
  expect(first.stdout).toMatch('Saved to results/first.json')
  const saved = JSON.parse(readFileSync(folder.path('results', 'first.json'), 'utf8'))
  expect(saved.results).toHaveLength(1)
  const second = await bench(...small, '--threads', '1', '--baseline', 'results/first.json')
  expect(second.stdout).toMatch(/before +before\/now\n01 +bigram +32 +[\d.]+ +[\d.]+ +[\d.]+$/m)
  const [third] = objects((await bench(...small, '--baseline', 'results/first.json', '--json')).stdout)
  expect(third.baseline).toEqual({ ms: saved.results[0].ms, ratio: expect.any(Number) })
})

test('roofline: the ops of a step, the time outside ops, and the total', async () => {
  const args = ['roofline', '--only', '03', '--batch-size', '2', '--rounds', '2']
  const found = objects((await bench(...args, '--json')).stdout)
  const whole = found.at(-1)!
  expect(whole).toMatchObject({ kind: 'roofline', name: '03', part: 1 })
  const parts = found.slice(0, -1)
  const sum = parts.reduce((total, { part }) => total + (part as number), 0)
  expect(sum).toBeCloseTo(1, 6)
  expect(parts.at(-1)!.name).toBe('03 (outside ops)')
  expect(parts.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^03 attention \[/))
  // The update Program is included.
  expect(parts.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^03 adamw /))
  const table = await bench(...args)
  expect([table.code, table.stderr]).toEqual([0, ''])
  expect(table.stdout).toMatch(/^03: [\d.]+ ms\/step, [\d.]+ GFLOP\/s/m)
})

test('roofline --paper computes times from published peaks, without a device', async () => {
  const args = ['roofline', '--paper', 'm2-max', '--only', '03,cpu']
  const found = objects((await bench(...args, '--json')).stdout)
  const wholes = found.filter(({ part }) => part === 1)
  expect(wholes.map(({ name, device }) => [name, device])).toEqual([
    ['03', 'm2-max'],
    ['cpu', 'm2-max'],
  ])
  const table = await bench(...args, '--precision', 'bf16')
  expect([table.code, table.stderr]).toEqual([0, ''])
  expect(table.stdout).toMatch(/^single-head, batches of 32, on paper: m2-max, bf16\nop .* FLOP\/byte/m)
  expect(table.stdout).toMatch(/^cpu: [\d.]+ ms\/step, .* 34\.0 FLOP\/byte; nothing was measured\)$/m)
})

test('ops --only selects a case and the cases that start with its name and a hyphen', async () => {
  const args = ['ops', '--only', 'layer-norm', '--batch-size', '1', '--rounds', '1']
  const found = objects((await bench(...args, '--json')).stdout)
  expect(found.map(({ name }) => name)).toEqual(['layer-norm', 'layer-norm-backward'])
  for (const each of found) {
    for (const name of ['ms', 'flopsPerSecond', 'bytesPerSecond']) expect(each[name]).toBeGreaterThan(0)
  }
})

test('--precision is passed on and shown', async () => {
  const [found] = objects((await bench(...small, '--precision', 'tf32', '--json')).stdout)
  expect(found).toMatchObject({ name: '01', precision: 'tf32' })
  const args = ['ops', '--only', 'gemm-768x128x512', '--rounds', '1', '--device', 'js']
  expect((await bench(...args, '--precision', 'bf16')).stdout).toMatch(/^device js, \d+ threads, bf16$/m)
})

/**
 * A script that mocks a Python with torch and mlx. It answers every command with a time of
 * 1000 ms for torch and 500 ms for MLX.
 */
function fakePython(): string {
  const path = folder.path('python')
  writeFileSync(
    path,
    `#!${process.execPath}
if (process.argv[2] === '-c') console.log('2.99')
else require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  if (line !== 'quit') console.log(JSON.stringify(line.startsWith('{') ? { ready: true } : { ms: /mlx/.test(process.argv[2]) ? 500 : 1000 }))
  else process.exit()
})
`,
  )
  chmodSync(path, 0o755)
  return path
}

const onUnix = process.platform === 'win32' ? test.skip : test

onUnix('--compare torch alternates rounds with a Python process', async () => {
  const args = ['--only', '01', '--rounds', '2', '--compare', 'torch', '--python', fakePython()]
  const [found] = objects((await bench(...args, '--json')).stdout)
  const [torch] = found.torch as { variant: string; ms: number; ratio: number; ratios: number[] }[]
  expect(torch).toMatchObject({ variant: 'reference', ms: 1000 })
  expect(torch.ratios).toHaveLength(2)
  expect(torch.ratio).toBeCloseTo((torch.ratios[0] + torch.ratios[1]) / 2, 9)
  const table = await bench(...args)
  expect(table.stdout).toMatch(/^01 +bigram .* reference +1,000 +[\d.]+ +[\d.]+ [\d.]+$/m)
  const op = [
    'ops',
    '--only',
    'gemm-768x128x512',
    '--rounds',
    '1',
    '--compare',
    'torch',
    '--python',
    'python',
  ]
  const [gemm] = objects(
    (await run(['bench', ...op, '--json'], { cwd: folder.path(), env: { PATH: folder.path() } })).stdout,
  )
  expect(gemm).toMatchObject({ name: 'gemm-768x128x512', torch: [{ variant: 'torch', ms: 1000 }] })
})

onUnix('--compare torch,mlx measures both, and --save stores their versions', async () => {
  const args = ['--only', 'cpu', '--batch-size', '1', '--rounds', '1', '--compare', 'torch,mlx']
  const [found] = objects(
    (await bench(...args, '--python', fakePython(), '--save', 'both.json', '--json')).stdout,
  )
  const variants = (found.torch as { variant: string; ms: number }[]).map(({ variant, ms }) => [variant, ms])
  expect(variants).toEqual([
    ['fused', 1000],
    ['compiled', 1000],
    ['mlx', 500],
  ])
  const { versions } = JSON.parse(readFileSync(folder.path('both.json'), 'utf8'))
  expect(versions).toMatchObject({ torch: '2.99', mlx: '2.99' })
})

test('without a Python that has torch, the error says how to install it', async () => {
  const env = { NANO_GPT_PYTHON: folder.path('no-python') }
  const { code, stderr } = await run(['bench', ...small, '--compare', 'torch'], { cwd: folder.path(), env })
  expect(code).toBe(1)
  expect(stderr).toMatch(/no-python.*pip install torch.*--python.*NANO_GPT_PYTHON/)
})

test.each([
  [['stepz'], /there is no benchmark "stepz"\. Did you mean steps\? See ".* bench --help"/],
  [['--only', 'decodr'], /--only is "decodr".*Did you mean --only decoder\?/],
  [['ops', '--only', 'gem'], /the cases are gemm-384x384-forward/],
  [['--rounds', '0'], /--rounds is 0: must be at least 1/],
  [['--threads', '0', '--only', '01'], /--threads is 0/],
  [['--compare', 'jax'], /--compare is "jax": must be 'torch', 'mlx' or 'torch,mlx'/],
  [
    ['ops', '--compare', 'torch,mlx'],
    /--compare is "torch,mlx": MLX is measured only for steps\. Give --compare torch/,
  ],
  [['--python', 'python3'], /--python is "python3": it is used only with --compare\. Give --compare as well/],
  [
    ['roofline', '--compare', 'torch'],
    /--compare is "torch": it applies only to steps, ops or generate, but the benchmark is roofline/,
  ],
  [['roofline', '--paper', 'm3'], /--paper is "m3": must be 'm2', 'm2-max' or 'm1-max'/],
  [['--paper', 'm2'], /--paper is "m2": it applies only to roofline, but the benchmark is steps/],
  [
    ['roofline', '--paper', 'm2', '--device', 'cpu'],
    /--device is "cpu": it has no effect with --paper, which measures nothing\. Leave it out/,
  ],
  [
    ['roofline', '--paper', 'm2', '--instruction-set', 'avx2'],
    /--instruction-set is "avx2": it has no effect with --paper, which measures nothing/,
  ],
  [
    ['generate', '--batch-size', '2'],
    /--batch-size is 2: it applies only to steps, ops or roofline, but the benchmark is generate/,
  ],
  [
    ['generate', '--precision', 'bf16'],
    /--precision is "bf16": it applies only to steps, ops or roofline, but the benchmark is generate/,
  ],
  [['--precision', 'f16'], /--precision is "f16": must be 'f32', 'tf32' or 'bf16'/],
  [['--device', 'cup', '--only', '01'], /Did you mean .*cpu'?\?/],
  [['--baseline', 'nowhere.json'], /--baseline is "nowhere\.json": .*Give a file that --save wrote/],
  [['--onli', '01'], /there is no option --onli\. Did you mean --only\?.*bench --help/],
])('%p is rejected', async (args, message) => {
  const { code, stdout, stderr } = await bench(...args)
  expect(code).toBeGreaterThan(0)
  expect(stdout).toBe('')
  expect(stderr).toMatch(message)
})
