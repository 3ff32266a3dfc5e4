// Finds the addon's binary, built on this machine or prebuilt, and loads it. Plain JavaScript,
// because the install script of a clone runs before TypeScript is compiled.
//
// No install script has to run before: node-gyp-build's rules say which files fit. Before one is
// trusted, it is loaded in another process. A binary that crashes there, or doesn't load, is passed
// over for the next one.

const { spawnSync } = require('node:child_process')
const { readFileSync, readdirSync, statSync, writeFileSync } = require('node:fs')
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
 * @returns why the binary can't be used; undefined if nothing speaks against it
 */
function faultOf(file) {
  const runner = runnerOf()
  if (!runner) return undefined
  const [program, ...args] = runner
  const child = spawnSync(program, [...args, path.join(__dirname, 'try.js'), file], {
    encoding: 'utf8',
    timeout: trialSeconds * 1000,
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
    windowsHide: true,
  })
  if (child.error && child.error.code !== 'ETIMEDOUT') return undefined
  if (child.status === 0) {
    const version = child.stdout.trim()
    const expected = expectedVersion()
    return version === expected ? undefined : `it is of version ${version}, not ${expected}`
  }
  if (child.status === 2) return oneLine(child.stderr)
  const end = child.error ? `${trialSeconds} s without an answer` : (child.signal ?? `exit code ${child.status}`)
  return `loading it ended with ${end}`
}

/** Remembers beside a binary that it loads, so that only the first use of it takes longer. */
const stampOf = (file) => path.join(path.dirname(file), `.${path.basename(file)}.loads`)

/** Everything that, changed, may make a binary fail. */
function conditions(file) {
  const { size, mtimeMs } = statSync(file)
  const { node, bun, deno } = process.versions
  return JSON.stringify({ version: expectedVersion(), size, mtimeMs, node, bun, deno, system: release() })
}

/** As `faultOf`, but a binary that has passed is not loaded again. */
function faultOnce(file) {
  let now
  try {
    now = conditions(file)
    if (readFileSync(stampOf(file), 'utf8') === now) return undefined
  } catch {
    // It wasn't tried yet, or its folder can't be written.
  }
  const fault = faultOf(file)
  if (fault === undefined && now !== undefined) {
    try {
      writeFileSync(stampOf(file), now)
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

module.exports = { findAddon }
