// Line endings. A Windows line ending is two characters, and a model would have to learn the
// carriage return as a character of its own.

import { option, type Phrase, say } from '../errors'

export const lineEndings = ['normalize', 'keep'] as const
export type LineEndings = (typeof lineEndings)[number]

/** Converts CRLF and CR to line feeds, unless `wanted` is 'keep'. */
export function withLineEndings(text: string, wanted: LineEndings): string {
  return wanted === 'keep' || !text.includes('\r') ? text : text.replace(/\r\n?/g, '\n')
}

/** Describes what `withLineEndings` changes in a text; undefined if nothing. */
export function describeLineEndings(text: string, wanted: LineEndings): Phrase | undefined {
  if (wanted === 'keep' || !text.includes('\r')) return undefined
  return describeReturns(...countReturns(text))
}

/** Describes the conversion of CRLF and of CR without LF; undefined if there are none. */
export function describeReturns(pairs: number, alone: number): Phrase | undefined {
  if (pairs + alone === 0) return undefined
  const windows = pairs > 0 ? [counted(pairs, 'Windows line ending')] : []
  const returns = alone > 0 ? [counted(alone, 'carriage return')] : []
  const became = pairs + alone === 1 ? 'was converted to a line feed' : 'were converted to line feeds'
  return say`${[...windows, ...returns].join(' and ')} ${became}; ${option('lineEndings', 'keep')} keeps them`
}

/** Counts CRLF, and CR without LF. */
export function countReturns(text: string): [pairs: number, alone: number] {
  let [pairs, alone] = [0, 0]
  for (let i = text.indexOf('\r'); i >= 0; i = text.indexOf('\r', i + 1)) {
    if (text[i + 1] === '\n') pairs++
    else alone++
  }
  return [pairs, alone]
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`
}
