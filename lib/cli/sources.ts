// The text that a command is given: as --data, by name, path or standard input, or as --text itself.

import type { DataSource } from '../data/corpus'
import { decodeUtf8 } from '../data/utf8'
import { NanoGptError, option, say } from '../errors'
import { note } from './output'

/** What --data calls standard input. */
export const standardInput = '-'
/** What texts from there are called. */
const inputName = 'standard input'

export interface TextFlags {
  readonly data?: readonly DataSource[]
  readonly text?: string
}

/** @throws NanoGptError 'option' for a text that is given twice */
export function refuseTwoTexts({ data, text }: { readonly data?: unknown; readonly text?: unknown }): void {
  const sources = Array.isArray(data) ? data : []
  if (text !== undefined && data !== undefined) {
    throw new NanoGptError('option', {
      reason: say`${option('data')} and ${option('text')} are both given`,
      remedy: 'leave one of them out',
    })
  }
  if (sources.filter((source) => source === standardInput).length > 1) {
    throw new NanoGptError('option', {
      option: 'data',
      value: standardInput,
      reason: 'standard input can be read only once',
    })
  }
}

/** The text as the library takes it; standard input is read to its end. Undefined: none was given. */
export async function readSources({ data, text }: TextFlags): Promise<readonly DataSource[] | undefined> {
  if (text !== undefined) return [{ text }]
  return data && Promise.all(data.map((source) => (source === standardInput ? readInput() : source)))
}

async function readInput(): Promise<DataSource> {
  if (process.stdin.isTTY) note('reading the text from standard input; Ctrl-D ends it')
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return { text: decodeUtf8(Buffer.concat(chunks), inputName), name: inputName }
}
