// The option `without`, which switches off attention heads.

import * as v from 'valibot'
import type { Group, OptionRow } from './row'
import type { OptionType } from './types'

/** A head, as options give it. */
export interface HeadIndex {
  readonly layer: number
  readonly head: number
}

const isIndex = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

/** Whether a value is one head. */
export function isHead(value: unknown): value is HeadIndex {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false
  return isIndex((value as HeadIndex).layer) && isIndex((value as HeadIndex).head)
}

/** A head as it is written on the command line: `0.3`. */
export const writeHead = ({ layer, head }: HeadIndex) => `${layer}.${head}`

const range = '{ layer, head } or an array of them, with whole numbers from 0'
const headType = '{ readonly layer: number; readonly head: number }'

/** Any number of heads, copied. The command line writes them as layer.head: `0.3,2.1`. */
const heads: OptionType<readonly HeadIndex[]> = {
  schema: v.pipe(
    v.custom<HeadIndex | readonly HeadIndex[]>(
      (value) => (Array.isArray(value) ? value.every(isHead) : isHead(value)),
      `must be ${range}`,
    ),
    v.transform((value) => [value].flat().map(({ layer, head }) => ({ layer, head }))),
  ),
  ts: `${headType} | readonly ${headType}[]`,
  range,
  placeholder: '<heads>',
  repeats: true,
  parse: (text) =>
    text.split(',').map((each) => {
      const [, layer, head] = /^\s*(\d+)\.(\d+)\s*$/.exec(each) ?? []
      const found = { layer: Number(layer), head: Number(head) }
      if (isHead(found)) return found
      throw new Error('must be heads as layer.head, such as 0.3 or 0.3,2.1')
    }),
}

export function withoutOption(group: Group) {
  return {
    type: heads,
    group,
    help: 'attention heads to switch off: their result is 0',
    default: { words: 'none' },
    commandLine: { help: 'attention heads to switch off, as layer.head: 0.3,2.1' },
  } as const satisfies OptionRow<readonly HeadIndex[]>
}
