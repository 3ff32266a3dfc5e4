// Runs `nano-gpt generate` with one and several texts, and `nano-gpt evaluate`, in a child process.

import { load, train } from '../../lib'
import { decoder, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { run } from './command'

const folder = temporaryFolder()
const cli = (...args: string[]) => run(args, { cwd: folder.path() })

beforeAll(async () => {
  const options = {
    ...decoder,
    data: { text: someText() },
    steps: 10,
    evalInterval: 10,
    device: 'js' as const,
  }
  await (await train({ ...options, out: folder.path('runs', 'one') })).dispose()
})

const generate = (...more: string[]) =>
  cli('generate', '--device', 'js', '--max-tokens', '12', '--seed', '5', ...more)

test('a single text follows its prompt', async () => {
  const { stdout, code } = await generate('--prompt', 'The cat')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^The cat[\s\S]{12}\n$/)
})

test('several texts have headers with their seeds and equal those generated singly', async () => {
  const alone = await generate('--prompt', 'The', '--seed', '6')
  const { stdout, code } = await generate('--prompt', 'The', '--prompt', 'A', '--n', '2')
  expect(code).toBe(0)
  expect(stdout.match(/── \d of 4, seed \d/g)).toEqual([
    '── 1 of 4, seed 5',
    '── 2 of 4, seed 6',
    '── 3 of 4, seed 5',
    '── 4 of 4, seed 6',
  ])
  expect(stdout).toContain(`── 2 of 4, seed 6\n${alone.stdout}`)
})

test('--json ends with the complete result', async () => {
  const lines = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  const one = lines((await generate('--prompt', 'The', '--json')).stdout).at(-1)
  expect(one).toMatchObject({ type: 'result', prompt: 'The', finish: 'length', seed: '5' })
  expect(one.text).toHaveLength(15)
  expect(one.logProbabilities).toHaveLength(12)
  const pieces = lines((await generate('--n', '3', '--prompt', 'The', '--json')).stdout)
  const { completions } = pieces.pop()
  expect(completions).toHaveLength(3)
  expect(completions[0]).toEqual({
    prompt: 'The',
    text: one.text,
    logProbabilities: one.logProbabilities,
    finish: 'length',
    seed: '5',
  })
  for (const [index, { text }] of completions.entries()) {
    const parts = pieces.filter((piece) => piece.index === index)
    expect(`The${parts.map((piece) => piece.text).join('')}`).toBe(text)
  }
})

test('flags for stop strings, top-p, min-p, the repetition penalty and the window', async () => {
  const whole = (await generate('--max-tokens', '60')).stdout
  const stop = whole.slice(20, 22)
  const { stdout } = await generate('--max-tokens', '60', '--stop', stop, '--stop', 'zzz')
  expect(stdout).toBe(`${whole.slice(0, whole.indexOf(stop))}\n`)
  const how = ['--top-p', '0.9', '--min-p', '0.01', '--repetition-penalty', '1.2', '--window', 'roll']
  const other = await generate('--max-tokens', '60', ...how)
  expect(other.code).toBe(0)
  expect(other.stdout).not.toBe(whole)
})

test('heads are switched off', async () => {
  const model = await load(folder.path('runs', 'one'), { device: 'js' })
  const without = [
    { layer: 0, head: 1 },
    { layer: 1, head: 0 },
    { layer: 1, head: 2 },
  ]
  const text = await model.generate({ without, maxTokens: 12, seed: 5 })
  await model.dispose()
  for (const flags of [
    ['--without', '0.1,1.0,1.2'],
    ['--without', '0.1', '--without', '1.0, 1.2'],
  ]) {
    expect(await generate(...flags)).toEqual({ code: 0, stdout: `${text}\n`, stderr: expect.any(String) })
  }
})

test('invalid values are rejected with the name of the flag', async () => {
  for (const [flags, message] of [
    [['--top-p', '2'], /^nano-gpt: --top-p is 2: must be at most 1$/m],
    [['--window', 'slide'], /^nano-gpt: --window is "slide": must be 'exact' or 'roll'$/m],
    [['--n', '0'], /^nano-gpt: --n is 0: must be at least 1$/m],
    [['--stop', ''], /^nano-gpt: --stop is "": must not be empty$/m],
    [
      ['--without', '0'],
      /^nano-gpt: --without is "0": must be heads as layer\.head, such as 0\.3 or 0\.3,2\.1$/m,
    ],
    [['--without', '0.3'], /^nano-gpt: --without: layer 0 has the heads 0 to 2, not 3$/m],
  ] as const) {
    const { stderr, code } = await generate(...flags)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  }
})

test('evaluate prints the exact loss', async () => {
  const { writeFileSync } = await import('node:fs')
  writeFileSync(folder.path('text.txt'), someText())
  const { stdout, code } = await cli('evaluate', '--device', 'js', '--data', 'text.txt')
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /Validation loss: \d\.\d{4} nats per token \(lower is better\), the mean over all\n[\d,]+ tokens of the validation split, in windows of 11 tokens\nBits per byte: \d\.\d{4}, comparable between tokenizers \(1\.00 bytes per token\)\nBest loss during training: \d\.\d{4} \(\d\.\d{3} bits per byte\), after 10 steps/,
  )
  // A run that is given a string as its text keeps a copy.
  const kept = await cli('evaluate', '--device', 'js')
  expect(kept.stdout.split('\n').slice(1, 3)).toEqual(stdout.split('\n').slice(1, 3))
  const inline = await cli('evaluate', '--device', 'js', '--text', someText())
  expect(inline.stdout.split('\n')[1]).toBe(stdout.split('\n')[1])
  const asJson = JSON.parse((await cli('evaluate', '--device', 'js', '--data', 'text.txt', '--json')).stdout)
  expect(stdout).toContain(asJson.valLoss.toFixed(4))
})
