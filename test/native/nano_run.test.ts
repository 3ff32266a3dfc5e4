// Runs the cases of the table, except large ones, through nano-run, without Node, on every
// instruction set, and checks that nano-run detects errors. NANO_GPT_RUN=FILE uses this nano-run
// instead of build/Release's.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { switchOf } from '../../binding/switches'
import { loadAddon } from '../../lib/backend/native/addon'
import { sizeOf } from '../../lib/graph/dtype'
import { type Case, type Reference, referenceOf } from '../support/case'
import { type Expectation, encodeCase, expectationsOf } from '../support/case_file'
import { writeCases } from '../support/case_folder'
import { Numbers } from '../support/numeric'
import { allCases } from '../support/table'

// A test runs many cases, and the machine may be busy.
jest.setTimeout(300_000)

const executable = process.platform === 'win32' ? 'nano-run.exe' : 'nano-run'
const runner = process.env.NANO_GPT_RUN ?? join(__dirname, '..', '..', 'build', 'Release', executable)
const found = existsSync(runner)
const instructionSets = loadAddon().addon?.info().instructionSets ?? ['portable']
const required =
  process.env.CI === 'true' || process.env.CI === '1' || switchOf('NANO_GPT_REQUIRE_NATIVE') === true
const withRunner = found || required ? test : test.skip
if (!found) console.warn(`tests of nano-run: skipped, there is no ${runner}`)

const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-cases-'))
const cases = allCases().filter((it) => !it.large && elementsOf(it) <= 20_000)
let files: string[] = []

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function elementsOf({ store }: Case): number {
  return store.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, `${name}.case`)
  writeFileSync(path, bytes)
  return path
}

/** Runs nano-run several times if there are more arguments than a system allows. */
function run(paths: readonly string[], options: readonly string[] = []) {
  const lines: string[] = []
  const codes = new Set<number | null>()
  for (let start = 0; start < paths.length; start += 200) {
    const { status, stdout } = spawnSync(runner, [...options, ...paths.slice(start, start + 200)], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    })
    codes.add(status)
    lines.push(...stdout.split('\n').filter((line) => /^(ok|FAIL) /.test(line)))
  }
  return { lines, codes: [...codes], failed: lines.filter((line) => line.startsWith('FAIL')) }
}

beforeAll(async () => {
  files = await writeCases(folder, cases, referenceOf)
})

describe.each(instructionSets)('%s', (instructionSet) => {
  withRunner('every case passes', () => {
    const { lines, codes, failed } = run(files, ['--isa', instructionSet, '--threads', '2'])
    expect(failed).toEqual([])
    expect(lines).toHaveLength(files.length)
    expect(codes).toEqual([0])
  })
})

