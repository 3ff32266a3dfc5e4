// The kinds of ops.

import { opsByName } from '../../lib/ops'
import { aboutKind, kindOf, opKinds, timesByKind } from '../../lib/report/op_kinds'

test('every op is of exactly one kind, and every kind has only ops', () => {
  const listed = Object.values(opKinds).flat()
  expect(new Set(listed).size).toBe(listed.length)
  for (const name of opsByName.keys()) expect(Object.keys(opKinds)).toContain(kindOf(name))
  for (const name of listed) expect([...opsByName.keys()]).toContain(name)
})

test('every kind has its purpose in sentences', () => {
  for (const kind of Object.keys(opKinds)) expect(aboutKind(kind)).toMatch(/^[A-Z].*\.$/)
  expect(aboutKind('an op without a kind')).toBe('')
})

test('times of a kind are added, and the slowest kind is first', () => {
  const times = timesByKind([
    { op: 'gelu', ms: 1 },
    { op: 'linear', ms: 2 },
    { op: 'gelu_backward', ms: 1.5 },
    { op: 'gelu', ms: 1 },
  ])
  expect(times).toEqual([
    { kind: 'activation functions', ops: ['gelu', 'gelu_backward'], calls: 3, ms: 3.5 },
    { kind: 'matrix products', ops: ['linear'], calls: 1, ms: 2 },
  ])
})
