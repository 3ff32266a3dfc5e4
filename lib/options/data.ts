// Options for the text, shared by several functions.

import * as v from 'valibot'
import { corpusNames, type DataSource } from '../data/corpus'
import { defaultField } from '../data/documents'
import { lineEndings } from '../data/line_endings'
import { inlineText, say } from '../errors'
import type { Table } from './row'
import { choice, escapedText, type OptionType, oneOrMore, text } from './types'

const what = 'must be a corpus, a path or { text }'

const source: OptionType<DataSource> = {
  schema: v.union(
    [
      v.pipe(v.string(), v.minLength(1)),
      v.pipe(
        v.object({ text: v.string(), name: v.optional(v.string()) }),
        v.transform(({ text, name }) => (name === undefined ? { text } : { text, name })),
      ),
    ],
    what,
  ),
  ts: `${corpusNames.map((name) => `'${name}'`).join(' | ')} | (string & {}) | { text: string; name?: string }`,
  range: 'a corpus, a path or { text }',
  placeholder: '<name|file>',
}

export const dataOptions = {
  data: {
    type: oneOrMore(
      source,
      'a corpus, the path of a text file or folder, { text }, or several of them in an array',
    ),
    group: 'data',
    help: say`${corpusNames.join(', ')}, file, folder or ${inlineText}; several are joined`,
    default: { words: 'shakespeare' },
    otherNames: ['text', 'input', 'file', 'dataset', 'corpus'],
    commandLine: {
      help: `${corpusNames.join(', ')}, file, folder or - (standard input); may be repeated`,
    },
  },
  lineEndings: {
    type: choice(lineEndings),
    group: 'data',
    help: "'normalize' turns CRLF and CR into line feeds; 'keep' leaves them",
    default: 'normalize',
    resume: 'keeps',
    otherNames: ['newlines', 'crlf'],
  },
  field: {
    type: text,
    group: 'data',
    help: 'field with the text in each line of a .jsonl file',
    default: defaultField,
    resume: 'keeps',
    otherNames: ['jsonField', 'textField', 'column'],
  },
  separator: {
    type: escapedText,
    group: 'data',
    help: 'text between two documents',
    default: { words: 'a blank line within a folder or .jsonl file, nothing between sources' },
    resume: 'keeps',
    otherNames: ['documentSeparator', 'delimiter'],
  },
} as const satisfies Table
