// Builds the CUDA module for every GPU that nvcc knows, and copies it, stripped, to FOLDER:
//   node scripts/ci/cuda_module.js FOLDER
// Requires CMake and nvcc; on Windows also Ninja and Visual Studio.
const { execFileSync } = require('node:child_process')
const { copyFileSync, mkdirSync, statSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const { join } = require('node:path')

const isWindows = process.platform === 'win32'
const name = isWindows ? 'nano_gpt_cuda.dll' : 'nano_gpt_cuda.so'
const root = join(__dirname, '..', '..')
const build = join(root, 'build', 'cuda')

/** The environment variables with which Visual Studio's tools run: those that vcvars64.bat sets. */
function visualStudio() {
  const locate = join(process.env['ProgramFiles(x86)'], 'Microsoft Visual Studio', 'Installer', 'vswhere.exe')
  const found = execFileSync(locate, ['-latest', '-products', '*', '-property', 'installationPath'], {
    encoding: 'utf8',
  })
  const script = join(found.trim(), 'VC', 'Auxiliary', 'Build', 'vcvars64.bat')
  // With /s, cmd removes the outer quotes only.
  const args = ['/d', '/s', '/c', `""${script}" >nul && set"`]
  const lines = execFileSync('cmd.exe', args, { encoding: 'utf8', windowsVerbatimArguments: true })
  return Object.fromEntries(
    lines.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf('=', 1)
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
}

const env = isWindows ? visualStudio() : process.env

function run(program, ...args) {
  execFileSync(program, args, { cwd: root, env, stdio: 'inherit' })
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
