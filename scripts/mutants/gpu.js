// Shared by the mutants of CUDA's and Metal's kernels, which run on emulated GPUs
// (docs/gpu-testing.md). Settings:
//   cases: /names/  runs small case files with these names, up to 30 for each op, under three schedules;
//                   { work, each } changes the size and the number
//   gemm: [names]   runs the products of nano-gemm-test whose names begin with these
//   gpu: true       runs nano-gpu-test on an op, or with 'program' on an update of a model; healthy: true
//                   skips its failing calls
//   races: true     uses the race detector for all of these
//   env: { … }      sets environment variables
// An option besides those of hunt.js:
//   --passed   the other steps of cuda.sh or metal.sh have passed: without a mutant, runs only the tests
//              that these leave out

const { existsSync, readFileSync, readdirSync } = require('node:fs')
const { basename, join } = require('node:path')
const { chooseCases, runCases } = require('../gpu_cases')
const { parallel, run } = require('../processes')
const { hunt, root } = require('./hunt')

const passed = process.argv.includes('--passed')

/** The sources in native/FOLDER with this ending that are `file` or include it. */
function sourcesWith(file, folder, ending) {
  const includes = (path, seen = new Set()) => {
    if (seen.has(path) || !existsSync(join(root, 'native', path))) return seen
    seen.add(path)
    const text = readFileSync(join(root, 'native', path), 'utf8')
    for (const [, name] of text.matchAll(/^#include "(.*)"$/gm)) includes(name, seen)
    return seen
  }
  return readdirSync(join(root, 'native', folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .filter((path) => includes(path).has(file))
}

async function shell(build, command, error) {
  const { end, stderr } = await run('sh', ['-c', `cd ${build} && ${command}`])
  if (end !== 0) throw new Error(`${error}:\n${stderr}`)
}

/**
 * CMake's command for a file of a target, or of a library that the target links. It uses no
 * precompiled header, which might contain the mutant.
 */
function commandOf(build, target, file) {
  const path = join(root, 'native', file)
  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'))
  const own = ['nano-gpu-test', 'nano-run-arena'].includes(target) ? ['nano_gpu_arena'] : []
  const found = [target, ...own, 'nano_core', 'nano_gpt_cuda']
    .map((name) => commands.find((it) => it.file === path && it.command.includes(`${name}.dir/`)))
    .find(Boolean)
  if (!found) throw new Error(`${build} does not compile ${file} for ${target}`)
  return found.command.replace(/ -O\d /, ' -O0 -w ').replace(/ -Winvalid-pch -include \S+/, '')
}

/**
 * Compiles a file, preferring the sources in `copy` to those of the repository. Returns the
 * object's path.
 */
async function compile(build, target, file, copy, prelude) {
  const object = join(copy, `${basename(file)}.o`)
  const path = join(root, 'native', file)
  const changed = existsSync(join(copy, file)) ? join(copy, file) : path
  const command = commandOf(build, target, file)
    .replace(/ -o \S+/, ` -o ${object}`)
    .replace(` -c ${path}`, ` -c ${changed}`)
    .replace(/ -I/, `${prelude} -I${copy} -I`)
  await shell(build, command, `${file} does not compile`)
  return object
}

/**
 * Builds a target as CMake does, but with these of its files taken from `copy`. Returns the path of
 * the program.
 */
async function rebuild(build, target, files, copy, prelude = '') {
  let command = readFileSync(join(build, 'CMakeFiles', `${target}.dir`, 'link.txt'), 'utf8').trim()
  for (const file of files) {
    const object = await compile(build, target, file, copy, prelude)
    // Replaces the program's own object, or precedes the archive, so that the linker does not
    // search the archive for the same symbols.
    const own = command.split(' ').find((it) => it.replaceAll('"', '').endsWith(`native/${file}.o`))
    command = own ? command.replace(own, object) : command.replace(' -o ', ` ${object} -o `)
  }
  const path = join(copy, target)
  await shell(build, command.replace(/ -o \S+/, ` -o ${path}`), `${target} does not link`)
  return path
}

const casesOf = (how, cases) =>
  chooseCases(
    cases.filter((it) => how.cases?.test(it.name)),
    { work: how.work ?? (how.races ? 1e5 : 1e6), each: how.each ?? (how.races ? 3 : 30) },
  )

const programsOf = (how) => [
  ...(how.cases ? ['nano-run'] : []),
  ...(how.gemm ? ['nano-gemm-test'] : []),
  ...(how.ptx ? ['nano-ptx-test'] : []),
  ...(how.simt ? ['nano-simt-test'] : []),
  ...(how.gpu ? ['nano-gpu-test'] : []),
]

/** Runs the tests of a mutant's setting. Returns what failed, or ''. `setting`: see huntOnGpu. */
async function judge(how, cases, { device, schedules, env, pathOf }) {
  const small = how.gpu === 'program' ? /^program update of a bigram$/ : /^add /
  const args = {
    'nano-run': ['--device', device, ...casesOf(how, cases).map(({ path }) => path)],
    'nano-gemm-test': how.gemm,
    'nano-ptx-test': [],
    'nano-simt-test': [],
    'nano-gpu-test': [how.healthy ? '--healthy' : '--once', cases.find(({ name }) => small.test(name)).path],
  }
  // The other programs run all schedules themselves, or take long.
  const hasSchedules = (program) => program === 'nano-run' || (program === 'nano-gpu-test' && how.healthy)
  for (const schedule of schedules) {
    for (const program of programsOf(how)) {
      if (schedule !== schedules[0] && !hasSchedules(program)) continue
      const { end, stdout, stderr } = await run(pathOf(program), args[program], {
        env: { SIMT_SCHEDULE: schedule, SIMT_ALIVE: '1', ...env, ...how.env },
        timeout: 300_000,
      })
      if (end === 0) continue
      const report = stderr.match(/simt: ((?!\d+ calls).*)/)?.[1]
      const line = stdout.split('\n').find((it) => /^(FAIL|off|BAD)/.test(it))
      return `${schedule}: ${report || line || stderr.trim().split('\n').at(-1) || end}`.slice(0, 110)
    }
  }
  return ''
}

/**
 * What cuda.sh and metal.sh run without the race detector: all case files of these sizes, all products,
 * and the other programs of remaining().
 */
const isInSuite = ({ work, bytes }) => work <= 1e6 && bytes <= 64 * 2 ** 20

/** The tests of a setting that are not among those that a passed suite has run. */
function remaining({ gemm, ptx, simt, gpu, healthy, races, env }) {
  const all = { gemm, ptx, simt, gpu, healthy, races, env }
  if (!passed || races || env) return all
  return { gpu: gpu === 'program' && !healthy ? undefined : gpu, healthy }
}

/**
 * Runs all tests of these settings once without a mutant, with the cases under one schedule,
 * because gpu_cases.js runs them under all. With --passed, only those that the suite does not run.
 */
async function tryWithout(cases, hows, settingOf) {
  for (const races of [false, true]) {
    const these = hows.filter((how) => Boolean(how.races) === races)
    const empty = these.find((how) => how.cases && casesOf(how, cases).length === 0)
    if (empty) return `no case is ${empty.cases}`
    const { device, env, pathOf } = settingOf({ races }, {})
    const chosen = these.flatMap((how) => casesOf(how, cases))
    const paths = new Set(passed && !races ? chosen.filter((it) => !isInSuite(it)) : chosen)
    const { failures } = await runCases([...paths], { runner: pathOf('nano-run'), device, environment: env })
    if (failures.length > 0) return failures[0]
  }
  const different = new Map(hows.map(remaining).map((how) => [JSON.stringify(how), how]))
  const wrong = await parallel([...different.values()], (how) => judge(how, cases, settingOf(how, {})))
  return wrong.find(Boolean)
}

/**
 * Hunts mutants of a GPU backend.
 *   make(mutant, copy)     builds what the mutant changes: { program: path }
 *   settingOf(how, made)   { device, schedules, env, pathOf(program) } for this setting and these builds
 */
function huntOnGpu(backend, { prepare, make, settingOf }) {
  hunt(backend, {
    prepare,
    tryWithout: (cases, hows) => tryWithout(cases, hows, settingOf),
    judge: async (mutant, copy, cases) =>
      judge(mutant.how, cases, settingOf(mutant.how, await make(mutant, copy))),
  })
}

module.exports = { commandOf, huntOnGpu, programsOf, rebuild, shell, sourcesWith }
