// Breaks Metal kernels and what launches them, one change at a time, on the emulated GPU (docs/gpu-testing.md), and demands that
// case files or the race detector notice every one. A mutant that survives is a hole in the tests.
//
//   node scripts/mutants_metal.js [--jobs N] [--only PATTERN] [--most N [--from M]] [--cases FOLDER] [--build FOLDER]
//
// --most: of each file no more than N, from its number M on, round about; with another M each time all have their turn.
// The folder is CMake's, with -DNANO_GPT_METAL=emulated and CMAKE_EXPORT_COMPILE_COMMANDS.

const { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { basename, dirname, join, resolve } = require('node:path')
const { chooseCases, describeCases, parallel, run, runCases } = require('./gpu_cases')
const { writeCases } = require('./write_cases')

// Rows that are judged alike, but for those that say how themselves.
const alike = (how, ...rows) => rows.map(([what, from, to, own = how]) => [what, from, to, own])

// File below native → [what is wrong, the text to replace (it must stand there exactly once), its replacement, how it is
// judged]. How:
//   cases: /names/  runs small case files of these names, up to 30 for each op, under three schedules; { work, each }: of
//                   so much work, so many
//   gemm: [names]   makes the products of nano-gemm-test whose names begin so
//   gpu: true       runs nano-gpu-test, whose failing calls are left out with healthy: true
//   races: true     all this in the race detector
const mutants = {
  'metal/relu.metal': alike(
    { cases: /^relu/ },
    [
      'zero passes the gradient',
      'select(float4(0), gradient, value > 0)',
      'select(float4(0), gradient, value >= 0)',
    ],
    ['the sign of the mask', 'select(value, float4(0), value <= 0)', 'select(value, float4(0), value > 0)'],
    [
      'one past the end',
      'if (Stopped(control) || i >= n) return;\n  const float4 value = LoadQuad(FloatsIn(x',
      'if (Stopped(control) || i > n) return;\n  const float4 value = LoadQuad(FloatsIn(x',
    ],
    [
      'inputs change places',
      '{call.outputs[0], call.inputs[0], call.inputs[1]}',
      '{call.outputs[0], call.inputs[1], call.inputs[0]}',
    ],
  ),
}

const root = join(__dirname, '..')
const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : process.argv[at + 1]
}
const jobs = Number(argument('--jobs', 2))
const only = new RegExp(argument('--only', ''))
const build = resolve(argument('--build', join(root, 'build', 'metal')))
const release = join(build, 'Release')
const seconds = () => Math.round(performance.now() / 1000)
const hostPart = "#else  // the host's part\n"

/** Whether a change is to what Metal compiles, which the emulated one does at run time and can be told to change. */
function isShader(file, from) {
  const text = readFileSync(join(root, 'native', file), 'utf8')
  const host = text.indexOf(hostPart)
  if (/\.(mm|cc)$/.test(file)) return false
  return host < 0 || text.indexOf(from) < host
}

/** Compiles a changed file as CMake does and links `target` with it: the program's path. */
async function rebuild(file, copy, target) {
  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'))
  const source = join(root, 'native', file)
  const { command } = commands.find((it) => it.file === source && it.command.includes('nano_core.dir/'))
  const object = join(copy, 'changed.o')
  const compile = command
    .replace(/ -o \S+/, ` -o ${object}`)
    .replace(` -c ${source}`, ` -c ${join(copy, file)}`)
    .replace(/ -O3 /, ' -O0 -w ')
  const { end, stderr } = await run('sh', ['-c', `cd ${build} && ${compile}`])
  if (end !== 0) throw new Error(`${file} does not compile:\n${stderr}`)
  const link = readFileSync(join(build, 'CMakeFiles', `${target}.dir`, 'link.txt'), 'utf8').trim()
  const path = join(copy, target)
  // Before the archive: what it has of the same names is then not looked for.
  const changed = link.replace(/ -o \S+/, ` -o ${path} ${object} -Wl,--allow-multiple-definition`)
  const linked = await run('sh', ['-c', `cd ${build} && ${changed}`])
  if (linked.end !== 0) throw new Error(`${target} does not link:\n${linked.stderr}`)
  return path
}

const casesOf = (how, cases) =>
  chooseCases(
    cases.filter((it) => how.cases?.test(it.name)),
    { work: how.work ?? (how.races ? 1e5 : 1e6), each: how.each ?? (how.races ? 3 : 30) },
  )

const targetsOf = (how) => [
  ...(how.cases ? ['nano-run'] : []),
  ...(how.gemm ? ['nano-gemm-test'] : []),
  ...(how.gpu ? ['nano-gpu-test'] : []),
]

