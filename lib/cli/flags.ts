// Builds the flags of a command and their help from the rows of its table.

import { type Command, Option } from 'commander'
import { wordsOf } from '../errors'
import { defaultWordsOf, type Group, groups, kebab, type OptionRow } from '../options'
import type { Applies } from '../options/row'
import { parseArgument } from '../options/types'
import { surfaceOf } from './surface'
import { flagOf, flagsOf, isFlag, type TableName } from './tables'

export interface FlagOptions {
  /** Headings that replace those of the table. */
  readonly headings?: Partial<Readonly<Record<Group, string>>>
}

const surface = surfaceOf()

/** Adds a flag for each row, under the heading of its group. */
export function addFlags(command: Command, table: TableName, { headings }: FlagOptions = {}): void {
  const rows = Object.entries(flagsOf(table))
  for (const [group, usual] of Object.entries(groups) as [Group, string][]) {
    const heading = `${headings?.[group] ?? usual}:`
    for (const [name, row] of rows) {
      if (row.group !== group) continue
      for (const option of optionsOf(name, row)) command.addOption(option.helpGroup(heading))
      // On the command line a run has a folder by default.
      if (table === 'train' && name === 'out') {
        command.addOption(new Option(flagOf(name, false), 'save nothing').helpGroup(heading))
      }
    }
  }
}

function optionsOf(name: string, row: OptionRow): Option[] {
  const { type } = row
  const description = describe(row)
  if (type.placeholder === undefined) {
    // Both forms exist, because a preset may have either value. Defined second, the negated form
    // leaves the option without a default.
    const option = new Option(flagOf(name), description)
    // The form in help. Options that belong to one call have no preset to override.
    if (!isPlainSwitch(row)) option.flags = `--[no-]${kebab(name)}`
    return [option, new Option(flagOf(name, false)).hideHelp()]
  }
  // Commander treats null as no value. For an option with null as "no limit", Infinity means the
  // same.
  const parse = (text: string) => parseArgument(name, type, text) ?? Infinity
  const again = (text: string, before?: readonly unknown[]) => [before ?? [], parse(text)].flat()
  const option = new Option(`${flagOf(name)} ${type.placeholder}`, description).argParser<unknown>(
    type.repeats ? (again as (text: string, before: unknown) => unknown) : parse,
  )
  // A switch whose value is optional.
  return option.optional ? [option, new Option(flagOf(name, false)).hideHelp()] : [option]
}

/** Whether a switch is off unless it is given, and nothing else has a say in it. */
function isPlainSwitch({ type, perCall, default: usual }: OptionRow): boolean {
  return type.placeholder === undefined && perCall === true && usual !== true
}

/**
 * The description of an option in `--help`: its help, choices, where it applies, and its default.
 */
export function describe(row: OptionRow): string {
  const { type, applies, commandLine } = row
  const help = commandLine?.help ?? wordsOf(row.help, surface)
  const choices = type.choices ?? []
  const usual = isPlainSwitch(row) ? undefined : (commandLine?.default ?? defaultWordsOf(row, surface))
  const details = [
    ...(choices.every((choice) => help.includes(choice)) ? [] : [alternatives(choices)]),
    ...(applies ? [appliesTo(applies)] : []),
    ...(usual === undefined ? [] : [`default: ${usual}`]),
  ]
  return details.length > 0 ? `${help} (${details.join('; ')})` : help
}

/**
 * Where an option applies: with a value of another flag, or for a value of the command's argument.
 */
function appliesTo({ option, values }: Applies): string {
  return isFlag(option)
    ? `only with ${flagOf(option)} ${alternatives(values)}`
    : `only for ${alternatives(values)}`
}

/** a, b or c */
export function alternatives(names: readonly string[], last = 'or'): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1)}`
}
