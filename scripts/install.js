// The "install" script, and with --build the command `nano-gpt build`, which compiles in any case and
// fails if it can't. The script takes the first of these that works: an existing binary (built or
// prebuilt), a binary compiled here, or no binary, in which case nano-gpt runs in plain TypeScript. The installation fails only with NANO_GPT_REQUIRE_NATIVE=1.
//   NANO_GPT_SKIP_NATIVE=1        neither looks for a binary nor builds one
//   NANO_GPT_BUILD_FROM_SOURCE=1  builds even if a binary exists (like npm's --build-from-source)
// scripts/build.js has the variables of the build.
const { accessSync, constants, readdirSync, rmSync } = require('node:fs')
const path = require('node:path')
const { findAddon } = require('../binding/find')
const { switchOf } = require('../binding/switches')
const { build } = require('./build')

const root = path.join(__dirname, '..')
const compiled = path.join(root, 'build', 'Release', 'nano_gpt.node')
const env = process.env
const isSet = (name) => switchOf(name) === true
const isBuild = process.argv.includes('--build')
const fromSource =
  isBuild ||
  isSet('NANO_GPT_BUILD_FROM_SOURCE') ||
  ['true', 'nano-gpt'].includes(env.npm_config_build_from_source ?? '')
const verbose = ['verbose', 'silly'].includes(env.npm_config_loglevel ?? '')

const say = (text) => console.log(`nano-gpt: ${text}`)

const tools = {
  darwin: ', for example with `xcode-select --install && brew install cmake`',
  linux: ', on Debian and Ubuntu with `sudo apt install cmake g++`',
  win32: ': Visual Studio 2022 with "Desktop development with C++" has both',
}
const remedy = `For the native engine, install CMake 3.20 and a C++20 compiler (GCC 11, Clang 14, Xcode 14 or Visual Studio 2022)${tools[process.platform] ?? ''}. Then run \`npx nano-gpt build\``

/** Ends the script without a native engine. */
function giveUp(why, whatToDo) {
  if (isBuild || isSet('NANO_GPT_REQUIRE_NATIVE')) {
    console.error(`nano-gpt: ${why}`)
    console.error(`nano-gpt: ${whatToDo}`)
    process.exit(1)
  }
  say(`${why}. nano-gpt runs in plain TypeScript, which has the same features but is much slower`)
  say(whatToDo)
  process.exit(0)
}

/** The file of the binary that would be loaded; says why others are passed over. */
function find() {
  const { path: file, rejected } = findAddon()
  for (const { path: other, reason } of rejected)
    say(`${path.relative(root, other)} can't be used: ${reason}`)
  return file && path.relative(root, file)
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
    removeFrom(path.join(folder, 'Release'), (name) => /\.(node|so|dll|loads)$/.test(name))
  } catch (error) {
    say(`intermediate files stay in ${folder}: ${error.message}`)
  }
}

async function main() {
  if (isSet('NANO_GPT_SKIP_NATIVE') && !isBuild)
    giveUp(
      `the native engine is skipped (NANO_GPT_SKIP_NATIVE=${env.NANO_GPT_SKIP_NATIVE})`,
      '`npx nano-gpt build` compiles it',
    )
  if (!fromSource) {
    const present = find()
    if (present) return say(`the native engine is ready (${present})`)
  }
  try {
    accessSync(root, constants.W_OK)
  } catch {
    giveUp(
      `the native engine can't be compiled, because ${root} can't be written`,
      'Make it writable, then run `npx nano-gpt build`',
    )
  }
  const failure = await build({ verbose })
  if (failure !== null) {
    if (failure.output) console.error(failure.output)
    giveUp(failure.why, remedy)
  }
  const built = find()
  if (!built?.startsWith('build')) {
    rmSync(compiled, { force: true }) // Otherwise every later start would try it again.
    if (isBuild || !built)
      giveUp(
        'the native engine was compiled but does not load',
        `Please report it with the output of \`npx nano-gpt info --report\``,
      )
  }
  removeIntermediates()
  say(`the native engine is ready (${built})`)
}

main().catch((error) =>
  giveUp(`the native engine can't be compiled: ${error.message}`, '`npx nano-gpt build` tries again'),
)
