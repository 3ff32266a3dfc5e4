// Sentences that name options, calls and commands: data until a surface words them. The library says `batchSize`, the command line
// --batch-size. Everything else in a sentence, a user's path or text above all, stays as it is.

import { show } from './show'

/** What surfaces word differently. */
export type Term =
  /** An option; with a value, as it would be given. */
  | { readonly kind: 'option'; readonly name: string; readonly value?: unknown }
  /** A call of the library, or the command that does the same. */
  | { readonly kind: 'call'; readonly name: string; readonly options: Readonly<Record<string, unknown>> }
  /** The text itself, given in place of a file. */
  | { readonly kind: 'inlineText' }

export class Phrase {
  constructor(readonly parts: readonly (string | Term)[]) {}

  /** In the library's words. */
  toString(): string {
    return wordsOf(this, api)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** How one surface words the terms. */
export interface Surface {
  option(name: string, value?: unknown): string
  call(name: string, options: Readonly<Record<string, unknown>>): string
  readonly inlineText: string
  /** Whether a message begins with the function that was called: `train: …`. */
  readonly namesFunction: boolean
  /** The option a message is about. */
  subject(name: string): string
}

/** An option to be named: `heads`, --heads; with a value, `device: 'auto'`, --device auto. */
export function option(name: string, value?: unknown): Term {
  return value === undefined ? { kind: 'option', name } : { kind: 'option', name, value }
}

/** A call to be suggested: `train({ resume: "runs/a" })`, nano-gpt train --resume runs/a. */
export function call(name: string, options: Readonly<Record<string, unknown>> = {}): Term {
  return { kind: 'call', name, options }
}

export const inlineText: Term = { kind: 'inlineText' }

/** A template for phrases: say`it must divide ${option('embed')}, which is ${15}`. */
export function say(
  strings: TemplateStringsArray,
  ...values: readonly (Term | Phrase | string | number | bigint)[]
): Phrase {
  const parts = strings.flatMap((text, i) => {
    if (i === 0) return [text]
    const value = values[i - 1]
    if (value instanceof Phrase) return [...value.parts, text]
    return [typeof value === 'object' ? value : String(value), text]
  })
  return new Phrase(parts)
}

/** Options by name, joined for a sentence: `a`, `b` or `c`. */
export function listed(names: readonly string[], last = 'or'): Phrase {
  return new Phrase(
    names.flatMap((name, i) => {
      const before = i === 0 ? [] : [i === names.length - 1 ? ` ${last} ` : ', ']
      return [...before, option(name)]
    }),
  )
}

export function wordsOf(phrase: Phrase | string, surface: Surface): string {
  if (typeof phrase === 'string') return phrase
  const word = (part: string | Term) => {
    if (typeof part === 'string') return part
    if (part.kind === 'option') return surface.option(part.name, part.value)
    return part.kind === 'call' ? surface.call(part.name, part.options) : surface.inlineText
  }
  return phrase.parts.map(word).join('')
}

/** A value as TypeScript code holds it. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`
  return typeof value === 'bigint' ? `${value}n` : show(value)
}

/** The library's words. */
export const api: Surface = {
  option: (name, value) => (value === undefined ? `\`${name}\`` : `\`${name}: ${literal(value)}\``),
  call: (name, options) => {
    const fields = Object.entries(options).map(([key, value]) => `${key}: ${literal(value)}`)
    return `${name}(${fields.length > 0 ? `{ ${fields.join(', ')} }` : ''})`
  },
  inlineText: '{ text }',
  namesFunction: true,
  subject: (name) => name,
}
