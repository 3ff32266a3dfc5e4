// native/ops/ops.def: an op whose kernel needs scratch memory says so. Otherwise its function that
// returns the size would compile and never be called.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const native = join(__dirname, '..', '..', 'native')
const rows = [
  ...readFileSync(join(native, 'ops', 'ops.def'), 'utf8').matchAll(
    /^NANO_OP\((\w+), +(\w+), +(\w+), +(\w+)\)/gm,
  ),
]

/** The ops, as C++ names them, that define a size of scratch memory in a folder of kernels. */
function withScratch(folder: string): Set<string> {
  const sources = readdirSync(join(native, folder)).filter((name) => /\.(cc|cu|metal)$/.test(name))
  const texts = sources.map((name) => readFileSync(join(native, folder, name), 'utf8'))
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/^size_t Scratch(\w+)\(/gm)]).map(([, stem]) => stem),
  )
}

test('the list is read', () => {
  expect(rows.length).toBeGreaterThan(40)
  expect(withScratch('cpu').size).toBeGreaterThan(3)
})

test.each([
  ['cpu', 3],
  ['cuda', 4],
  ['metal', 4],
])('the kernels of %s need scratch memory where ops.def says so', (folder, column) => {
  const defined = withScratch(folder)
  for (const row of rows) {
    expect([row[2], defined.has(row[2])]).toEqual([row[2], row[column] === 'scratch'])
  }
})
