// Compiles the native engine with CMake. scripts/install.js calls it, and so does
//   node scripts/build.js [--all] [--verbose]    (npm run build:native: --all)
// --all: kernels for every instruction set of this processor family, and nano-run, as tests and
// releases require. Without it, the addon for this machine's processor only.
//   NANO_GPT_CUDA=1 or 0          builds the CUDA module, or not (default: if nvcc and an NVIDIA driver exist)
//   NANO_GPT_METAL=0              does not build the Metal backend (default on macOS: builds it)
//   NANO_GPT_CUDA_ARCHITECTURES=… builds for these GPUs only, as CMAKE_CUDA_ARCHITECTURES; "all": every GPU
//                                 that nvcc knows
const { spawn, spawnSync } = require('node:child_process')
const { existsSync, readFileSync, rmSync } = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { switchOf } = require('../binding/switches')

const root = path.join(__dirname, '..')
const folder = path.join(root, 'build')
const REASON_LINES = 25

const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0

/**
 * Shows how much is compiled, from the output of Ninja ("[7/90] …") or Make ("[ 8%] …"): on one
 * line of a terminal, elsewhere a line for each quarter.
 */
function progressBar(title) {
  let shown = -1
  const show = (percent) => {
    const step = process.stdout.isTTY ? 1 : 25
    const rounded = Math.floor(percent / step) * step
    if (rounded <= shown) return
    shown = rounded
    process.stdout.write(process.stdout.isTTY ? `\r${title}: ${rounded} %` : `${title}: ${rounded} %\n`)
  }
  return {
    read(text) {
      for (const [, done, all, percent] of text.matchAll(/\[\s*(?:(\d+)\/(\d+)|(\d+)%)\]/g))
        show(percent === undefined ? (100 * done) / all : Number(percent))
    },
    end() {
      if (process.stdout.isTTY && shown >= 0) process.stdout.write('\n')
    },
  }
}

/** Runs CMake. Returns null on success, otherwise the end of its output. */
function cmake(args, { verbose, title }) {
  const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(os.availableParallelism()), ...process.env }
  return new Promise((resolve) => {
    const child = spawn('cmake', args, { cwd: root, env, stdio: verbose ? 'inherit' : 'pipe' })
    const bar = title && !verbose ? progressBar(title) : undefined
    let output = ''
    const read = (bytes) => {
      output = (output + bytes).slice(-100_000)
      bar?.read(String(bytes))
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.on('error', ({ message }) => resolve(message))
    child.on('close', (status, signal) => {
      bar?.end()
      if (status === 0) resolve(null)
      else
        resolve(
          output.trimEnd().split('\n').slice(-REASON_LINES).join('\n') ||
            `CMake ended with ${signal ?? status}`,
        )
    })
  })
}

async function configure(gpus, { all, verbose }) {
  const args = ['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release']
  args.push(`-DNANO_GPT_INSTRUCTION_SETS=${all ? '' : 'native'}`)
  args.push(`-DNANO_GPT_CUDA=${gpus.cuda}`, `-DNANO_GPT_METAL=${gpus.metal}`)
  const architectures = process.env.NANO_GPT_CUDA_ARCHITECTURES
  if (architectures) args.push(`-DNANO_GPT_CUDA_ARCHITECTURES=${architectures}`)
  const cache = path.join(folder, 'CMakeCache.txt')
  const isNew = !existsSync(cache)
  if (isNew && !process.env.CMAKE_GENERATOR && process.platform !== 'win32' && has('ninja'))
    args.push('-G', 'Ninja')
  const failure = await cmake(args, { verbose })
  if (failure === null || isNew) return failure
  // A folder that was copied or made with other tools can't be reused.
  rmSync(cache, { force: true })
  rmSync(path.join(folder, 'CMakeFiles'), { recursive: true, force: true })
  return configure(gpus, { all, verbose })
}

async function compile(gpus, how) {
  const failure = await configure(gpus, how)
  if (failure !== null) return failure
  const args = ['--build', folder, '--config', 'Release']
  if (!how.all) args.push('--target', 'nano-addon')
  return cmake(args, { ...how, title: 'nano-gpt: compiling the native engine' })
}

/** Whether a failed build included GPU kernels, which may be the cause. */
function triedGpus({ cuda, metal }) {
  if (process.platform === 'darwin') return metal !== 'off'
  const cache = path.join(folder, 'CMakeCache.txt')
  return cuda !== 'off' && existsSync(cache) && readFileSync(cache, 'utf8').includes('\nCMAKE_CUDA_FLAGS:')
}

/**
 * Compiles; without the GPU kernels, if they fail.
 *
 * @param how `all` as above; `verbose`: shows the output of the tools
 * @returns null on success, otherwise `why` it failed and the end of the tools' `output`
 */
async function build(how) {
  if (!has('cmake')) return { why: 'CMake was not found', output: '' }
  const wish = (name) => ({ true: 'on', false: 'off' })[switchOf(name)] ?? 'auto'
  const gpus = { cuda: wish('NANO_GPT_CUDA'), metal: wish('NANO_GPT_METAL') }
  const failure = await compile(gpus, how)
  if (failure === null || !triedGpus(gpus)) return reportOf(failure)
  console.error(failure)
  console.log('nano-gpt: the build failed; trying again without the GPU …')
  return reportOf(await compile({ cuda: 'off', metal: 'off' }, how))
}

const reportOf = (output) =>
  output === null ? null : { why: 'the native engine could not be compiled', output }

async function main() {
  const all = process.argv.includes('--all')
  const failure = await build({ all, verbose: process.argv.includes('--verbose') })
  if (failure === null) return
  if (failure.output) console.error(failure.output)
  console.error(`nano-gpt: ${failure.why}`)
  process.exitCode = 1
}

module.exports = { build }
if (require.main === module) main()
