// The "install" script. Takes the first of these that works: an existing binary (built or
// prebuilt), a binary compiled here, or no binary, in which case nano-gpt uses its TypeScript
// backend. The installation fails only with NANO_GPT_REQUIRE_NATIVE=1.
//   NANO_GPT_SKIP_NATIVE=1        neither looks for a binary nor builds one
//   NANO_GPT_BUILD_FROM_SOURCE=1  builds even if a binary exists (like npm's --build-from-source)
//   NANO_GPT_CUDA=1 or 0          builds the CUDA module, or not (default: if nvcc and an NVIDIA driver exist)
//   NANO_GPT_METAL=0              does not build the Metal backend (default on macOS: builds it)
//   NANO_GPT_CUDA_ARCHITECTURES=… builds for these GPUs only, as CMAKE_CUDA_ARCHITECTURES; "all": every GPU
//                                 that nvcc knows
const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync, readdirSync, rmSync } = require('node:fs')
const path = require('node:path')
const { switchOf } = require('./switches')

const root = path.join(__dirname, '..')
const env = process.env
const isSet = (name) => switchOf(name) === true
const fromSource =
  isSet('NANO_GPT_BUILD_FROM_SOURCE') || ['true', 'nano-gpt'].includes(env.npm_config_build_from_source ?? '')
const verbose = ['verbose', 'silly'].includes(env.npm_config_loglevel ?? '')
const REASON_LINES = 25

const say = (text) => console.log(`nano-gpt: ${text}`)

/** Ends the script without a native backend. */
function giveUp(why) {
  if (isSet('NANO_GPT_REQUIRE_NATIVE')) {
    console.error(`nano-gpt: ${why} (NANO_GPT_REQUIRE_NATIVE=1 requires the native backend)`)
    process.exit(1)
  }
  say(`${why}. Using the TypeScript backend, which is complete but much slower.`)
  say(
    'For the native backend, install CMake 3.20 and a C++20 compiler (GCC 11, Clang 14, Visual Studio 2022), then run',
  )
  say('"npm rebuild nano-gpt", or "npm run build:native" in a checkout.')
  process.exit(0)
}

/**
 * The binary that would be loaded, or why none can be. Loads it in another process, which a faulty
 * binary may crash.
 */
function testLoad() {
  const code = `
    const file = require('node-gyp-build').path(${JSON.stringify(root)})
    const addon = require(file)
    const expected = require(${JSON.stringify(path.join(root, 'package.json'))}).version
    const found = addon.info().version
    if (found !== expected) throw new Error('its version is ' + found + ', not ' + expected)
    process.stdout.write(file)`
  const child = spawnSync(process.execPath, ['-e', code], { cwd: root, encoding: 'utf8', timeout: 60_000 })
  if (child.status === 0) return { file: path.relative(root, child.stdout) }
  const lines = `${child.stderr}`.split('\n')
  return {
    why:
      lines.find((line) => line.includes('Error: '))?.trim() ??
      `it ended with ${child.signal ?? child.status}`,
  }
}

function hasCMake() {
  return (
    spawnSync('cmake', ['--version'], { stdio: 'ignore', shell: process.platform === 'win32' }).status === 0
  )
}

function findCMakeJs() {
  try {
    return require.resolve('cmake-js/bin/cmake-js', { paths: [root] })
  } catch {
    return undefined
  }
}

/**
 * Compiles. Returns null on success, otherwise the end of the tools' output.
 *
 * @param gpus as NANO_GPT_CUDA and NANO_GPT_METAL of CMakeLists.txt: 'on', 'off', 'auto'
 */
function compile(cmakeJs, { cuda, metal }) {
  // "build", not "compile": "compile" runs a failing build a second time.
  const args = [cmakeJs, fromSource ? 'rebuild' : 'build', '-l', verbose ? 'verbose' : 'error']
  args.push(`--CDNANO_GPT_CUDA=${cuda}`, `--CDNANO_GPT_METAL=${metal}`)
  const architectures = env.NANO_GPT_CUDA_ARCHITECTURES
  if (architectures) args.push(`--CDNANO_GPT_CUDA_ARCHITECTURES=${architectures}`)
  const child = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: verbose ? 'inherit' : 'pipe',
    maxBuffer: 1 << 28,
    env: { CMAKE_BUILD_PARALLEL_LEVEL: String(require('node:os').availableParallelism()), ...env },
  })
  if (child.status === 0) return null
  return `${child.stdout ?? ''}${child.stderr ?? ''}`.trimEnd().split('\n').slice(-REASON_LINES).join('\n')
}

/** Whether the failed build included GPU kernels, which may be the cause. */
function triedGpus({ cuda, metal }) {
  if (process.platform === 'darwin') return metal !== 'off'
  const cache = path.join(root, 'build', 'CMakeCache.txt')
  return cuda !== 'off' && existsSync(cache) && readFileSync(cache, 'utf8').includes('\nCMAKE_CUDA_FLAGS:')
}

function build() {
  if (!hasCMake()) giveUp('there is no binary for this machine, and no CMake to build one')
  const cmakeJs = findCMakeJs()
  if (!cmakeJs) giveUp('there is no binary for this machine, and cmake-js is not installed')
  say('compiling the native backend …')
  const wish = (name) => ({ true: 'on', false: 'off' })[switchOf(name)] ?? 'auto'
  const gpus = { cuda: wish('NANO_GPT_CUDA'), metal: wish('NANO_GPT_METAL') }
  let failure = compile(cmakeJs, gpus)
  if (failure !== null && triedGpus(gpus)) {
    console.error(failure)
    say('the build failed; trying again without the GPU …')
    failure = compile(cmakeJs, { cuda: 'off', metal: 'off' })
  }
  if (failure !== null) {
    console.error(failure)
    giveUp('compiling the native backend failed')
  }
}

/** As a dependency, keeps only the binaries of a build: the rest takes a hundred times their space. */
function removeIntermediates() {
  if (path.basename(path.dirname(root)) !== 'node_modules') return
  const folder = path.join(root, 'build')
  const removeFrom = (parent, isKept) => {
    for (const name of readdirSync(parent)) {
      if (!isKept(name)) rmSync(path.join(parent, name), { recursive: true, force: true })
    }
  }
  try {
    removeFrom(folder, (name) => name === 'Release')
    removeFrom(path.join(folder, 'Release'), (name) => /\.(node|so|dll)$/.test(name))
  } catch (error) {
    say(`intermediate files stay in ${folder}: ${error.message}`)
  }
}

function main() {
  if (isSet('NANO_GPT_SKIP_NATIVE'))
    giveUp(`the native backend is skipped (NANO_GPT_SKIP_NATIVE=${env.NANO_GPT_SKIP_NATIVE})`)
  if (!fromSource) {
    const present = testLoad()
    if (present.file) return say(`the native backend is ready (${present.file})`)
    if (!present.why.includes('No native build was found'))
      say(`the existing binary cannot be used: ${present.why}`)
  }
  build()
  const built = testLoad()
  if (!built.file) giveUp(`the native backend was compiled but does not load: ${built.why}`)
  removeIntermediates()
  say(`the native backend is built (${built.file})`)
}

main()
