// Options of calls that look inside a model: loss(), logits(), attention() and so on, and of
// `nano-gpt inspect`.

import * as v from 'valibot'
import { arrayClass, copyOf } from '../graph/dtype'
import { withoutOption } from './heads'
import { loadOptions, modelOption } from './load'
import type { Table } from './row'
import { signalOption } from './signal'
import { type OptionType, oneOrMore, text, whole } from './types'

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
  without: withoutOption('inspection'),
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
    default: { words: 'standard input' },
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
  without: lossOptions.without,
} as const satisfies Table
