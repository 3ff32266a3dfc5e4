// What the course tells besides the models: lessons, sources and references.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { stages } from '../../lib/stages'
import { lessons } from '../../lib/stages/lessons'
import { references } from '../../lib/stages/reference'
import { codeOf, newLines, sourceOf } from '../../lib/stages/source'
import { isLong } from '../../lib/stages/stage'

test.each(stages.map(({ number }) => number))('stage %s has a lesson in short sentences', (number) => {
  const { title, what, why } = lessons[number]
  expect(title).toMatch(/^[A-Z][\w ]{3,24}$/)
  for (const text of [what, why]) {
    expect(text).toMatch(/^[A-Z].*\.$/)
    for (const sentence of text.split(/[.:] /)) expect(sentence.split(' ').length).toBeLessThan(30)
  }
})

test('the references are those of the table in the docs', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'stages.md'), 'utf8')
  for (const stage of stages) {
    if (!stage.numbers || isLong(stage)) continue
    const row = new RegExp(`^\\| ${stage.number} .*\\|$`, 'm').exec(
      page.slice(page.indexOf('stages-table:begin')),
    )!
    const cells = row[0].split('|').map((cell) => cell.trim())
    const [steps, loss] = references[stage.number].losses.at(-1)!
    expect([cells[3], Number(cells[6])]).toEqual([steps.toLocaleString('en'), loss])
  }
  const rowOf = (name: string) =>
    new RegExp(`^\\| ${name} \\| (.* \\|)$`, 'm')
      .exec(page.slice(page.indexOf('printed these')))![1]
      .match(/[\d.,]+/g)
  expect(references['09'].losses).toEqual(
    rowOf('step')!.map((step, i) => [Number(step.replace(',', '')), Number(rowOf('loss')![i])]),
  )
  expect(Object.keys(references)).toEqual(stages.flatMap(({ number, numbers }) => (numbers ? [number] : [])))
})

test('each stage has new lines', () => {
  const codes = stages.map((stage) => codeOf(readFileSync(sourceOf(stage), 'utf8')))
  codes.forEach((code, i) => {
    expect(code[0]).toMatch(/^import /)
    const lines = newLines(codes[i - 1] ?? [], code)
    expect(lines.map(({ text }) => text)).toEqual(code)
    expect(lines.some(({ isNew }) => isNew)).toBe(true)
  })
  const residual = newLines(codes[6], codes[7]).filter(({ isNew }) => isNew)
  expect(residual.map(({ text }) => text.trim())).toContain(
    'const attended = add(x, this.attention.forward(x))',
  )
})

test('lines that are not new are a longest common subsequence', () => {
  expect(newLines(['a', 'b', 'c'], ['b', 'x', 'c', 'a']).map(({ isNew }) => isNew)).toEqual([
    false,
    true,
    false,
    true,
  ])
  const lines = fc.array(fc.constantFrom<string>('a', 'b', 'c'), { maxLength: 8 })
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const old = newLines(before, after).flatMap(({ text, isNew }) => (isNew ? [] : [text]))
      let rest = before
      for (const text of old) {
        expect(rest).toContain(text)
        rest = rest.slice(rest.indexOf(text) + 1)
      }
      expect(old).toHaveLength(longest(before, after))
    }),
  )
})

/** The length of a longest common subsequence, by trying all. */
function longest([a, ...before]: readonly string[], after: readonly string[]): number {
  if (a === undefined) return 0
  const at = after.indexOf(a)
  const without = longest(before, after)
  return at < 0 ? without : Math.max(without, 1 + longest(before, after.slice(at + 1)))
}
