// The diagrams of the stages, against their models.

import { createModel } from '../../lib/architectures/create'
import { sizeOf } from '../../lib/graph/dtype'
import { findPreset } from '../../lib/presets'
import { stages } from '../../lib/stages'
import { diagramOf, weightsOf } from '../../lib/stages/diagram'

const vocabSize = 65
const diagramOfStage = (number: string) => diagramOf(stages[Number(number)], vocabSize)
const newParts = (number: string) =>
  diagramOfStage(number)
    .parts.filter(({ isNew }) => isNew)
    .map(({ label }) => label)

test.each(stages.map((stage) => [stage.number, stage] as const))('stage %s has all weights', (_, stage) => {
  const diagram = diagramOf(stage, vocabSize)
  const { parameters } = stage.numbers
    ? createModel({ ...findPreset(stage.name).model, vocabSize })
    : { parameters: [] }
  expect(weightsOf(diagram)).toBe(parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0))
})

test.each(stages.map(({ number }) => number))('the parts of stage %s are connected', (number) => {
  const { parts, groups, symbols } = diagramOfStage(number)
  const known = new Set(symbols.map(({ symbol }) => symbol))
  parts.forEach(({ kind, shape, reads, row, group }, i) => {
    expect(reads.length > 0).toBe(kind !== 'source')
    for (const from of reads) expect(from).toBeLessThan(i)
    expect(row).toBe(Math.max(-1, ...reads.map((from) => parts[from].row)) + 1)
    expect(shape.length).toBeGreaterThan(0)
    for (const size of shape) expect(known).toContain(size.replace('4C', 'C'))
    expect(groups[group] !== undefined).toBe(group >= 0)
  })
  // Everything but the result is read by another part.
  const read = new Set(parts.flatMap(({ reads }) => reads))
  expect(parts.flatMap((_, i) => (read.has(i) ? [] : [i]))).toEqual([parts.length - 1])
})

test('shapes have the names that the source gives them', () => {
  const shapes = Object.fromEntries(
    diagramOfStage('07').parts.map(({ label, shape }) => [label, shape.join(' ')]),
  )
  expect(shapes).toMatchObject({
    tokens: 'B T',
    'token embedding': 'B T C',
    'position embedding': 'T C',
    attention: 'B T C',
    expand: 'B T 4C',
    scores: 'B T V',
  })
  expect(diagramOfStage('02').parts.map(({ label, shape }) => [label, shape.join(' ')])).toEqual([
    ['x', 'B T C'],
    ...['product', 'product', 'product'].map((label) => [label, 'B T D']),
    ['product', 'B T T'],
    ['softmax of the past', 'B T T'],
    ['product', 'B T D'],
  ])
})

test('what is new in a stage is marked', () => {
  expect(newParts('04')).toEqual(['attention'])
  expect(newParts('05')).toEqual(['linear', 'ReLU'])
  expect(newParts('06')).toEqual([])
  expect(diagramOfStage('06').groups).toMatchObject([
    { label: 'block', times: 3, isNew: true },
    { label: 'attention', group: 0, isNew: false },
    { label: 'feed-forward', group: 0, isNew: false },
  ])
  expect(newParts('07')).toEqual(['projection', '+', 'expand', 'contract', '+'])
  expect(newParts('08')).toEqual(['layer norm', 'layer norm', 'final layer norm'])
  expect(newParts('09')).toEqual(['attention', 'dropout', 'dropout'])
  expect(diagramOfStage('09').groups[0]).toMatchObject({ times: 6, isNew: true })
  for (const number of ['00', '01', '02'])
    expect(newParts(number)).toHaveLength(diagramOfStage(number).parts.length)
})

test('a residual connection leads around what it adds to', () => {
  const { parts } = diagramOfStage('07')
  const sums = parts.filter(({ label, isNew }) => label === '+' && isNew)
  for (const { reads, row } of sums) {
    const [before, after] = reads.map((from) => parts[from].row)
    expect(after).toBe(row - 1)
    expect(before).toBeLessThan(after - 1)
  }
})
