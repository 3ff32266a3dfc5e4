// Finds the addon's binary, built on this machine or prebuilt, and loads it. Also finds the CUDA
// module. Plain JavaScript, because the install script of a clone runs before TypeScript is compiled.
//
// No install script is required: node-gyp-build's rules say which files fit. Before a binary is
// trusted, it is loaded in another process. If it crashes there or doesn't load, the next one is
// tried.

const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync, readdirSync, statSync, writeFileSync } = require('node:fs')
const { release } = require('node:os')
const path = require('node:path')
const { version: ownVersion } = require('../package.json')
const { variable } = require('./switches')

const root = path.join(__dirname, '..')
const trialSeconds = 20

/**
 * The binaries that may fit this machine, best first: node-gyp-build's choice, then the others of the
 * platform, in case that it took the C library for another one. The trial finds out.
 */
function candidates() {
  let folder = root
  const found = []
  try {
    folder = process.env.NANO_GPT_PREBUILD || root
    found.push(require('node-gyp-build').path(root))
  } catch {
    // It found none, or Deno denies what it reads: the environment and files of the system.
  }
  const others = ['build/Release', `prebuilds/${process.platform}-${process.arch}`]
    .map((each) => path.join(folder, each))
    .flatMap((each) => namesIn(each).map((name) => path.join(each, name)))
    .filter((file) => file.endsWith('.node'))
  return [...new Set([...found, ...others].map((file) => path.resolve(file)))]
}

function namesIn(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** The first line of a message, without the name of the file that it is about. */
const reasonOf = (message, file) =>
  String(message).split('\n')[0].replace(`${file}: `, '').trim().replace(/\.$/, '')

/**
 * How to run a file in a new process of this runtime; undefined in an application's own program,
 * such as bundle-server, which would start itself again and again.
 */
function runnerOf() {
  const program = path.basename(process.execPath).replace(/\.exe$/i, '')
  if (/^(node|nodejs|bun|electron)[-\d.]*$/i.test(program)) return [process.execPath]
  if (/^deno[-\d.]*$/i.test(program)) return [process.execPath, 'run', '-A', '--no-lock']
  return undefined
}

/**
 * Loads a binary in another process, which a faulty one may crash. Where no process can be started,
 * nothing is known.
 *
 * @param cudaModule is loaded too, if given
 * @returns why the binary can't be used; undefined if it loads; null if nothing is known
 */
function faultOf(file, cudaModule) {
  const runner = runnerOf()
  if (!runner) return null
  const [program, ...args] = runner
  let child
  try {
    child = spawnSync(
      program,
      [...args, path.join(__dirname, 'try.js'), file, ...(cudaModule ? [cudaModule] : [])],
      {
        encoding: 'utf8',
        timeout: trialSeconds * 1000,
        killSignal: 'SIGKILL',
        env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
        windowsHide: true,
      },
    )
  } catch {
    return null // Node with --permission, or Deno, denies it.
  }
  // Without this line something else ran, or nothing: Deno denies it, or this Node runs under qemu.
  const said = child.stdout ?? ''
  if (!/^nano-gpt: trying$/m.test(said)) return null
  if (child.status === 0) return versionFault(/^nano-gpt: version (.*)$/m.exec(said)?.[1])
  if (child.status === 2) return reasonOf(child.stderr, file)
  if (child.error?.code === 'ETIMEDOUT') return `loading it took more than ${trialSeconds} s`
  return `loading it ended with ${child.error?.code ?? child.signal ?? `exit code ${child.status}`}`
}

/** JavaScript and the binary change together. */
function versionFault(version) {
  return version === ownVersion ? undefined : `it is of version ${version}, not ${ownVersion}`
}

/** Remembers beside a binary that it loads, so that only the first use of it takes longer. */
const stampOf = (file) => path.join(path.dirname(file), `.${path.basename(file)}.loads`)

/** Everything that, changed, may make a binary fail. */
function conditions(files) {
  const { node, bun, deno } = process.versions
  const stats = files.map((file) => [file, statSync(file).size, statSync(file).mtimeMs])
  return JSON.stringify({ version: ownVersion, files: stats, node, bun, deno, system: release() })
}

/** As `faultOf`, but what has passed is not loaded again. Undefined too if nothing is known. */
function faultOnce(file, cudaModule) {
  const stamp = stampOf(cudaModule ?? file)
  let now
  try {
    now = conditions(cudaModule ? [file, cudaModule] : [file])
    if (readFileSync(stamp, 'utf8') === now) return undefined
  } catch {
    // It wasn't tried yet, or its folder can't be written.
  }
  const fault = faultOf(file, cudaModule)
  if (fault === undefined && now !== undefined) {
    try {
      writeFileSync(stamp, now)
    } catch {
      // It is tried again the next time.
    }
  }
  return fault ?? undefined
}

/**
 * Loads the best binary that works.
 *
 * @returns `addon` and `path`, undefined if there is none, and `rejected`: the binaries that were
 *   passed over, with reasons
 */
function findAddon() {
  const rejected = []
  for (const file of candidates()) {
    let reason = faultOnce(file)
    let isDenied = false
    if (reason === undefined) {
      try {
        const addon = require(file)
        reason = versionFault(addon.version) // It may be untried.
        if (reason === undefined) return { addon, path: file, rejected }
      } catch (error) {
        reason = reasonOf(error.message, file)
        isDenied = error.name === 'NotCapable' || error.code === 'ERR_DLOPEN_DISABLED'
      }
    }
    rejected.push({ path: file, reason, isDenied })
  }
  return { rejected }
}

/**
 * The package of the CUDA module, which must have this package's version. It depends on one package
 * per platform, which npm installs only where it fits: scripts/cuda_package.js.
 */
const cudaPackage = 'nano-gpt-cuda'

function hasNvidiaDriver() {
  const files =
    process.platform === 'win32'
      ? [path.join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'nvcuda.dll')]
      : ['/proc/driver/nvidia/version', '/usr/lib/wsl/lib/libcuda.so.1']
  try {
    return files.some((file) => existsSync(file))
  } catch {
    return false // Deno denies access to /proc/driver unless it allows everything.
  }
}

