// Breaks sources on purpose, one change at a time, and requires that tests detect every change. A
// mutant that survives is a gap in the tests. A backend's mutants are in the folder with its name,
// in one file per kernel, which exports { file below native: rows }. A row is [what is wrong, the
// text to replace (which must occur exactly once), its replacement, the tests to run]. Options of
// all backends:
//
//   --check          only checks that every text occurs exactly once; node scripts/mutants/hunt.js --check
//                    does so for all backends
//   --jobs N         programs at a time (default: 2)
//   --only PATTERN   only mutants for which "FILE DESCRIPTION" matches the pattern
//   --most N         at most N mutants of each file
//   --from M         starts at number M, with wrap-around, so that different values of M cover all mutants
//   --cases FOLDER   existing case files from scripts/write_cases.js (default: the variable CASES)

const {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { describeCases } = require('../gpu_cases')
const { argument, parallel, run } = require('../processes')

const root = join(__dirname, '..', '..')
const work = mkdtempSync(join(tmpdir(), 'nano-gpt-mutants-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

/** The backends, and the endings of their kernels' sources. */
const endings = { cpu: '.cc', cuda: '.cu', metal: '.metal' }

const seconds = () => Math.round(performance.now() / 1000)

/** A backend's mutants, from its folder: file below native → rows. */
function collect(backend) {
  const folder = join(__dirname, backend)
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.js'))
  const table = {}
  for (const name of names.sort()) {
    for (const [file, rows] of Object.entries(require(join(folder, name)))) {
      if (file in table) throw new Error(`${backend}/${name}: ${file} has mutants in another file too`)
      table[file] = rows
    }
  }
  return table
}

/**
 * All mutants of a table, with the `text` of their files. Throws unless the text to replace occurs
 * exactly once.
 */
function change(table) {
  const problems = []
  const mutants = Object.entries(table).flatMap(([file, rows]) => {
    const path = join(root, 'native', file)
    if (!existsSync(path)) {
      problems.push(`${file}: there is no such file in native/`)
      return []
    }
    const healthy = readFileSync(path, 'utf8')
    return rows.map(([what, from, to, how], at) => {
      const parts = healthy.split(from)
      const count = parts.length - 1
      if (count !== 1) problems.push(`${file}: ${what}: its text stands there ${count} times, not once`)
      return { file, what, from, to, how, text: parts.join(to), at, of: rows.length }
    })
  })
  if (problems.length > 0) throw new Error(`outdated mutants:\n${problems.join('\n')}`)
  return mutants
}

/**
 * Checks whether all mutants of these backends can be applied: returns 0 or 1. Names the kernels
 * that have none.
 */
function checkAll(backends) {
  let bad = 0
  for (const backend of backends) {
    try {
      const table = collect(backend)
      const mutants = change(table)
      const kernels = readdirSync(join(root, 'native', backend)).filter((name) =>
        name.endsWith(endings[backend]),
      )
      const without = kernels.filter((name) => !(`${backend}/${name}` in table))
      console.log(
        `${backend}: ${mutants.length} mutants can be made; without any: ${without.join(', ') || 'none'}`,
      )
    } catch (error) {
      console.error(`${backend}: ${error.message}`)
      bad = 1
    }
  }
  return bad
}

/** The mutants that the options select. */
function choose(mutants) {
  const only = new RegExp(argument('--only', ''))
  const most = Number(argument('--most', Infinity))
  const first = Number(argument('--from', 0))
  const isInTurn = ({ at, of }) => (at + of - (first % of)) % of < most
  return mutants.filter((mutant) => only.test(`${mutant.file} ${mutant.what}`) && isInTurn(mutant))
}

/**
 * Cases of the given folder, checked at once so that nothing is compiled if it has none; otherwise
 * a promise of newly written ones.
 */
function findCases() {
  const given = argument('--cases', process.env.CASES)
  return given ? describeCases(given) : writeCases(join(work, 'cases'))
}

async function writeCases(folder) {
  const { end, stderr } = await run(process.execPath, [join(root, 'scripts', 'write_cases.js'), folder])
  if (end !== 0) throw new Error(stderr)
  return describeCases(folder)
}

async function huntAll(backend, { prepare, tryWithout, judge }) {
  const mutants = choose(change(collect(backend)))
  if (mutants.length === 0) throw new Error('no mutant matches --only')
  const [cases] = await Promise.all([findCases(), prepare?.()])
  const wrong = await tryWithout(
    cases,
    mutants.map(({ how }) => how),
  )
  if (wrong) throw new Error(`without a mutant: ${wrong}`)
  console.log(`All tests pass without a mutant, after ${seconds()} s.`)

  const widest = (key) => Math.max(...mutants.map((mutant) => mutant[key].length))
  const [files, whats] = [widest('file'), widest('what')]
  const reports = await parallel(mutants, async (mutant) => {
    const { file, what, text } = mutant
    const copy = mkdtempSync(join(work, 'mutant-'))
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    writeFileSync(join(copy, file), text)
    const caught = await judge(mutant, copy, cases)
    rmSync(copy, { recursive: true, force: true })
    console.log(
      `${caught ? 'caught  ' : 'SURVIVED'} | ${file.padEnd(files)} | ${what.padEnd(whats)} | ${caught}`,
    )
    return caught
  })
  const caught = reports.filter(Boolean).length
  const survived = mutants.length - caught
  console.log(`${mutants.length} mutants, ${caught} caught, ${survived} survived, ${seconds()} s`)
  return survived === 0 ? 0 : 1
}

/**
 * Hunts a backend's mutants, or checks them.
 *   prepare()                    compiles what all mutants need, while the cases are written
 *   tryWithout(cases, hows)      runs all tests of these settings without a mutant: what failed, or ''
 *   judge(mutant, copy, cases)   runs the tests on a mutant, whose file is in the folder `copy`: what
 *                                failed, or ''
 */
function hunt(backend, parts) {
  if (process.argv.includes('--check')) process.exit(checkAll([backend]))
  huntAll(backend, parts).then(
    (code) => process.exit(code),
    (error) => {
      console.error(error.message)
      process.exit(1)
    },
  )
}

module.exports = { hunt, root, work }

if (require.main === module) {
  if (process.argv.includes('--check')) process.exit(checkAll(Object.keys(endings)))
  console.error('usage: node scripts/mutants/hunt.js --check')
  process.exit(2)
}
