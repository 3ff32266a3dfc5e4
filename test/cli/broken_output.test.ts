// What the command line does when its output fails: a reader that is gone stops and saves the run, and
// with any other failure the run goes on without output.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { text as textOf } from 'node:stream/consumers'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { ended, ensureBuilt, main, shown, start } from './command'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const steps = 40
const train = (out: string, total = steps) =>
  ['train', '--data', 'some.txt', '--preset', 'bigram', '--device', 'js', '--eval-batches', '2'].concat([
    '--eval-interval',
    '20',
    '--steps',
    String(total),
    '--out',
    out,
  ])
const savedStep = async (out: string) => (await readCheckpoint(folder.path(out), 'last')).info.step

beforeAll(() => {
  ensureBuilt()
  writeFileSync(folder.path('some.txt'), someText())
})

function startWith(stdio: StdioOptions, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd: folder.path(), stdio })
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'close')
  return code
}

// Writing there fails with ENOSPC. Only Linux has it.
const onLinux = process.platform === 'linux' ? describe : describe.skip
onLinux('/dev/full', () => {
  const full = () => openSync('/dev/full', 'w')
  const told = 'nano-gpt: standard output failed (ENOSPC); the command goes on without it\n'

  test.each([
    ['lines', 'lines', []],
    ['JSON', 'json', ['--json']],
  ])(
    'as standard output, with %s: the run ends by itself and is saved; exit code 1',
    async (_, out, more) => {
      const child = startWith(['ignore', full(), 'pipe'], [...train(out), ...more])
      const [code, stderr] = await Promise.all([codeOf(child), textOf(child.stderr!)])
      expect({ code, stderr }).toEqual({ code: 1, stderr: told })
      expect(await savedStep(out)).toBe(steps)
    },
  )

  test('as both outputs: the run ends by itself and is saved; exit code 1', async () => {
    expect(await codeOf(startWith(['ignore', full(), full()], train('both')))).toBe(1)
    expect(await savedStep('both')).toBe(steps)
  })

  test('as standard error: a signal stops and saves the run as usual', async () => {
    const child = startWith(['ignore', 'pipe', full()], train('errors', 10_000_000))
    const code = codeOf(child)
    await shown(child as never, /step +20 /)
    child.kill('SIGTERM')
    expect(await code).toBe(143)
    expect(await savedStep('errors')).toBeGreaterThanOrEqual(20)
  })

  test('as the standard output of generate: one message, exit code 1', async () => {
    const generate = ['generate', '--model', 'lines', '--max-tokens', '50', '--device', 'js']
    const child = startWith(['ignore', full(), 'pipe'], generate)
    const [code, stderr] = await Promise.all([codeOf(child), textOf(child.stderr!)])
    expect({ code, stderr }).toEqual({ code: 1, stderr: told })
  })
})

test('a reader of standard error that is gone: a signal stops and saves the run as usual', async () => {
  const child = start(train('gone', 10_000_000), { cwd: folder.path() })
  child.stderr.destroy()
  const result = ended(child)
  await shown(child, /step +20 /)
  child.kill('SIGINT')
  expect((await result).code).toBe(130)
  expect(await savedStep('gone')).toBeGreaterThanOrEqual(20)
})

test('a reader of standard output that is gone stops the run, which is saved', async () => {
  const child = start(train('stopped', 10_000_000), { cwd: folder.path() })
  const result = ended(child)
  await shown(child, /step +20 /)
  child.stdout.destroy()
  expect(await result).toMatchObject({ code: 0, stderr: '' })
  expect(await savedStep('stopped')).toBeGreaterThanOrEqual(20)
})

const onUnix = process.platform === 'win32' ? test.skip : test
onUnix('outputs that were closed before the start: the run ends by itself and is saved', async () => {
  const child = spawn(
    '/bin/sh',
    ['-c', 'exec "$@" >&- 2>&-', 'sh', process.execPath, main, ...train('closed')],
    {
      cwd: folder.path(),
      stdio: 'inherit',
    },
  )
  expect(await codeOf(child)).toBe(0)
  expect(await savedStep('closed')).toBe(steps)
})
