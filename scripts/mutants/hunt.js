// Breaks sources on purpose, one change at a time, and demands that tests notice every one. A mutant that survives is a hole in
// them. What all backends' mutants have in common:
//
//   --jobs N         programs at a time (default 2)
//   --only PATTERN   only mutants whose file and description, with a space in between, the pattern matches
//   --most N         of each file no more than N…
//   --from M         …from its number M on, round about: with another M each time all have their turn
//   --cases FOLDER   where scripts/write_cases.js has written the case files already (default: the variable CASES)

const { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { describeCases } = require('../gpu_cases')
const { argument, parallel, run } = require('../processes')

const root = join(__dirname, '..', '..')
const work = mkdtempSync(join(tmpdir(), 'nano-gpt-mutants-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

const seconds = () => Math.round(performance.now() / 1000)

/** All of a table, with the `text` of their files; what they replace must stand there exactly once. */
function change(table) {
  const problems = []
  const mutants = Object.entries(table).flatMap(([file, rows]) => {
    const healthy = readFileSync(join(root, 'native', file), 'utf8')
    return rows.map(([what, from, to, how], at) => {
      const parts = healthy.split(from)
      const count = parts.length - 1
      if (count !== 1) problems.push(`${file}: ${what}: its text stands there ${count} times, not once`)
      return { file, what, from, to, how, text: parts.join(to), at, of: rows.length }
    })
  })
  if (problems.length > 0) throw new Error(`mutants to bring up to date:\n${problems.join('\n')}`)
  return mutants
}

/** Those that the options ask for. */
function choose(mutants) {
  const only = new RegExp(argument('--only', ''))
  const most = Number(argument('--most', Infinity))
  const first = Number(argument('--from', 0))
  const isInTurn = ({ at, of }) => (at + of - (first % of)) % of < most
  return mutants.filter((mutant) => only.test(`${mutant.file} ${mutant.what}`) && isInTurn(mutant))
}

async function findCases() {
  const given = argument('--cases', process.env.CASES)
  const folder = given ?? join(work, 'cases')
  if (!given) {
    const { end, stderr } = await run(process.execPath, [join(root, 'scripts', 'write_cases.js'), folder])
    if (end !== 0) throw new Error(stderr)
  }
  return describeCases(folder)
}

async function huntAll(table, { prepare, tryWithout, judge }) {
  const mutants = choose(change(table))
  if (mutants.length === 0) throw new Error('no mutant is of the name that --only asks for')
  const [cases] = await Promise.all([findCases(), prepare?.()])
  const wrong = await tryWithout(
    cases,
    mutants.map(({ how }) => how),
  )
  if (wrong) throw new Error(`without a mutant: ${wrong}`)
  console.log(`Without a mutant all passes, after ${seconds()} s.`)

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
 * Hunts the mutants of a table: file below native → [what is wrong, the text to replace (it must stand there exactly once), its
 * replacement, how it is judged].
 *   prepare()                    compiles what all need, while the cases are written
 *   tryWithout(cases, hows)      what fails without a mutant of all that judges these, or ''
 *   judge(mutant, copy, cases)   how the mutant, whose file lies in the folder `copy`, is caught, or ''
 */
function hunt(table, backend) {
  huntAll(table, backend).then(
    (code) => process.exit(code),
    (error) => {
      console.error(error.message)
      process.exit(1)
    },
  )
}

module.exports = { hunt, root, work }
