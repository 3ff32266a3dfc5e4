// The help pages, `info` and `demo`.

import { mkdirSync, writeFileSync } from 'node:fs'
import { version } from '../../lib/version'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { ended, objects, run, shown, start } from './command'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(args, { cwd: folder.path() })

test('an overview without arguments, and help for each command', async () => {
  const overview = await cli()
  expect(overview).toMatchObject({ code: 0, stderr: '' })
  for (const name of [
    'train',
    'sweep',
    'generate',
    'evaluate',
    'tokenize',
    'inspect',
    'runs',
    'compare',
    'report',
    'export',
    'stages',
    'bench',
    'info',
    'demo',
  ]) {
    expect(overview.stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'))
    const help = await cli(name, '--help')
    expect(await cli('help', name)).toEqual(help)
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toMatch(new RegExp(`^Usage: nano-gpt ${name} `))
    expect(help.stdout).toMatch(/--json/)
  }
  // A switch that is on by default is shown with the way to turn it off.
  expect((await cli('report', '--help')).stdout).toMatch(/^ {2}--\[no-\]timings .*\n.*\(default: yes\)/m)
  expect(overview.stdout).toMatch(/Examples:\n {2}nano-gpt train/)
  expect((await cli('--version')).stdout).toBe(`${version}\n`)
})

test('info lists the devices, and why one is unavailable', async () => {
  const env = { NANO_GPT_NATIVE: '0', NANO_GPT_CACHE: folder.path('cache') }
  const said = await run(['info'], { cwd: folder.path(), env })
  expect(said).toMatchObject({ code: 0, stderr: '' })
  expect(said.stdout).toMatch(`nano-gpt ${version}`)
  expect(said.stdout).toMatch(/none +NANO_GPT_NATIVE=0 turns it off/)
  expect(said.stdout).toMatch(/✗ cpu +needs the native engine, see above/)
  expect(said.stdout).toMatch(/✓ js .*← auto/)
  const [info] = objects((await run(['info', '--json'], { cwd: folder.path(), env })).stdout)
  expect(info).toMatchObject({
    type: 'info',
    version,
    node: process.version,
    native: { reason: 'NANO_GPT_NATIVE=0 turns it off' },
    cache: { folder: folder.path('cache'), corpora: [] },
  })
})

test('the demo prints samples, the device and why, the text, and what to try next', async () => {
  writeFileSync(folder.path('some.txt'), someText())
  const env = { NANO_GPT_NATIVE: '0' }
  const { code, stdout, stderr } = await run(['demo', '--data', 'some.txt', '--seconds', '4'], {
    cwd: folder.path(),
    env,
  })
  expect(code).toBe(0)
  expect(stderr).toMatch(
    /^--tokenizer char was chosen, because the text is short \(\d.* KB\) and has few .*\n$/,
  )
  expect(stdout).toMatch(/^device +js: .*\n +NANO_GPT_NATIVE=0 turns it off$/m)
  expect(stdout).toMatch(/^text +some\.txt/m)
  expect(stdout.match(/a sample after [\d,]+ steps?/g)!.length).toBeGreaterThanOrEqual(2)
  expect(stdout).toMatch(/What to try next:\n.* generate --model runs\/demo/)
})

test('a demo replaces only an earlier demo', async () => {
  const demo = (...more: string[]) =>
    cli('demo', '--data', 'some.txt', '--seconds', '1', '--device', 'js', ...more)
  expect((await demo('--out', 'demos/a')).code).toBe(0)
  expect((await demo('--out', 'demos/a')).code).toBe(0)
  // A demo that is trained further counts as a run.
  const further = ['train', '--resume', 'demos/a', '--steps', '100000', '--device', 'js', '--json']
  const child = start(further, { cwd: folder.path() })
  const done = ended(child)
  await shown(child, /"type":"step"/)
  child.kill('SIGINT')
  await done
  writeFileSync(folder.path('demos', 'mine.txt'), 'mine')
  for (const out of ['demos/a', 'demos']) {
    const refused = await demo('--out', out)
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toMatch(
      /^nano-gpt: --out is ".*": the folder contains .* demo --out runs\/demo-2\n$/,
    )
  }
})

test('without a network, the demo says how to give it a text', async () => {
  // Makes both the download and npm fail.
  mkdirSync(folder.path('npm'))
  writeFileSync(folder.path('offline.js'), "globalThis.fetch = async () => { throw new Error('no network') }")
  writeFileSync(folder.path('npm', 'npm-cli.js'), 'process.exitCode = 1')
  const env = {
    NANO_GPT_CACHE: folder.path('cache'),
    NODE_OPTIONS: `--require ${JSON.stringify(folder.path('offline.js'))}`,
    npm_execpath: folder.path('npm', 'npm-cli.js'),
  }
  const { code, stdout, stderr } = await run(['demo', '--json'], { cwd: folder.path(), env })
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  expect(objects(stdout)).toMatchObject([{ type: 'error', code: 'no_text', message: expect.any(String) }])
  expect(stdout).toMatch(/neither shakespeare \(no network\) nor moby-dick \(.*with --data/)
})
