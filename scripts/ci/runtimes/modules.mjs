// `import` and `require` give the same package, and every name that `require` gives can be imported.
import { createRequire } from 'node:module'
import * as imported from 'nano-gpt'
import nanoGpt, {
  CharTokenizer,
  devices,
  load,
  NanoGptError,
  nn,
  ops,
  presets,
  train,
  version,
} from 'nano-gpt'

const required = createRequire(import.meta.url)('nano-gpt')
const names = new Map(Object.entries(imported))
for (const [name, value] of Object.entries(required)) {
  if (names.get(name) !== value) throw new Error(`${name} can't be imported`)
}
const named = { CharTokenizer, devices, load, NanoGptError, nn, ops, presets, train, version }
for (const name of Object.keys(named)) {
  if (named[name] !== required[name]) throw new Error(`${name} is not what require gives`)
}
if (nanoGpt.train !== train) throw new Error('the default export is not the package')
console.log('modules: ok')
