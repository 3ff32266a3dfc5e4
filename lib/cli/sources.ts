// The text of a command: --data (a name, a path or standard input), or --text (the text itself).

import type { DataSource, Text } from '../data/corpus'
import { isStandardInput } from '../data/read'
import { decodeUtf8 } from '../data/utf8'
import { NanoGptError, option, type Phrase, say, wordsOf } from '../errors'
import { usage } from './grammar'
import { note } from './output'
import { surfaceOf } from './surface'
import type { TableName } from './tables'

const surface = surfaceOf()

/**
 * The text in the library's form; undefined if none was given.
 *
 * @throws NanoGptError 'option' if both flags were given, or standard input twice
 */
export function sourcesOf({
  data,
  text,
}: {
  readonly data?: readonly DataSource[]
  readonly text?: string
}): readonly DataSource[] | undefined {
  // A second read would wait for the first to end and then find nothing.
  const [, second] = data?.filter((each) => typeof each === 'string' && isStandardInput(each)) ?? []
  if (second !== undefined) {
    const reason = 'standard input can be read only once'
    throw new NanoGptError('option', { option: 'data', value: second, reason })
  }
  if (text === undefined) return data
  if (data === undefined) return [{ text }]
  throw new NanoGptError('option', {
    reason: say`${option('data')} and ${option('text')} are both given`,
    remedy: 'leave one of them out',
  })
}

/**
 * The text that is piped into a command, unchanged.
 *
 * @throws NanoGptError 'usage' with the remedy if standard input is a terminal
 */
export async function standardInput(command: TableName, remedy: string): Promise<string> {
  if (process.stdin.isTTY) throw usage(command, 'there is no text', remedy)
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return decodeUtf8(Buffer.concat(chunks), { subject: 'standard input' })
}

/**
 * The sources of a loaded text, to load it again. A source that can be read only once is replaced
 * by its text.
 */
export function again(sources: readonly DataSource[], { name, text, parts }: Text): readonly DataSource[] {
  const isLost = parts.some(({ source }, i) => source === null && typeof sources[i] === 'string')
  return isLost ? [{ text, name }] : sources
}

/** A message of the library in the terms of the command line. */
export function worded(message: string | Phrase): string {
  return wordsOf(message, surface)
}

export function notice(message: string | Phrase): void {
  note(worded(message))
}
