// Finds the addon's binary, built on this machine or prebuilt, and loads it; and the CUDA module, if
// its package is installed. Plain JavaScript,
// because the install script of a clone runs before TypeScript is compiled.
//
// No install script has to run before: node-gyp-build's rules say which files fit. Before one is
// trusted, it is loaded in another process. A binary that crashes there, or doesn't load, is passed
// over for the next one.

const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync, readdirSync, statSync, writeFileSync } = require('node:fs')
const { release } = require('node:os')
const path = require('node:path')
const locate = require('node-gyp-build')

const root = path.join(__dirname, '..')
const trialSeconds = 60

/** The addon's version must equal it: JavaScript and the binary change together. */
const expectedVersion = () => JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version

/** The binaries that may fit this machine, best first: node-gyp-build's choice, then the others. */
function candidates() {
  const found = []
  try {
    found.push(locate.path(root))
  } catch {
    return found // It found none, so there are no others.
  }
  const folder = process.env.NANO_GPT_PREBUILD || root
  for (const { name } of namesIn(path.join(folder, 'prebuilds'))
    .map(locate.parseTuple)
    .filter(locate.matchTuple(process.platform, process.arch))
    .sort(locate.compareTuples)) {
    const files = namesIn(path.join(folder, 'prebuilds', name))
      .map(locate.parseTags)
      .filter(locate.matchTags('node', process.versions.modules))
      .sort(locate.compareTags('node'))
    found.push(...files.map(({ file }) => path.join(folder, 'prebuilds', name, file)))
  }
  return [...new Set(found)]
}

function namesIn(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const oneLine = (text) => String(text).split('\n')[0].trim()

/** How to run a file in a new process of this runtime; undefined in an application's own program. */
function runnerOf() {
  const program = path.basename(process.execPath).replace(/\.exe$/i, '')
  if (/^(node|nodejs|bun|electron)/i.test(program)) return [process.execPath]
  if (/^deno/i.test(program)) return [process.execPath, 'run', '-A']
  return undefined
}

/**
 * Loads a binary in another process, which a faulty one may crash. Where no process can be started,
 * nothing is known.
 *
 * @param cudaModule is loaded too, if given
 * @returns why the binary can't be used; undefined if nothing speaks against it
 */
function faultOf(file, cudaModule) {
  const runner = runnerOf()
  if (!runner) return undefined
  const [program, ...args] = runner
  const child = spawnSync(
    program,
    [...args, path.join(__dirname, 'try.js'), file, ...(cudaModule ? [cudaModule] : [])],
    {
      encoding: 'utf8',
      timeout: trialSeconds * 1000,
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
      windowsHide: true,
    },
  )
  if (child.error && child.error.code !== 'ETIMEDOUT') return undefined
  if (child.status === 0) {
    const version = child.stdout.trim()
    const expected = expectedVersion()
    return version === expected ? undefined : `it is of version ${version}, not ${expected}`
  }
  if (child.status === 2) return oneLine(child.stderr)
  const end = child.error
    ? `${trialSeconds} s without an answer`
    : (child.signal ?? `exit code ${child.status}`)
  return `loading it ended with ${end}`
}

/** Remembers beside a binary that it loads, so that only the first use of it takes longer. */
const stampOf = (file) => path.join(path.dirname(file), `.${path.basename(file)}.loads`)

/** Everything that, changed, may make a binary fail. */
function conditions(files) {
  const { node, bun, deno } = process.versions
  const stats = files.map((file) => [file, statSync(file).size, statSync(file).mtimeMs])
  return JSON.stringify({ version: expectedVersion(), files: stats, node, bun, deno, system: release() })
}

/** As `faultOf`, but what has passed is not loaded again. */
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
  return fault
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
    if (reason === undefined) {
      try {
        return { addon: require(file), path: file, rejected }
      } catch (error) {
        reason = oneLine(error.message)
      }
    }
    rejected.push({ path: file, reason })
  }
  return { rejected }
}

/** The package with the CUDA module, which must have this package's version. */
const cudaPackage = 'nano-gpt-cuda'

function hasNvidiaDriver() {
  const files =
    process.platform === 'win32'
      ? [path.join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'nvcuda.dll')]
      : ['/proc/driver/nvidia/version', '/usr/lib/wsl/lib/libcuda.so.1']
  return files.some((file) => existsSync(file))
}

/**
 * Looks for the CUDA module in its package.
 *
 * @param addonFile the addon that would load it
 * @returns the module's `path`, or '' and the `reason` why there is none; `isThere`: there is an
 *   NVIDIA driver, or a package that doesn't fit
 */
function findCudaModule(addonFile) {
  if (process.platform === 'darwin') return { path: '', reason: 'there is no CUDA on macOS', isThere: false }
  const version = expectedVersion()
  const install = `\`npm install ${cudaPackage}@${version}\``
  let manifest
  try {
    manifest = require.resolve(`${cudaPackage}/package.json`, { paths: [root, process.cwd()] })
  } catch {
    if (!hasNvidiaDriver()) return { path: '', reason: 'there is no NVIDIA driver', isThere: false }
    const reason = `its kernels are a separate package: run ${install}`
    return { path: '', reason, isThere: true }
  }
  const fault = (reason) => ({ path: '', reason, isThere: true })
  try {
    const found = JSON.parse(readFileSync(manifest, 'utf8')).version
    if (found !== version)
      return fault(`${cudaPackage} has version ${found}, but nano-gpt ${version}: run ${install}`)
    const platform = `${process.platform}-${process.arch}`
    const name = `nano_gpt_cuda.${process.platform === 'win32' ? 'dll' : 'so'}`
    const file = path.join(path.dirname(manifest), platform, name)
    if (!existsSync(file)) return fault(`${cudaPackage} has no module for ${platform}`)
    const reason = faultOnce(addonFile, file)
    return reason === undefined
      ? { path: file, reason: '', isThere: true }
      : fault(`${file} can't be used: ${reason}`)
  } catch (error) {
    return fault(`${cudaPackage} can't be used: ${oneLine(error.message)}`)
  }
}

module.exports = { findAddon, findCudaModule }
