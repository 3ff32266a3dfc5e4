// Options of calls that look inside a model: loss(), logits(), attention() and so on, and of
// `nano-gpt inspect`.

import * as v from 'valibot'
import { arrayClass, copyOf } from '../graph/dtype'
import { loadOptions, modelOption } from './load'
import type { Table } from './row'
import { signalOption } from './signal'
import { type OptionType, oneOrMore, text, whole } from './types'

interface HeadIndex {
  readonly layer: number
  readonly head: number
}

const isIndex = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0

function isHead(value: unknown): value is HeadIndex {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false
  return isIndex((value as HeadIndex).layer) && isIndex((value as HeadIndex).head)
}

const headsRange = '{ layer, head } or an array of them, with whole numbers from 0'
const headType = '{ readonly layer: number; readonly head: number }'

/** Any number of heads, copied. */
const heads: OptionType<readonly HeadIndex[]> = {
  schema: v.pipe(
    v.custom<HeadIndex | readonly HeadIndex[]>(
      (value) => (Array.isArray(value) ? value.every(isHead) : isHead(value)),
      `must be ${headsRange}`,
    ),
    v.transform((value) => [value].flat().map(({ layer, head }) => ({ layer, head }))),
  ),
  ts: `${headType} | readonly ${headType}[]`,
  range: headsRange,
}

const valuesRange = 'an object with Float32Arrays by name'

/** Values by name, copied. */
const replacements: OptionType<ReadonlyMap<string, Float32Array>> = {
  schema: v.pipe(
    v.custom<Readonly<Record<string, Float32Array>>>(
      (value) =>
        // A Map has no properties, so its values would be ignored.
        Object.prototype.toString.call(value) === '[object Object]' &&
        Object.values(value as object).every((each) => arrayClass(each) === 'Float32Array'),
      `must be ${valuesRange}`,
    ),
    v.transform(
      (value) =>
        new Map(Object.entries(value).map(([name, each]) => [name, copyOf(each, 'a copy of values')])),
    ),
  ),
  ts: 'Readonly<Record<string, Float32Array>>',
  range: valuesRange,
}

/** model.gradients() */
export const gradientOptions = {
  signal: signalOption('ends the computation'),
} as const satisfies Table

/** model.loss(), tokenLosses(), logits() and activations() */
export const lossOptions = {
  without: {
    type: heads,
    group: 'inspection',
    help: 'attention heads to switch off: their result is 0',
    default: { words: 'none' },
  },
  replace: {
    type: replacements,
    group: 'inspection',
    help: 'values for all tokens, by the name of the activation they replace',
    default: { words: 'none' },
  },
  ...gradientOptions,
} as const satisfies Table

/** model.attention() */
export const attentionOptions = {
  layers: {
    type: oneOrMore(whole({ min: 0 }), 'a whole number from 0, or an array of them'),
    group: 'inspection',
    help: 'layers whose weights are returned',
    default: { words: 'all' },
  },
  ...lossOptions,
} as const satisfies Table

/** nano-gpt inspect */
export const inspectOptions = {
  model: modelOption,
  ...loadOptions,
  text: {
    type: text,
    group: 'inspection',
    help: 'text to inspect, at most as long as the block size',
  },
  layer: {
    type: whole({ min: 0 }),
    group: 'inspection',
    help: 'attention layer to show, from 0',
    default: { words: 'the last' },
  },
  head: {
    type: whole({ min: 0 }),
    group: 'inspection',
    help: 'attention head to show, from 0',
    default: { words: 'the mean of all' },
  },
} as const satisfies Table
