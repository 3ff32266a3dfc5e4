// Line endings of texts. Windows' are two characters, of which a model would learn the first as one of its own.

import { option, type Phrase, say } from '../errors'

export const lineEndings = ['normalize', 'keep'] as const
export type LineEndings = (typeof lineEndings)[number]

/** CRLF and CR become line feeds, unless they are to be kept. */
export function withLineEndings(text: string, wanted: LineEndings): string {
  return wanted === 'keep' || !text.includes('\r') ? text : text.replace(/\r\n?/g, '\n')
}

/** What `withLineEndings` changes about a text, in a sentence; undefined if that is nothing. */
export function describeLineEndings(text: string, wanted: LineEndings): Phrase | undefined {
  if (wanted === 'keep' || !text.includes('\r')) return undefined
  const [pairs, alone] = countReturns(text)
  const windows = pairs > 0 ? [counted(pairs, 'Windows line ending')] : []
  const returns = alone > 0 ? [counted(alone, 'carriage return')] : []
  const became = pairs + alone === 1 ? 'became a line feed' : 'became line feeds'
  return say`${[...windows, ...returns].join(' and ')} ${became}; ${option('lineEndings', 'keep')} keeps them`
}

/** How many CRLF there are, and how many CR without LF. */
function countReturns(text: string): [pairs: number, alone: number] {
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
