// `nano-gpt report`: in a pipe and as JSON.

import { existsSync } from 'node:fs'
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
  expect(stdout).toMatch(/runs\/b\/report\.html: 1 run, \d+ kB\nOpen it in a browser\./)
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

test('a folder without a run is an error that names it', async () => {
  const { code, stderr } = await cli('runs/c')
  expect(code).toBe(1)
  expect(stderr).toBe('nano-gpt: runs/c: there is no such folder. Give a run folder, the --out of a run\n')
})