/** The folder and the contents of an installed package's manifest; undefined if there is none. */
function manifestOf(name, paths) {
  let file
  try {
    file = require.resolve(`${name}/package.json`, { paths })
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
  return { folder: path.dirname(file), manifest: JSON.parse(readFileSync(file, 'utf8')) }
}

/**
 * Looks for the CUDA module: the file that NANO_GPT_CUDA_MODULE names, one beside the addon, or the
 * one in its package. It is loaded in another process first, as the addon is.
 *
 * @param addonFile the addon that would load it
 * @returns the module's `path`, or '' and the `reason` why there is none; `isThere`: there is an
 *   NVIDIA driver, or a module or a package that doesn't fit
 */
function findCudaModule(addonFile) {
  const fault = (reason, isThere = true) => ({ path: '', reason, isThere })
  const tried = (file) => {
    const reason = faultOnce(addonFile, file)
    return reason === undefined
      ? { path: file, reason: '', isThere: true }
      : fault(`${file} can't be used: ${reason}`)
  }
  try {
    const chosen = variable('NANO_GPT_CUDA_MODULE')
    if (chosen) {
      const file = path.resolve(chosen)
      return existsSync(file)
        ? tried(file)
        : fault(`NANO_GPT_CUDA_MODULE is ${chosen}, and there is no such file`)
    }
    const name = `nano_gpt_cuda.${process.platform === 'win32' ? 'dll' : 'so'}`
    const beside = path.join(path.dirname(addonFile), name)
    if (existsSync(beside)) return tried(beside)
    if (process.platform === 'darwin') return fault('there is no CUDA on macOS', false)
    const found = findCudaPackage()
    return found.file ? tried(found.file) : fault(found.reason, found.isThere)
  } catch (error) {
    return fault(`${cudaPackage} can't be used: ${reasonOf(error.message)}`)
  }
}

/** The module in the package of this platform, or why there is none. */
function findCudaPackage() {
  const remedy = `run \`npm install ${cudaPackage}@${ownVersion}\``
  // Not in the working directory: its owner may not be the user.
  const main = manifestOf(cudaPackage, [root])
  if (!main && !hasNvidiaDriver()) return { reason: 'there is no NVIDIA driver', isThere: false }
  if (!main) return { reason: `its kernels are in a separate package: ${remedy}` }
  const name = `${cudaPackage}-${process.platform}-${process.arch}`
  if (!(name in (main.manifest.optionalDependencies ?? {}))) return { reason: `there is no ${name}` }
  const own = manifestOf(name, [main.folder, root])
  if (!own) return { reason: `${name} is not installed: ${remedy}` }
  const other = [main, own].find(({ manifest }) => manifest.version !== ownVersion)?.manifest
  if (other)
    return { reason: `${other.name} has version ${other.version}, nano-gpt ${ownVersion}: ${remedy}` }
  return { file: path.join(own.folder, String(own.manifest.main)) }
}

module.exports = { findAddon, findCudaModule }
