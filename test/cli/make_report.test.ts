// `nano-gpt report`: in a pipe and as JSON.

import { existsSync, mkdirSync } from 'node:fs'
import { train } from '../../lib/train/train'
import { short, temporaryFolder } from '../support/runs'
import { objects, run } from './command'

const folder = temporaryFolder()
const cli = (...args: string[]) => run(['report', '--device', 'js', ...args], { cwd: folder.path() })

beforeAll(async () => {
  for (const name of ['a', 'b'])
    await (await train({ ...short, device: 'js', out: folder.path('runs', name) })).dispose()
})

test('it writes the page of the newest run into its folder', async () => {
  const { code, stdout, stderr } = await cli()
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/runs\/b\/report\.html: 1 run, \d+ KB\nOpen it in a browser\./)
})

test('several runs, as JSON', async () => {
  const { code, stdout } = await cli(
    'runs/a',
    'b',
    '--out',
    'both.html',
    '--no-timings',
    '--no-losses',
    '--json',
  )
  expect(code).toBe(0)
  const [result] = objects(stdout)
  expect(result).toMatchObject({ type: 'result', runs: ['runs/a', 'runs/b'], missing: [] })
  expect(existsSync(folder.path('both.html'))).toBe(true)
})

test('a folder of runs stands for all of them, in the order of their names', async () => {
  const few = ['--no-timings', '--no-losses', '--out', 'all.html', '--json']
  const [result] = objects((await cli('runs', ...few)).stdout)
  expect(result).toMatchObject({ type: 'result', runs: ['runs/a', 'runs/b'] })
})

test('where nothing is trained, the remedy has no flag that the command lacks', async () => {
  mkdirSync(folder.path('nothing'))
  const { code, stderr } = await run(['report'], { cwd: folder.path('nothing') })
  expect(code).toBe(1)
  expect(stderr).toMatch(/^nano-gpt: there is no trained model in runs\/\. Give a run folder, or train one: /)
})

test('a folder without a run is an error that names it', async () => {
  const { code, stderr } = await cli('runs/c')
  expect(code).toBe(1)
  expect(stderr).toBe('nano-gpt: runs/c: there is no such folder. Give a run folder, the --out of a run\n')
})
