// `nano-gpt info --report`.

import { homedir } from 'node:os'
import { join } from 'node:path'
import { libcOf, withoutHome } from '../../lib/cli/report'
import { version } from '../../lib/version'
import { temporaryFolder } from '../support/runs'
import { objects, run } from './command'

jest.setTimeout(60_000)

const folder = temporaryFolder()

test('a Markdown table with everything that an issue needs', async () => {
  const cache = join(homedir(), 'some', 'cache')
  const env = { NANO_GPT_NATIVE: '0', NANO_GPT_CACHE: cache, NANO_GPT_PYTHON: 'a|b `c` <d>\n*e*' }
  const { code, stdout, stderr } = await run(['info', '--report'], { cwd: folder.path(), env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  expect(lines.slice(0, 4)).toEqual([`**nano-gpt ${version}**`, '', '| | |', '|---|---|'])
  const rows = new Map(
    lines
      .slice(4)
      .map((line) => /^\| (\S+(?: \S+)?) \| (.+) \|$/.exec(line)!.slice(1, 3) as [string, string]),
  )
  expect(rows.get('runtime')).toBe(`Node ${process.versions.node}`)
  expect(rows.get('platform')).toMatch(`${process.platform}-${process.arch}, `)
  expect(rows.get('processor')).toMatch(/\d+ cores? available of \d+$/)
  expect(rows.get('memory')).toMatch(/^[\d.]+ GB, [\d.]+ [MG]B free/)
  expect(rows.get('native engine')).toBe('none: NANO\\_GPT\\_NATIVE=0 turns it off')
  expect(rows.get('cuda')).toBe('not available: needs the native engine')
  expect(rows.get('cpu')).toBe('not available')
  expect(rows.get('js')).toMatch(/^available: /)
  expect(rows.get('cache')).toBe(`~${cache.slice(homedir().length).replaceAll('\\', '\\\\')}`)
  expect(rows.get('NANO_GPT_PYTHON')).toBe('a\\|b \\`c\\` \\<d\\> \\*e\\*')
  expect(stdout).not.toContain(homedir())
})

test('it excludes --json', async () => {
  const { code, stdout } = await run(['info', '--report', '--json'], { cwd: folder.path() })
  expect(code).toBe(2)
  expect(objects(stdout)).toMatchObject([
    { type: 'error', code: 'usage', reason: '--report and --json exclude each other' },
  ])
  const misspelled = await run(['info', '--reprot'], { cwd: folder.path() })
  expect(misspelled.stderr).toMatch('Did you mean --report?')
})

test('the C library', () => {
  expect(libcOf({ header: { glibcVersionRuntime: '2.28' } }, 'linux')).toBe('glibc 2.28')
  expect(libcOf({ header: {}, sharedObjects: ['/lib/ld-musl-x86_64.so.1'] }, 'linux')).toBe('musl')
  expect(libcOf({ header: {}, sharedObjects: [] }, 'linux')).toBe('unknown C library')
  expect(libcOf(undefined, 'linux')).toBe('unknown C library')
  expect(libcOf(undefined, 'darwin')).toBe('')
})

test('a home folder is a tilde, wherever it stands', () => {
  const homes = ['/private/home/al', '/home/al']
  const text =
    'in /home/al, (/home/al/x:/private/home/al/y), not /home/alice, /home/al.old or /home/al-2; /home/al.'
  expect(withoutHome(text, homes, 'linux')).toBe(
    'in ~, (~/x:~/y), not /home/alice, /home/al.old or /home/al-2; ~.',
  )
  expect(withoutHome('/HOME/AL', homes, 'linux')).toBe('/HOME/AL')
  const windows = ['C:\\Users\\Al (x)']
  expect(withoutHome('c:\\users\\al (x)\\cache C:/Users/Al (x)/cache', windows, 'win32')).toBe(
    '~\\cache ~/cache',
  )
  // The home folder of a system account.
  expect(withoutHome('/a/b', ['/'], 'linux')).toBe('/a/b')
  expect(withoutHome('/a/b', [''], 'linux')).toBe('/a/b')
})