describe('a wrong expectation fails', () => {
  const named = (name: string) => cases.find((it) => it.name === name)!
  const sum = named('matmul 7x5x9')
  let reference: Reference
  let right: Expectation

  beforeAll(async () => {
    reference = await referenceOf(sum)
    right = expectationsOf(sum, reference)[0]
  })

  /** `values` with one element changed. */
  const changed = (values: ArrayLike<number>, change: (value: number, i: number) => number, at = 62) =>
    Float64Array.from(values, (value, i) => (i === at ? change(value, i) : value))

  withRunner('a correct expectation passes', () => {
    expect(run([write('right', encodeCase(sum, [right]))]).failed).toEqual([])
    const close = changed(right.expected, (value, i) => value + 0.9 * right.bounds[i])
    expect(run([write('close', encodeCase(sum, [{ ...right, expected: close }]))]).failed).toEqual([])
  })

  const wrong: [string, () => Uint8Array][] = [
    [
      'one element',
      () => wrongly({ expected: changed(right.expected, (x, i) => x + 1.2 * right.bounds[i]) }),
    ],
    ['the first element', () => wrongly({ expected: changed(right.expected, (x) => x + 1, 0) })],
    ['a NaN', () => wrongly({ expected: changed(right.expected, () => Number.NaN) })],
    ['an Infinity', () => wrongly({ expected: changed(right.expected, () => Infinity) })],
    ['the NMSE', () => wrongly({ nmse: 1e-18 })],
    ['one element too few', () => wrongly({ expected: right.expected, count: 62 })],
    ['the name', () => wrongly({ name: 'in7' })],
    ['the kind', () => wrongly({ kind: 'output' })],
    ['a missing error', () => encodeCase(sum, [right], { code: 'out_of_range', op: 0 })],
    [
      'a bound of 0',
      () =>
        wrongly({
          bounds: changed(right.bounds, () => 0),
          expected: changed(right.expected, (x) => x + 1e-12),
        }),
    ],
  ]

  function wrongly({ count, ...change }: Partial<Expectation> & { count?: number }): Uint8Array {
    const whole = { ...right, ...change }
    const [expected, bounds] = [whole.expected, whole.bounds].map((values) =>
      Array.from(values).slice(0, count),
    )
    return encodeCase(sum, [{ ...whole, expected, bounds }])
  }

  withRunner.each(wrong)('%s', (name, bytes) => {
    const { lines, failed, codes } = run([write(`wrong ${name}`, bytes())])
    expect(failed).toHaveLength(1)
    expect(lines).toHaveLength(1)
    expect(codes).toEqual([1])
  })

  withRunner('an unexpected error, or one at another op', () => {
    const refused = cases.find((it) => it.name.startsWith('embedding refuses'))!
    const paths = [
      write('unexpected', encodeCase({ ...refused, error: undefined }, [])),
      write('another code', encodeCase(refused, [], { code: 'non_finite', op: 0 })),
      write('another op', encodeCase(refused, [], { code: 'out_of_range', op: 1 })),
    ]
    expect(run(paths).failed).toHaveLength(3)
  })
})

describe('a damaged case file is rejected', () => {
  const it = cases.find(({ name }) => name.startsWith('adamw three tensors'))!
  let bytes: Uint8Array

  beforeAll(async () => {
    bytes = encodeCase(it, expectationsOf(it, await referenceOf(it)))
  })

  withRunner('truncated anywhere, or with additional bytes', () => {
    const lengths = [...Array(120).keys(), ...Array.from({ length: 40 }, (_, i) => bytes.length - 1 - i * 37)]
    const paths = lengths.map((length) => write(`cut ${length}`, bytes.slice(0, length)))
    paths.push(write('longer', Buffer.concat([bytes, Buffer.from([0])])))
    const { failed, codes } = run(paths)
    expect(failed).toHaveLength(paths.length)
    expect(failed.filter((line) => !line.includes('invalid case file'))).toEqual([])
    expect(codes).toEqual([1])
  })

  withRunner('with changed bytes nano-run passes or fails, but does not crash', () => {
    const numbers = new Numbers('damage')
    const paths = Array.from({ length: 300 }, (_, i) => {
      const damaged = bytes.slice()
      // The head of the file holds the counts and names, so half of the damage goes there.
      const at = numbers.word() % (i % 2 === 0 ? damaged.length : 700)
      damaged[at] ^= numbers.pick([1, 0x80, 0xff, 0x10])
      return write(`damaged ${i}`, damaged)
    })
    const { lines, codes } = run(paths, ['--threads', '1'])
    expect(lines).toHaveLength(paths.length)
    expect(codes.filter((code) => code !== 1 && code !== 0)).toEqual([])
  })

  withRunner('of another format or version, or missing', () => {
    const other = (at: number, value: number) => {
      const damaged = bytes.slice()
      damaged[at] = value
      return damaged
    }
    const paths = [write('magic', other(0, 0)), write('version', other(4, 2)), write('reserved', other(6, 1))]
    const { failed } = run([...paths, join(folder, 'missing.case')])
    expect(failed).toEqual([
      expect.stringContaining('NCAS'),
      expect.stringContaining('version 2'),
      expect.stringContaining('reserved'),
      expect.stringContaining('opened'),
    ])
  })

  withRunner('invalid options exit with 2', () => {
    const right = write('options', bytes)
    const options = [[], ['--isa'], ['--threads', '0'], ['--threads', 'x'], ['--what', right]]
    for (const each of options) expect(spawnSync(runner, each).status).toBe(2)
    expect(spawnSync(runner, ['--isa', 'mmx', right]).status).not.toBe(0)
  })
})