/** What a mutant, or nothing, does to the tests: how it was caught, or ''. */
async function judge(how, cases, programs = {}, more = {}) {
  const schedules = how.races ? ['shuffle'] : ['ascending', 'descending', 'shuffle']
  for (const schedule of schedules) {
    const env = {
      SIMT_SCHEDULE: schedule,
      SIMT_ALIVE: '1',
      ...(how.races ? { SIMT_RACES: '1' } : {}),
      ...more,
    }
    const args = {
      'nano-run': ['--device', 'metal', ...casesOf(how, cases).map(({ path }) => path)],
      'nano-gemm-test': how.gemm,
      'nano-gpu-test': [how.healthy ? '--healthy' : '--once', cases.find((it) => /^add /.test(it.name)).path],
    }
    for (const target of targetsOf(how)) {
      if (target !== 'nano-run' && schedule !== schedules[0]) continue
      const command = programs[target] ?? join(release, target)
      const { end, stdout, stderr } = await run(command, args[target], { env, timeout: 300_000 })
      if (end === 0) continue
      const line = stdout.split('\n').find((it) => /^(FAIL|off)/.test(it)) ?? ''
      return `${schedule}: ${line || stderr.trim().split('\n').at(-1) || end}`.slice(0, 110)
    }
  }
  return ''
}

/** Everything that mutants are judged by must pass without one. */
async function tryWithout(hows, cases) {
  for (const races of [false, true]) {
    const these = hows.filter((how) => Boolean(how.races) === races)
    const empty = these.find((how) => how.cases && casesOf(how, cases).length === 0)
    if (empty) throw new Error(`no case is ${empty.cases}`)
    const paths = new Set(these.flatMap((how) => casesOf(how, cases)))
    const environment = races ? { SIMT_RACES: '1' } : {}
    const runner = join(release, 'nano-run')
    const { failures } = await runCases([...paths], { runner, device: 'metal', environment, jobs })
    if (failures.length > 0) throw new Error(`without a mutant: ${failures[0]}`)
    const others = {
      gemm: these.flatMap((how) => how.gemm ?? []),
      gpu: these.some((how) => how.gpu),
      healthy: true,
      races,
    }
    const caught = await judge({ ...others, gemm: others.gemm.length > 0 ? others.gemm : undefined }, cases)
    if (caught) throw new Error(`without a mutant: ${caught}`)
  }
}

/** Whether a mutant is among those of its file whose turn it is. */
function inTurn(all) {
  const most = Number(argument('--most', Infinity))
  const from = Number(argument('--from', 0))
  return (mutant) => {
    const own = all.filter(({ file }) => file === mutant.file)
    const place = (own.indexOf(mutant) + own.length - (from % own.length)) % own.length
    return place < most
  }
}

async function hunt(work) {
  const all = Object.entries(mutants).flatMap(([file, list]) =>
    list.map(([what, from, to, how]) => ({ file, what, from, to, how })),
  )
  const wanted = all.filter(({ file, what }) => only.test(`${file} ${what}`)).filter(inTurn(all))
  const problems = wanted.flatMap(({ file, what, from }) => {
    const count = readFileSync(join(root, 'native', file), 'utf8').split(from).length - 1
    return count === 1 ? [] : [`${file}: ${what}: its text stands there ${count} times, not once`]
  })
  if (problems.length > 0) throw new Error(`mutants to bring up to date:\n${problems.join('\n')}`)
  const folder = argument('--cases')
  if (!folder) writeCases(join(work, 'cases'))
  const cases = describeCases(folder ?? join(work, 'cases'))
  await tryWithout(
    wanted.map(({ how }) => how),
    cases,
  )
  console.log(`Without a mutant all passes, after ${seconds()} s.`)

  const survivors = await parallel(
    [...wanted.entries()],
    jobs,
    async ([number, { file, what, from, to, how }]) => {
      const copy = join(work, `mutant-${number}`)
      mkdirSync(dirname(join(copy, file)), { recursive: true })
      const programs = {}
      const more = {}
      if (isShader(file, from)) {
        more.SIMT_EDIT = join(copy, 'edit')
        writeFileSync(more.SIMT_EDIT, `${from}\0${to}`)
      } else {
        const text = readFileSync(join(root, 'native', file), 'utf8').replace(from, () => to)
        writeFileSync(join(copy, file), text)
        for (const target of targetsOf(how)) programs[target] = await rebuild(file, copy, target)
      }
      const caught = await judge(how, cases, programs, more)
      rmSync(copy, { recursive: true, force: true })
      console.log(
        `${caught ? 'caught  ' : 'SURVIVED'} | ${basename(file).padEnd(24)} | ${what.padEnd(40)} | ${caught}`,
      )
      return caught ? 0 : 1
    },
  )
  const survived = survivors.reduce((a, b) => a + b, 0)
  console.log(
    `${wanted.length} mutants, ${wanted.length - survived} caught, ${survived} survived, ${seconds()} s`,
  )
  return survived === 0 ? 0 : 1
}

async function main() {
  const work = mkdtempSync(join(tmpdir(), 'nano-gpt-mutants-metal-'))
  try {
    return await hunt(work)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(error.message)
    process.exitCode = 1
  },
)
