// The files of the page: its own modules, and those of the installed packages that it uses. All are read
// once, so that no address leads to a file.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

export interface Asset {
  readonly body: Buffer
  /** The body, compressed. */
  readonly gzip: Buffer
  readonly type: string
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The page's folder, from lib/studio and from dist/studio. */
const pageFolder = join(__dirname, '..', '..', 'lib', 'studio', 'page')

/** The modules of packages: the name by which they import each other, the package, and its file. */
const modules = [
  ['preact', 'preact', 'dist/preact.mjs'],
  ['preact/hooks', 'preact', 'hooks/dist/hooks.mjs'],
  ['@preact/signals-core', '@preact/signals-core', 'dist/signals-core.mjs'],
  ['@preact/signals', '@preact/signals', 'dist/signals.mjs'],
  ['htm', 'htm', 'dist/htm.mjs'],
  ['htm/preact', 'htm', 'preact/index.mjs'],
] as const

const addressOf = (name: string) => `/modules/${name.replace('@', '').replaceAll('/', '-')}.mjs`

/** Tells the browser where the modules of packages are. It is inline: browsers read no other. */
const importMap = JSON.stringify({
  imports: Object.fromEntries(modules.map(([name]) => [name, addressOf(name)])),
})

/** Where the page has its import map. */
const importMapMark = '<!-- import map -->'

/**
 * Only the page's own scripts and styles, and no other sites. The import map is the only inline script,
 * and has to be to the letter what it is here.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(importMap).digest('base64')}'`,
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** All files, by their address. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  const add = (address: string, path: string, change = (text: string) => text) => {
    const body = Buffer.from(change(readFileSync(path, 'utf8')))
    assets.set(address, { body, gzip: gzipSync(body), type: types[extname(path)] })
  }
  for (const name of readdirSync(pageFolder)) {
    if (types[extname(name)] === undefined) continue
    if (name !== 'index.html') add(`/${name}`, join(pageFolder, name))
  }
  for (const [name, packageName, file] of modules) add(addressOf(name), join(folderOf(packageName), file))
  const uplot = join(folderOf('uplot'), 'dist')
  add('/modules/uplot.js', join(uplot, 'uPlot.iife.min.js'))
  add('/modules/uplot.css', join(uplot, 'uPlot.min.css'))
  const importScript = `<script type="importmap">${importMap}</script>`
  add('/', join(pageFolder, 'index.html'), (page) => page.replace(importMapMark, importScript))
  return assets
}

/** The folder of an installed package. Some packages do not export their package.json. */
function folderOf(name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, 'package.json')
    try {
      readFileSync(path)
      return dirname(path)
    } catch {
      // It is in a folder farther up.
    }
  }
  throw new Error(`the package ${name} is not installed`)
}
