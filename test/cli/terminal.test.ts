// The output of training in a real pseudo-terminal and in a pipe.

import { existsSync, writeFileSync } from 'node:fs'
import { onNative } from '../support/devices'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { ended, inTerminal, run, shown, startInTerminal } from './command'
import { Screen } from './screen'

jest.setTimeout(30_000)

const folder = temporaryFolder()
const tiny = ['train', '--data', 'some.txt', '--preset', 'bigram', '--device', 'js', '--eval-batches', '40']

beforeAll(() => writeFileSync(folder.path('some.txt'), someText()))

inTerminal('in a terminal', () => {
  const begin = (args: string[], columns: number, env = {}) =>
    startInTerminal(args, columns, { cwd: folder.path(), env })

  test.each([
    [100, 'runs/wide'],
    [41, 'runs/narrow'],
  ])('%i columns: live lines are erased, and permanent lines remain', async (columns, out) => {
    const sizes = ['--steps', '400', '--eval-interval', '200', '--sample-interval', '400', '--out', out]
    const { code, stdout } = await ended(begin([...tiny, ...sizes, '--sample-tokens', '30'], columns))
    expect(code).toBe(0)
    expect(stdout).toMatch(/evaluating \d+\/80/)
    expect(stdout).toMatch(/╌{5}/)
    expect(stdout).toContain('\x1b[36m')
    const screen = new Screen(columns).write(stdout)
    expect(screen.isCursorVisible).toBe(true)
    const { text } = screen
    expect(text).not.toMatch(/evaluating|tokens\/s|[━╌]|^loss/m)
    const lines = text.split('\n')
    expect(lines.filter((line) => /^step/.test(line))).toEqual([
      expect.stringMatching(/^step {3}0 {2}training/),
      expect.stringMatching(/^step 200 {2}training/),
      expect.stringMatching(/^step 400 {2}training/),
    ])
    expect(text).toMatch(/^validation loss \d\.\d\d █[▁-█]▁ \d\.\d\d$/m)
    expect(text).toMatch(/^┌ a sample after 400 steps\n│ /m)
    // On a slow disk, the save of step 200 is announced with that of step 400.
    expect([1, 2]).toContain(text.match(/saved best\.safetensors and\s+last\.safetensors/g)?.length)
    expect(text).toMatch(/To generate text:\n {2}\S/)
  })

  test('Ctrl-C erases the live lines, saves, and prints the resume command', async () => {
    const child = begin([...tiny, '--steps', '10000000', '--out', 'runs/c'], 80)
    const result = ended(child)
    await shown(child, /tokens\/s/)
    child.stdin.write('\x03')
    const { code, stdout } = await result
    expect(code).toBe(130)
    const screen = new Screen(80).write(stdout)
    expect(screen.isCursorVisible).toBe(true)
    expect(screen.text).not.toMatch(/[━╌]|\^C|stopping …/)
    expect(screen.text).toMatch(
      /^stopping after this step and saving \(Ctrl-C again stops at once, without saving\)$/m,
    )
    expect(screen.text).toMatch(
      /^Stopped after [\d,]+ steps and saved\. To resume:\n .* train --resume runs\/c/m,
    )
    expect(existsSync(folder.path('runs', 'c', 'last.safetensors'))).toBe(true)
  })

  onNative('while the engine is running', () => {
    test('a second Ctrl-C stops at once', async () => {
      const slow = [
        'train',
        '--text',
        someText(9000),
        '--preset',
        'decoder',
        '--batch-size',
        '16',
        '--no-out',
      ]
      const child = begin(slow, 80)
      const result = ended(child)
      await shown(child, /evaluating/)
      child.stdin.write('\x03')
      await shown(child, /stopping after/)
      child.stdin.write('\x03')
      const { code, stdout } = await result
      expect(code).toBe(130)
      const screen = new Screen(80).write(stdout)
      expect(screen.isCursorVisible).toBe(true)
      expect(screen.text).toMatch(
        /^stopping after this step \(Ctrl-C again stops at once, without saving\)$/m,
      )
      expect(screen.text).not.toMatch(/Stopped|[━╌]|\^C/)
    })
  })

  test.each([80, 41])('%i columns: a sweep erases its live lines, too', async (columns) => {
    const grid = ['--steps', '400', '--eval-interval', '200', '--learning-rate', '0.01,0.1', '--seed', '1,2']
    const { code, stdout } = await ended(
      begin(['sweep', ...tiny.slice(1), ...grid, '--out', `sweeps/${columns}`], columns),
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/run 2 of 4/)
    expect(stdout).toMatch(/evaluating \d+\/80/)
    const screen = new Screen(columns).write(stdout)
    expect(screen.isCursorVisible).toBe(true)
    const { text } = screen
    expect(text).not.toMatch(/run \d of 4|evaluating|tokens\/s|[━╌]/)
    expect(text.match(/^\d\/4 {2}learning-rate=/gm)).toHaveLength(4)
    expect(text.replace(/\s+/g, ' ')).toMatch(/\d\.\d{4} ± \d\.\d{4}.* (above|within) noise/)
  })

  test('an error follows the permanent lines, without live lines', async () => {
    const wild = [...tiny, '--steps', '1000', '--learning-rate', '1e30', '--no-out']
    const { code, stdout } = await ended(begin(wild, 80))
    expect(code).toBe(1)
    const screen = new Screen(80).write(stdout)
    expect(screen.isCursorVisible).toBe(true)
    expect(screen.text).not.toMatch(/[━╌]/)
    expect(screen.text.split('\n').slice(-6).join('\n')).toMatch(/^nano-gpt: /m)
  })

  test('NO_COLOR removes only the colors', async () => {
    const args = [...tiny, '--steps', '20', '--no-out']
    const { stdout } = await ended(begin(args, 80, { NO_COLOR: '1' }))
    expect(stdout).toMatch(/╌{5}/)
    for (const part of stdout.split('\x1b')) expect(part).not.toMatch(/^\[[\d;]*m/)
  })

  test.each([
    ['TERM', 'dumb'],
    ['CI', 'true'],
  ])('%s=%s: plain lines', async (name, value) => {
    const { stdout } = await ended(begin([...tiny, '--steps', '20', '--no-out'], 80, { [name]: value }))
    expect(stdout).not.toContain('\x1b')
    expect(stdout).not.toMatch(/[━╌]/)
    expect(stdout.replaceAll('\r\n', '\n')).not.toMatch(/\r/)
    expect(stdout).toMatch(/^step 20 {2}training loss/m)
  })
})

test('in a pipe: progress lines, evaluations and their curve, no control characters', async () => {
  // Makes performance.now() 100 times as fast: the 5 s between progress lines pass in 50 ms.
  writeFileSync(
    folder.path('fast.js'),
    'const now = performance.now.bind(performance); performance.now = () => 100 * now()',
  )
  const env = { NODE_OPTIONS: `--require ${JSON.stringify(folder.path('fast.js'))}` }
  const sizes = ['--steps', '3000', '--eval-interval', '1500', '--no-out']
  const { code, stdout, stderr } = await run([...tiny, ...sizes], { cwd: folder.path(), env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the output must not contain them
  expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/)
  const steps = stdout.match(/^step [ \d,]{5} {2}loss \d\.\d{3}, [\d,]+ tokens\/s, \d+:\d\d left$/gm)!
  expect(steps.length).toBeGreaterThanOrEqual(1)
  expect(stdout.match(/^step [ \d,]{5} {2}training loss/gm)).toHaveLength(3)
  expect(stdout).toMatch(
    /^validation loss \d\.\d\d █[▁-█]{2} \d\.\d\d( \(best \d\.\d\d after [\d,]+ steps\))?$/m,
  )
})

test('the header shows every choice', async () => {
  const sizes = ['--layers', '1', '--heads', '2', '--embed', '8', '--block-size', '8', '--dropout', '0.1']
  const training = [
    '--steps',
    '2',
    '--batch-size',
    '3',
    '--gradient-accumulation-steps',
    '2',
    '--beta2',
    '0.99',
  ]
  const more = [
    '--gradient-clip',
    '0.5',
    '--eval-batches',
    '1',
    '--eval-interval',
    '2',
    '--device',
    'js',
    '--no-out',
  ]
  const { stdout } = await run(['train', '--data', 'some.txt', ...sizes, ...training, ...more], {
    cwd: folder.path(),
  })
  const [printed] = stdout.split('\n\n')
  for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  // Joins values that were wrapped.
  expect(printed.replaceAll(`\n${' '.repeat(11)}`, ' ').split('\n')).toEqual([
    'device     js: plain TypeScript on one thread, slow',
    'text       some.txt: 3,000 tokens, 300 of them for validation',
    expect.stringMatching(/^tokenizer {2}char: a vocabulary of \d+ characters$/),
    expect.stringMatching(
      /^model {6}gpt, [\d,]+ parameters, 1 layer, 2 heads, 8 channels, block size 8 tokens, dropout 0\.1$/,
    ),
    'variants   --activation gelu --tied-embeddings --no-bias --embedding-dropout 0.1',
    'training   2 steps of 2 micro-batches × 3 sequences × 8 tokens, seed 1337',
    'optimizer  adamw --learning-rate 0.001 --beta2 0.99 --weight-decay 0.1 --gradient-clip 0.5',
    expect.stringMatching(/^schedule {3}--schedule cosine .*--final-learning-rate-fraction 0\.1$/),
    'evaluation every 2 steps, on 1 batch of each split',
    'saving     off; the run cannot be resumed',
  ])
})
