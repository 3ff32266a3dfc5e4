// The form of a run, from the table of train()'s options: names, help, values and defaults. What the form
// sends are the texts of its fields.

import { wordsOf } from '../errors'
import {
  type CheckedTrainOptions,
  checkOptions,
  defaultWordsOf,
  type Group,
  groups,
  parseArgument,
  rowOf,
  trainNames,
  trainOptions,
  unknownOption,
} from '../options'
import { presets } from '../presets'
import { RequestError } from './respond'
import { labelOf, surface } from './surface'

/** A field of the form. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly help: string
  /** What applies if the field is empty. */
  readonly usual: string
  /** The values to choose from; absent for a number or a text. */
  readonly choices?: readonly string[]
  /** 'decimal': numbers with a fraction. */
  readonly input: 'numeric' | 'decimal' | 'text'
  readonly range: string
}

export interface FieldGroup {
  readonly title: string
  readonly fields: readonly Field[]
}

/** The training time of a run that the page starts, in minutes. */
export const usualMinutes = 2

/** What the page decides itself: the text, the folder, and the preset 'auto'. */
const decided = new Set<string>([
  'data',
  'field',
  'separator',
  'preset',
  'from',
  'out',
  'tokenizer',
  'vocabSize',
])

const shown = trainNames.filter((name) => {
  const row = rowOf(trainOptions, name)
  return !row.perCall && !row.commandLine?.hidden && !decided.has(name)
})

const tableOfShown = Object.fromEntries(shown.map((name) => [name, rowOf(trainOptions, name)]))

/** The fields, in groups. */
export function fieldGroups(): FieldGroup[] {
  return (Object.keys(groups) as Group[]).flatMap((group) => {
    const names = shown.filter((name) => rowOf(trainOptions, name).group === group)
    // The headings of the help name a page of the docs.
    const title = groups[group].replace(/ \(.*\)$/, '')
    return names.length === 0 ? [] : [{ title, fields: names.map(fieldOf) }]
  })
}

/** What the preset 'auto' decides by measuring, and the intervals, which follow from it. */
const measured = new Set<string>([
  ...[
    'layers',
    'heads',
    'embed',
    'blockSize',
    'batchSize',
    'dropout',
    'attentionDropout',
    'embeddingDropout',
  ],
  ...['kvHeads', 'steps', 'evalInterval', 'evalBatches', 'sampleInterval', 'checkpointInterval', 'warmup'],
  'momentumWarmup',
])

/** The value of the preset 'auto', or else the default. */
function usualOf(name: string): string {
  if (name === 'minutes') return String(usualMinutes)
  if (measured.has(name)) return 'automatic'
  const { model, training } = presets.auto
  const value = ({ ...model, ...training } as Readonly<Record<string, unknown>>)[name]
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return value === undefined
    ? (defaultWordsOf(rowOf(trainOptions, name), surface) ?? 'automatic')
    : String(value)
}

/** The field of an option. */
export function fieldOf(name: string): Field {
  const row = rowOf(trainOptions, name)
  const { type } = row
  const isSwitch = type.ts === 'boolean'
  const choices = isSwitch ? ['yes', 'no'] : type.choices
  return {
    name,
    label: labelOf(name),
    help: wordsOf(row.help, surface),
    usual: usualOf(name),
    ...(choices && { choices }),
    input: type.placeholder === '<n>' ? 'numeric' : type.bounds ? 'decimal' : 'text',
    range: type.range,
  }
}

/**
 * The options that the fields name.
 *
 * @param given texts by the names of fields; an empty one was not given
 * @throws RequestError for a value that is no text; NanoGptError 'option' with the name of a field that is wrong
 */
export function optionsOf(given: Readonly<Record<string, unknown>>): CheckedTrainOptions {
  const values: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(given)) {
    if (text === '' || text === undefined) continue
    if (!shown.some((each) => each === name)) throw unknownOption('', name, tableOfShown)
    if (typeof text === 'object')
      throw new RequestError(400, `The value of “${labelOf(name)}” must be a text.`)
    const { type } = rowOf(trainOptions, name)
    values[name] =
      type.ts === 'boolean' && (text === 'yes' || text === 'no')
        ? text === 'yes'
        : parseArgument(name, type, String(text))
  }
  return checkOptions('', trainOptions, values)
}
