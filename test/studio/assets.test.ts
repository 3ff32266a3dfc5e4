// The files of the page: how large they are together, and that they find each other.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAssets } from '../../lib/studio/assets'

const assets = loadAssets()
const pageFiles = [...assets.keys()].filter((address) => !address.startsWith('/modules/'))
const textOf = (address: string) => assets.get(address)!.body.toString()
const matches = (address: string, pattern: RegExp) =>
  [...textOf(address).matchAll(pattern)].map(([, found]) => found)

/** In bytes, of the whole page with its packages, as a browser receives it. */
const most = 250_000

test('the page is small, and the documentation says how small', () => {
  const bytes = [...assets.values()].reduce((sum, { gzip }) => sum + gzip.length, 0)
  process.stdout.write(`the page has ${Math.round(bytes / 1000)} kB\n`)
  expect(bytes).toBeLessThanOrEqual(most)
  const docs = readFileSync(join(__dirname, '..', '..', 'docs', 'studio.md'), 'utf8')
  const [, documented] = /loads nothing from other sites, and has about (\d+) kB/.exec(docs)!
  // If this fails, write the number above into docs/studio.md.
  expect(Math.abs(1000 * Number(documented) - bytes)).toBeLessThanOrEqual(5000)
})

/** The addresses that a file of the page needs. */
function neededBy(address: string): string[] {
  if (address === '/') return matches(address, /(?:href|src)="(\/[^"]+)"/g)
  const modules: Readonly<Record<string, string>> = JSON.parse(
    matches('/', /<script type="importmap">(.*?)<\/script>/g)[0],
  ).imports
  return matches(address, /^(?:import|(?:import|export) .* from|} from) '([^']+)'/gm).map((name) =>
    name.startsWith('./') ? name.slice(1) : (modules[name] ?? name),
  )
}

test('every file that the page needs is there, and every file is needed', () => {
  const reached = new Set(['/'])
  for (const address of reached)
    if (pageFiles.includes(address)) for (const needed of neededBy(address)) reached.add(needed)
  expect([...reached].filter((address) => !assets.has(address))).toEqual([])
  expect(pageFiles.filter((address) => !reached.has(address))).toEqual([])
})
