// npm run prebuilds (npm would run a script named prebuild before every `npm run build`): builds
// the addon, and the CUDA module unless NANO_GPT_CUDA=0, and copies them, stripped, to
// prebuilds/<platform>-<arch>/. prebuildify can only call "<node-gyp> rebuild --target=… --devdir=…
// --arch=… --release"; the shim turns that into a call of cmake-js.
const { spawnSync } = require('node:child_process')
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
  tagLibc: true,
  cwd: root,
  targets: [{ runtime: 'node', target: process.versions.node }],
  shell: true,
  nodeGyp: `"${process.execPath}" "${path.join(__dirname, 'prebuild-shim.js')}"`,
}

/** Next to the addon, which looks for it there. */
function copyCudaModule() {
  for (const name of ['nano_gpt_cuda.so', 'nano_gpt_cuda.dll']) {
    const built = path.join(root, 'build', 'Release', name)
    if (!fs.existsSync(built)) continue
    const copy = path.join(folder, name)
    fs.copyFileSync(built, copy)
    if (process.platform === 'linux') spawnSync('strip', ['--strip-unneeded', copy], { stdio: 'inherit' })
    console.log(`nano-gpt: ${name} has ${(fs.statSync(copy).size / 2 ** 20).toFixed(1)} MiB`)
  }
}

prebuildify(options, (error) => {
  if (!error) return copyCudaModule()
  console.error(`nano-gpt: ${error.message}`)
  process.exit(1)
})
