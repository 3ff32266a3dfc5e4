// npm run prebuilds (npm would run a script named prebuild before every `npm run build`): builds
// the addon with the kernels of all instruction sets and copies it, stripped, to
// prebuilds/<platform>-<arch>/. The CUDA module is in a package of its own: cuda_package.js.
// prebuildify can only call "<node-gyp> rebuild --target=… --devdir=… --arch=… --release"; the shim
// turns that into a call of cmake-js.
const fs = require('node:fs')
const path = require('node:path')
const prebuildify = require('prebuildify')

const root = path.join(__dirname, '..')
const folder = path.join(root, 'prebuilds', `${process.platform}-${process.arch}`)
// prebuildify keeps existing files, and a stale one would be published.
fs.rmSync(folder, { recursive: true, force: true })

const options = {
  napi: true,
  name: 'nano-gpt',
  strip: true,
  tagLibc: process.platform === 'linux',
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
