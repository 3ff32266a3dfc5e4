// How the page words options and calls in messages.

import { api, type Surface, show } from '../errors'

/** `batchSize` → `batch size`. */
export function labelOf(name: string): string {
  return name
    .replace(/[A-Z]+/g, (letters) => ` ${letters.toLowerCase()}`)
    .replace(/\b(ema|qkv?|kv)\b/g, (word) => word.toUpperCase())
}

/** The surface of the page: options have the names of their fields. */
export const surface: Surface = {
  option: (name, value) =>
    value === undefined ? `“${labelOf(name)}”` : `“${labelOf(name)}” = ${show(value)}`,
  call: api.call,
  inlineText: 'a text',
  namesFunction: false,
  subject: labelOf,
}
