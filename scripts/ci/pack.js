// Checks what `npm pack` would publish: its files, and its size.
//   node scripts/ci/pack.js [--release]
// --release: the prebuilt binaries of every platform must be there. Without it, none has to.
const { execFileSync } = require('node:child_process')
const path = require('node:path')

const root = path.join(__dirname, '..', '..')
const mostBytes = 12e6
const isRelease = process.argv.includes('--release')

/** What node-gyp-build looks for, by folder of prebuilds/. */
const binaries = {
  'linux-x64': ['nano-gpt.glibc.node', 'nano-gpt.musl.node'],
  'linux-arm64': ['nano-gpt.glibc.node', 'nano-gpt.musl.node'],
  'darwin-x64': ['nano-gpt.node'],
  'darwin-arm64': ['nano-gpt.node'],
  'win32-x64': ['nano-gpt.node'],
  'win32-arm64': ['nano-gpt.node'],
}

/** Files without which something doesn't work that the documentation promises. */
const required = [
  'CHANGELOG.md',
  'CMakeLists.txt',
  'LICENSE',
  'README.md',
  'binding/addon.cc',
  'binding/find.js',
  'binding/try.js',
  'dist/cli/main.js',
  'dist/index.d.ts',
  'dist/index.js',
  'docs/install.md',
  'examples/README.md',
  'lib/index.ts',
  'lib/report/page.css',
  'lib/report/page.html',
  'lib/report/page.js',
  'lib/stages/00_notebook.ts',
  'lib/studio/page/index.html',
  'lib/studio/page/style.css',
  'lib/tokenizer/gpt2.bin',
  'native/cpu/gemm.cc',
  'native/cuda/gemm.cu',
  'native/metal/gemm.metal',
  'package.json',
  'scripts/build.js',
  'scripts/install.js',
  ...(isRelease
    ? Object.entries(binaries).flatMap(([folder, names]) =>
        names.map((name) => `prebuilds/${folder}/${name}`),
      )
    : []),
]

/** Everything else is a mistake: tests, build output, data, notes of a check, a GPU's own module. */
const allowed = [
  /^(binding\/[\w]+\.(cc|h|js|d\.ts)|CMakeLists\.txt|package\.json|(CHANGELOG|CONTRIBUTING|README|SECURITY)\.md|LICENSE)$/,
  /^dist\/[\w/]+\.(js|d\.ts|js\.map)$/,
  /^docs\/[\w/-]+\.(md|png|svg)$/,
  /^examples\/(\w+\.mjs|README\.md)$/,
  /^lib\/([\w/]+\.ts|report\/page\.(css|html|js)|studio\/page\/\w+\.(css|html|mjs|svg)|tokenizer\/gpt2\.bin)$/,
  /^native\/(?!emulate)[\w/]+\.(cc|h|cu|cuh|metal|mm|def|cmake)$/,
  /^scripts\/(build|install|(torch|mlx)\/\w+)\.(js|py|md)$/,
  ...Object.entries(binaries).map(
    ([folder, names]) => new RegExp(`^prebuilds/${folder}/(${names.join('|')})$`),
  ),
]

const [pack] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 1 << 26,
  }),
)
const files = pack.files.map((file) => file.path)
const mistakes = [
  ...required.filter((name) => !files.includes(name)).map((name) => `${name} is missing`),
  ...files
    .filter((name) => !allowed.some((each) => each.test(name)))
    .map((name) => `${name} must not be published`),
  ...(pack.size > mostBytes ? [`${pack.size} bytes are more than ${mostBytes}`] : []),
]

const sizes = new Map()
for (const file of pack.files) {
  const folder = file.path.includes('/') ? file.path.split('/')[0] : '.'
  const size = sizes.get(folder) ?? { count: 0, bytes: 0 }
  sizes.set(folder, { count: size.count + 1, bytes: size.bytes + file.size })
}
for (const [folder, { count, bytes }] of sizes)
  console.log(
    `${folder.padEnd(10)} ${String(count).padStart(4)} files ${(bytes / 1e6).toFixed(2).padStart(6)} MB`,
  )
console.log(`packed ${(pack.size / 1e6).toFixed(2)} MB, unpacked ${(pack.unpackedSize / 1e6).toFixed(2)} MB`)
for (const mistake of mistakes) console.log(mistake)
process.exitCode = mistakes.length > 0 ? 1 : 0
