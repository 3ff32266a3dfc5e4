// Checks which folders of native code include which, against the table in docs/architecture.md.

import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

const root = join(__dirname, '..', '..')
const endings = new Set(['.cc', '.h', '.def', '.cu', '.cuh', '.metal', '.mm'])

/**
 * The folders that each folder may include, lowest first. 'emulate' is for tests and may include
 * anything.
 */
function layersOf(page: string): Map<string, string[]> {
  const rows = page
    .split('### What a native folder includes')[1]
    .split('\n#')[0]
    .matchAll(/^\| `(?:native\/)?(\w+)\/` \|(.*)\|$/gm)
  const layers = new Map<string, string[]>()
  for (const [, folder, includes] of rows) {
    if (folder !== 'emulate') layers.set(folder, includes.match(/\w+/g) ?? [])
  }
  return layers
}

/** The includes of a file that violate the layers. */
function violations(folder: string, file: string, text: string, layers: Map<string, string[]>): string[] {
  const allowed = layers.get(folder)
  if (!allowed) return [`${file}: docs/architecture.md does not name its folder`]
  return [...text.matchAll(/^\s*#\s*include\s+"([^"]*)"/gm)]
    .filter(([, path]) => ![folder, ...allowed].includes(path.split('/')[0]))
    .map(([, path]) => `${file} includes ${path}`)
}

const layers = layersOf(readFileSync(join(root, 'docs', 'architecture.md'), 'utf8'))

test('a folder may include only folders above it in the table', () => {
  const above: string[] = []
  for (const [folder, includes] of layers) {
    expect(above).toEqual(expect.arrayContaining(includes))
    above.push(folder)
  }
})

test('sources include only what the table allows', () => {
  const folders = [
    ...readdirSync(join(root, 'native')).map((name) => join('native', name)),
    'binding',
  ].filter((path) => path !== join('native', 'emulate'))
  const found: string[] = []
  const met = new Set<string>()
  for (const path of folders) {
    const folder = path.split(/[\\/]/).at(-1)!
    for (const name of readdirSync(join(root, path))) {
      if (!endings.has(extname(name))) continue
      met.add(folder)
      const text = readFileSync(join(root, path, name), 'utf8')
      found.push(...violations(folder, join(path, name), text, layers))
    }
  }
  expect(found).toEqual([])
  expect([...met].sort()).toEqual([...layers.keys()].sort())
})

test('a forbidden include is found', () => {
  const text =
    '#include "engine/check.h"\n#include <vector>\n  # include "ops/input_error.h"\n#include "common/fibres.h"\n'
  expect(violations('engine', 'a.cc', text, layers)).toEqual([
    'a.cc includes ops/input_error.h',
    'a.cc includes common/fibres.h',
  ])
  expect(violations('cpu', 'a.cc', text, layers)).toEqual(['a.cc includes common/fibres.h'])
  expect(violations('nowhere', 'a.cc', '', layers)).toHaveLength(1)
})
