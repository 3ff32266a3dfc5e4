// Writes the packages of the CUDA module: nano-gpt-cuda, which people install, and one package per
// platform with the module itself, of which npm installs the one that fits. One package of all
// platforms would be three times as large.
//   node scripts/cuda_package.js MODULES PACKAGES
// MODULES has <platform>-<arch>/nano_gpt_cuda.so (.dll); PACKAGES gets a folder for each package.
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const { version, license, repository, homepage } = require('../package.json')
const name = 'nano-gpt-cuda'

/** The platforms of a release; `libc` as in a package.json. */
const platforms = {
  'linux-x64': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
  'linux-arm64': { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
  'win32-x64': { os: ['win32'], cpu: ['x64'] },
}

const description = 'The CUDA kernels of nano-gpt, for NVIDIA GPUs from compute capability 7.5.'
const readme = `# ${name}

${description}

\`\`\`sh
npm install nano-gpt ${name}
\`\`\`

Both packages must have the same version. \`npx nano-gpt info\` shows whether the GPU can be used. It
requires a driver for CUDA 13.0 or newer, but not the CUDA toolkit.
`

/** Writes a package; `contents` maps names of files to paths that they are copied from. */
function write(folder, manifest, contents = {}) {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  const all = {
    name: path.basename(folder),
    version,
    description,
    license,
    repository,
    homepage,
    ...manifest,
  }
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(all, null, 2)}\n`)
  fs.writeFileSync(path.join(folder, 'README.md'), readme)
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'))
  for (const [file, from] of Object.entries(contents)) fs.copyFileSync(from, path.join(folder, file))
}

function main([modules, packages]) {
  if (!packages) throw new Error('usage: node scripts/cuda_package.js MODULES PACKAGES')
  const names = Object.keys(platforms).map((platform) => `${name}-${platform}`)
  write(path.join(packages, name), {
    peerDependencies: { 'nano-gpt': version },
    optionalDependencies: Object.fromEntries(names.map((each) => [each, version])),
  })
  for (const [platform, fits] of Object.entries(platforms)) {
    const file = `nano_gpt_cuda.${platform.startsWith('win32') ? 'dll' : 'so'}`
    const from = path.join(modules, platform, file)
    if (!fs.existsSync(from)) {
      console.log(`nano-gpt: ${name}-${platform} is not written, because there is no ${from}`)
      continue
    }
    write(path.join(packages, `${name}-${platform}`), { main: file, ...fits }, { [file]: from })
  }
}

main(process.argv.slice(2))
