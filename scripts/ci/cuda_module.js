// Builds the CUDA module for every GPU that nvcc knows, and copies it, stripped, to FOLDER:
//   node scripts/ci/cuda_module.js FOLDER
// Requires CMake and nvcc; on Windows also Ninja, and the environment of Visual Studio's
// vcvars64.bat.
const { execFileSync } = require('node:child_process')
const { copyFileSync, mkdirSync, statSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const { join } = require('node:path')

const isWindows = process.platform === 'win32'
const name = isWindows ? 'nano_gpt_cuda.dll' : 'nano_gpt_cuda.so'
const root = join(__dirname, '..', '..')
const build = join(root, 'build', 'cuda')

function run(program, ...args) {
  execFileSync(program, args, { cwd: root, stdio: 'inherit' })
}

const options = {
  NANO_GPT_ADDON: 'OFF',
  NANO_GPT_CUDA: 'on',
  NANO_GPT_CUDA_ARCHITECTURES: 'all',
  NANO_GPT_WERROR: isWindows ? 'OFF' : 'ON',
  CMAKE_BUILD_TYPE: 'Release',
  // The runtime library is linked statically, as into the addon: not every Windows has it.
  ...(isWindows ? { CMAKE_CXX_COMPILER: 'cl', CMAKE_MSVC_RUNTIME_LIBRARY: 'MultiThreaded' } : {}),
}

const folder = process.argv[2]
if (!folder) throw new Error('usage: cuda_module.js FOLDER')
const definitions = Object.entries(options).map(([option, value]) => `-D${option}=${value}`)
run('nvcc', '--version')
run('cmake', '-S', '.', '-B', build, ...(isWindows ? ['-G', 'Ninja'] : []), ...definitions)
run('cmake', '--build', build, '--target', 'nano_gpt_cuda', '--parallel', String(availableParallelism()))
mkdirSync(folder, { recursive: true })
const copy = join(folder, name)
copyFileSync(join(build, 'Release', name), copy)
if (!isWindows) run('strip', '--strip-unneeded', copy)
console.log(`${copy}: ${(statSync(copy).size / 2 ** 20).toFixed(1)} MiB`)
