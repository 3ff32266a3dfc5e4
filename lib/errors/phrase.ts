// Sentences that name options, calls and commands. A surface formats the names: `batchSize` in the
// library, --batch-size on the command line. The rest of a sentence, such as a user's path or text,
// is never changed.

import { show } from './show'

/** A part of a sentence that each surface formats differently. */
export type Term =
  /** An option, with or without a value. */
  | { readonly kind: 'option'; readonly name: string; readonly value?: unknown }
  /** A library call, or the equivalent command. */
  | { readonly kind: 'call'; readonly name: string; readonly options: Readonly<Record<string, unknown>> }
  /** The way to give the text itself instead of a file. */
  | { readonly kind: 'inlineText' }

export class Phrase {
  constructor(readonly parts: readonly (string | Term)[]) {}

  /** The sentence in the terms of the library. */
  toString(): string {
    return wordsOf(this, api)
  }

  toJSON(): string {
    return this.toString()
  }
}

/** How one surface (the library or the command line) formats terms. */
export interface Surface {
  option(name: string, value?: unknown): string
  call(name: string, options: Readonly<Record<string, unknown>>): string
  readonly inlineText: string
  /** Whether a message begins with the function that was called: `train: …`. */
  readonly namesFunction: boolean
  /** The option that a message is about. */
  subject(name: string): string
}

/** Names an option: `heads` or --heads; with a value, `device: 'auto'` or --device auto. */
export function option(name: string, value?: unknown): Term {
  return value === undefined ? { kind: 'option', name } : { kind: 'option', name, value }
}

/** Suggests a call: `train({ resume: 'runs/a' })` or `nano-gpt train --resume runs/a`. */
export function call(name: string, options: Readonly<Record<string, unknown>> = {}): Term {
  return { kind: 'call', name, options }
}

export const inlineText: Term = { kind: 'inlineText' }

/** A template tag for phrases: say`it must divide ${option('embed')}, which is ${15}`. */
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

/** Lists options: `a`, `b` or `c`. */
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

/** A value as a TypeScript literal. */
function literal(value: unknown): string {
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`
  return typeof value === 'bigint' ? `${value}n` : show(value)
}

/** The library's surface. */
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
