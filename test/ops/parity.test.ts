// Runs every op on every backend against the float64 reference (test/support/table.ts), and
// requires the same bits for any number of threads.
//
// NANO_GPT_PARITY_REPORT=path   writes the worst errors of each op, as a Markdown table
// NANO_GPT_CASES=FOLDER         writes all cases there, as case files

import { writeFileSync } from 'node:fs'
import { JsSession } from '../../lib/backend/js/session'
import { loadAddon } from '../../lib/backend/native/addon'
import { NativeSession, setThreads } from '../../lib/backend/native/session'
import { bytesOf } from '../../lib/graph/dtype'
import { opsByName } from '../../lib/ops'
import { type Case, type Outcome, type Reference, referenceOf, rowOf, runCase } from '../support/case'
import { writeCases } from '../support/case_folder'
import { onNative } from '../support/devices'
import { compare } from '../support/numeric'
import { allCases } from '../support/table'

// A test runs many cases, and the machine may be busy.
jest.setTimeout(300_000)

const { addon } = loadAddon()
const instructionSets = addon?.info().instructionSets ?? []
const threadCounts = [1, 2, 3, 7]

const cases = allCases()
const ops = [...new Set(cases.map(({ op }) => op))]
const references = new Map<Case, Reference>()

beforeAll(async () => {
  for (const it of cases) references.set(it, await referenceOf(it))
  const folder = process.env.NANO_GPT_CASES
  if (folder) await writeCases(folder, cases, (it) => references.get(it)!)
})

afterAll(async () => {
  if (addon) await setThreads(addon)
  if (process.env.NANO_GPT_PARITY_REPORT) writeFileSync(process.env.NANO_GPT_PARITY_REPORT, report())
})

test('the table has every op, and unique names', () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
  expect(ops.filter((op) => op !== 'program').sort()).toEqual([...opsByName.keys()].sort())
})

describe('js', () => {
  test.each(ops)('%s', async (op) => {
    const failures: string[] = []
    for (const it of casesOf(op)) failures.push(...judge('js', it, await runCase(new JsSession(), it)))
    expect(failures).toEqual([])
  })
})

onNative('cpu', () => {
  // Without the engine this block is skipped, but Jest requires a non-empty table.
  describe.each(addon ? instructionSets : ['portable'])('%s', (instructionSet) => {
    test.each(ops)('%s', async (op) => {
      const failures: string[] = []
      const before = new Map<Case, string>()
      for (const threads of threadCounts) {
        await setThreads(addon!, threads)
        for (const it of casesOf(op)) {
          const run = runCase(new NativeSession(addon!, { instructionSet }), it)
          if (it.program.precision) {
            await expect(run).rejects.toMatchObject({ code: 'unsupported' })
            continue
          }
          const outcome = await run
          const bits = bitsOf(outcome)
          if (threads === threadCounts[0]) failures.push(...judge(instructionSet, it, outcome))
          else if (bits !== before.get(it)) failures.push(`${it.name}: other bits with ${threads} threads`)
          before.set(it, bits)
        }
      }
      expect(failures).toEqual([])
    })
  })
})

function casesOf(op: string): Case[] {
  return cases.filter((it) => it.op === op)
}

function bitsOf({ results, failure }: Outcome): string {
  const bytes = results.map((values) => Buffer.from(bytesOf(values)).toString('latin1'))
  return [...bytes, failure?.code, failure?.message, failure?.buffer].join()
}

interface Worst {
  cases: number
  ratio: number
  ratioOf: string
  nmse: number
  nmseOf: string
}
const worst = new Map<string, Worst>()

/** Returns what is wrong with an outcome, and records the worst errors. */
function judge(backend: string, it: Case, { results, failure }: Outcome): string[] {
  const wrong: string[] = []
  if (failure?.code !== it.error?.code) {
    wrong.push(
      failure ? `ended with ${failure.code}: ${failure.message}` : `did not end with ${it.error?.code}`,
    )
  } else if (failure && (failure.op !== it.error!.op || !failure.message.includes(it.op.split('_')[0]))) {
    wrong.push(`blames op ${failure.op}: ${failure.message}`)
  }
  const { results: expected, bounds, failure: rejected } = references.get(it)!
  if (failure && failure.buffer !== rejected?.buffer) {
    wrong.push(`blames ${failure.buffer}, the reference ${rejected?.buffer}: ${failure.message}`)
  }
  results.forEach((got, i) => {
    const { name } = it.results[i]
    const { ratio, nmse, rowNmse, worst } = compare(got, expected[i], bounds[i], rowOf(it, name))
    remember(backend, it, ratio, nmse)
    if (!(ratio <= 1)) wrong.push(`${name}: ${worst}`)
    if (!(nmse <= it.nmse && rowNmse <= it.rowNmse)) wrong.push(`${name}: NMSE ${nmse}, ${rowNmse} of a row`)
  })
  return wrong.map((what) => `${it.name}: ${what}`)
}

function remember(backend: string, it: Case, ratio: number, nmse: number): void {
  const key = `${it.op} | ${backend}`
  const so = worst.get(key) ?? { cases: 0, ratio: 0, ratioOf: '', nmse: 0, nmseOf: '' }
  worst.set(key, so)
  so.cases++
  if (ratio > so.ratio) Object.assign(so, { ratio, ratioOf: it.name })
  // A case whose NMSE limit is above 1e-10 says nothing about the kernel's NMSE.
  if (nmse > so.nmse && it.nmse <= 1e-10) Object.assign(so, { nmse, nmseOf: it.name })
}

function report(): string {
  const lines = ops.flatMap((op) =>
    ['js', ...instructionSets].flatMap((backend) => {
      const so = worst.get(`${op} | ${backend}`)
      if (!so) return []
      return `| ${op} | ${backend} | ${so.cases} | ${so.ratio.toFixed(3)} | ${so.ratioOf} | ${so.nmse.toExponential(1)} | ${so.nmseOf} |`
    }),
  )
  return [
    '| op | backend | results | worst error ÷ bound | in | worst NMSE | in |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
