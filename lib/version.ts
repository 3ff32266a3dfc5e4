// The version of this package, from its package.json. index.ts imports this module before any other,
// so that a program with nano-gpt inside a bundle ends with a clear error: docs/bundlers.md.

const manifest = readManifest()
export const version: string = manifest.version

/** @throws Error if this file is not in the folder of the package, but in a bundle */
function readManifest(): { name: string; version: string } {
  let cause: unknown
  try {
    // Neither `require` nor `__dirname` exists in a bundle that is an ES module.
    const { readFileSync } = require('node:fs') as typeof import('node:fs')
    const found = JSON.parse(readFileSync(`${__dirname}/../package.json`, 'utf8'))
    if (found.name === 'nano-gpt') return found
  } catch (error) {
    cause = error
  }
  throw new Error(
    'nano-gpt cannot be bundled, because it loads a native binary and other files from its own folder. Mark "nano-gpt" as external, as docs/bundlers.md of the package shows, and install it where the program runs',
    cause ? { cause } : undefined,
  )
}
