// Where the source of a stage is, and what it has that the previous one has not.

import { join } from 'node:path'
import type { Stage } from './stage'

/** The path of a stage's source. The package contains it beside the compiled one. */
export function sourceOf({ number, name }: Pick<Stage, 'number' | 'name'>): string {
  const file = `${number}_${name.replaceAll('-', '_')}.ts`
  return join(__dirname, '..', '..', 'lib', 'stages', file)
}

export interface SourceLine {
  readonly text: string
  /** Whether the previous stage has no such line at this place. */
  readonly isNew: boolean
}

/** The lines of a source, without the comment at its beginning, which tells the idea of the stage. */
export function codeOf(source: string): string[] {
  const lines = source.trimEnd().split(/\r?\n/)
  return lines.slice(lines.findIndex((line) => line !== '' && !line.startsWith('//')))
}

/** Lines of code, and which of them are new. The others are a longest common subsequence of both. */
export function newLines(before: readonly string[], after: readonly string[]): SourceLine[] {
  // common[i][j]: the length of that of before[i …] and after[j …].
  const common = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1))
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i][j] =
        before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1])
  let i = 0
  return after.map((text, j) => {
    while (i < before.length && before[i] !== text && common[i + 1][j] === common[i][j]) i++
    const isNew = before[i] !== text || common[i][j] !== common[i + 1][j + 1] + 1
    if (!isNew) i++
    return { text, isNew }
  })
}
