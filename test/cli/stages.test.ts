// Runs `nano-gpt stages` in a child process.

import { writeFileSync } from 'node:fs'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { objects, run } from './command'

const folder = temporaryFolder()
const cwd = () => folder.path()
const stage = (...args: string[]) => run(['stages', ...args], { cwd: cwd() })

beforeAll(() => writeFileSync(folder.path('text.txt'), someText(4000)))

test('lists the stages with their parameter counts', async () => {
  const { code, stdout } = await stage()
  expect(code).toBe(0)
  for (const line of [/00 {2}notebook +4,225/, /06 {2}blocks +16,865/, /09 {2}decoder +10,788,929/]) {
    expect(stdout).toMatch(line)
  }
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  const listed = objects((await stage('--json')).stdout)
  expect(listed.map(({ stage }) => stage)).toEqual(Array.from({ length: 10 }, (_, i) => `0${i}`))
})

describe.each(['00', '01', '03', '04', '05', '06', '07', '08'])('stage %s', (number) => {
  const args = (seed: number) => [
    number,
    '--data',
    'text.txt',
    '--steps',
    '3',
    '--seed',
    String(seed),
    '--json',
  ]

  test('ends with its result, which the seed determines', async () => {
    const [first, again, other] = await Promise.all([stage(...args(3)), stage(...args(3)), stage(...args(4))])
    const results = [first, again, other].map(({ code, stdout, stderr }) => {
      expect([code, stderr]).toEqual([0, ''])
      return objects(stdout).at(-1)!
    })
    expect(results[0]).toMatchObject({ type: 'result', stage: number, parameters: expect.any(Number) })
    for (const name of ['trainLoss', 'valLoss', 'seconds']) expect(results[0][name]).toBeGreaterThan(0)
    expect(results[1]).toEqual({ ...results[0], seconds: expect.any(Number) })
    expect(results[2].valLoss).not.toBe(results[0].valLoss)
  })
})

test('stage 02 requires no text and does not train', async () => {
  const { code, stdout, stderr } = await stage('02', '--steps', '5')
  expect(code).toBe(0)
  expect(stderr).toMatch(/stage 02 does not train and ignores --steps/)
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(stdout.match(/agree: the largest difference is/g)).toHaveLength(4)
  const last = objects((await stage('2', '--json')).stdout).at(-1)
  expect(last).toMatchObject({ type: 'result', stage: '02', parameters: 0, trainLoss: null, valLoss: null })
})

test('--out saves the model', async () => {
  const { code } = await stage('bigram', '--data', 'text.txt', '--steps', '3', '--out', 'kept')
  expect(code).toBe(0)
  const written = await run(['generate', '--model', 'kept', '--max-tokens', '20'], { cwd: cwd() })
  expect([written.code, written.stdout.length > 20]).toEqual([0, true])
})

test.each([
  [['10'], /there is no stage "10"\. The stages are numbered 00 to 09/],
  [['single-heed'], /there is no stage "single-heed".* Did you mean single-head\?/],
  [['03', '--stepz', '4'], /there is no option --stepz\. Did you mean --steps\?.*stages --help/],
  [['03', '--steps', '0'], /^nano-gpt: --steps is 0: must be at least 1$/m],
  [['03', '--data', 'nowhere.txt'], /nowhere\.txt/],
  [['03', '--device', 'cup'], /Did you mean .*cpu'?\?/],
])('%p is rejected', async (args, message) => {
  const { code, stderr, stdout } = await stage(...args)
  expect(code).not.toBe(0)
  expect(stderr).toMatch(message)
  expect(stdout).not.toMatch(/training loss/)
})
