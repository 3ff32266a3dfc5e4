// Error codes: the list includes the engine's codes, and every code is used.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '../../lib/errors'

const root = join(__dirname, '..', '..')
const engine = readFileSync(join(root, 'native', 'engine', 'status.cc'), 'utf8')
const native = [...engine.matchAll(/return "(\w+)";/g)]
  .map(([, code]) => code)
  .filter((code) => code !== 'ok')

test('the list includes the codes of the engine', () => {
  expect(native).toContain('invalid_program')
  expect(Object.keys(errorCodes)).toEqual(expect.arrayContaining(native))
})

test('each code is used', () => {
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('codes.ts'))
    .map((name) => readFileSync(join(root, 'lib', name), 'utf8'))
    .join('\n')
  const unused = Object.keys(errorCodes).filter(
    (code) => !sources.includes(`'${code}'`) && !native.includes(code),
  )
  expect(unused).toEqual([])
})
