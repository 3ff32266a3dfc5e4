// The index of the case files: what it says about a case.

import { describeCase } from '../support/case_index'
import { allCases } from '../support/table'

const described = allCases().map((it) => describeCase('x.case', it))
const named = (name: string) => described.find((it) => it.name === name)

test('a product: its ops, work and memory', () => {
  const elements = 7 * 5 + 5 * 9 + 7 * 9
  expect(named('matmul 7x5x9')).toEqual({
    file: 'x.case',
    name: 'matmul 7x5x9',
    ops: ['matmul'],
    format: 'f32',
    manyTiles: false,
    work: elements + 7 * 9 * 9, // the largest dimension of the inputs
    bytes: 4 * elements,
  })
})

test('every format has cases, and bf16 has attention gradients over several tiles', () => {
  expect(new Set(described.map(({ format }) => format))).toEqual(new Set(['f32', 'tf32', 'bf16']))
  expect(described.filter(({ format, manyTiles }) => format === 'bf16' && manyTiles)).not.toEqual([])
  expect(described.filter(({ manyTiles, ops }) => manyTiles && !ops.includes('attention_backward'))).toEqual(
    [],
  )
})

test('every third case, which scripts/ci/cases.sh runs in turn, is a share with every op', () => {
  const opsOf = (turn: number) =>
    described.filter((_, i) => i % 3 === turn).flatMap(({ ops }) => (ops.length === 1 ? ops : []))
  const all = described.flatMap(({ ops }) => ops)
  for (const turn of [0, 1, 2]) expect(new Set(opsOf(turn))).toEqual(new Set(all))
})
