// npm run prebuilds (a script named prebuild would run before every `npm run build`): builds the addon and copies it, stripped, to
// prebuilds/<platform>-<arch>/. prebuildify can only call
// "<node-gyp> rebuild --target=… --devdir=… --arch=… --release"; the shim turns that into a call of cmake-js.
const fs = require('node:fs')
const path = require('node:path')
const prebuildify = require('prebuildify')

const root = path.join(__dirname, '..')
// prebuildify leaves what lies there, and a stale file would be published.
fs.rmSync(path.join(root, 'prebuilds', `${process.platform}-${process.arch}`), {
  recursive: true,
  force: true,
})

const options = {
  napi: true,
  name: 'nano-gpt',
  strip: true,
  tagLibc: true,
  cwd: root,
  targets: [{ runtime: 'node', target: process.versions.node }],
  shell: true,
  nodeGyp: `"${process.execPath}" "${path.join(__dirname, 'prebuild-shim.js')}"`,
}

prebuildify(options, (error) => {
  if (!error) return
  console.error(`nano-gpt: ${error.message}`)
  process.exit(1)
})
