// The rules of .dependency-cruiser.js find violations, and docs/architecture.md states the same
// layers.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from './support/runs'

const root = join(__dirname, '..')
const config = join(root, '.dependency-cruiser.js')
const folder = temporaryFolder()

/** Checks a lib/ that consists of these files. */
function check(name: string, files: Record<string, string>) {
  const cwd = folder.path(name)
  for (const [file, text] of Object.entries(files)) {
    const path = join(cwd, 'lib', file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const tool = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs')
  const args = [tool, 'lib', '--config', config, '--no-cache']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status, errors: `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('  error')) }
}

const library = {
  'index.ts': "export { trace } from './graph/trace'\nexport { add } from './ops'\n",
  'graph/trace.ts': 'export const trace = 1\n',
  'ops/index.ts': "export { add } from './add'\n",
  'ops/add.ts': "import { trace } from '../graph/trace'\nexport const add = trace\nexport type Op = number\n",
}

test('imports of lower layers pass', () => {
  expect(check('right', library)).toEqual({ status: 0, errors: [] })
})

test('an import from a higher layer fails, even of a type', () => {
  const trace = "import type { Op } from '../ops/add'\nexport const trace: Op = 1\n"
  const { status, errors } = check('upward', { ...library, 'graph/trace.ts': trace })
  expect(status).not.toBe(0)
  expect(errors).toEqual(['  error graph: lib/graph/trace.ts → lib/ops/add.ts'])
})

test('a folder that is not a layer fails', () => {
  const { status, errors } = check('unknown', {
    ...library,
    'index.ts': `${library['index.ts']}export { own } from './extra/own'\n`,
    'extra/own.ts': "import { add } from '../ops'\nexport const own = add\n",
  })
  expect(status).not.toBe(0)
  expect(errors).toEqual([
    '  error unknown-layer: lib/extra/own.ts → lib/ops/index.ts',
    '  error index: lib/index.ts → lib/extra/own.ts',
  ])
})

test('an op missing from the list fails, like any unreachable file', () => {
  const { status, errors } = check('unused', {
    ...library,
    'ops/scale.ts': "import { add } from './add'\nexport const scale = add\n",
  })
  expect(status).not.toBe(0)
  expect(errors).toEqual(['  error unused-file: lib/ops/scale.ts'])
})

test('docs/architecture.md states the same layers in the same order', () => {
  const { forbidden } = require(config) as { forbidden: { name: string; comment: string }[] }
  const stated = forbidden.flatMap(
    ({ comment }) => comment.match(/^lib\/(\w+) may import (.*)$/)?.slice(1, 3) ?? [],
  )
  const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `lib\/(\w+)(?:\/|\.ts)` \|.*\| ([^|]*) \|$/gm)]
  expect(rows.flatMap(([, name, allowed]) => [name, allowed.replaceAll('`', '')])).toEqual(stated)
})
