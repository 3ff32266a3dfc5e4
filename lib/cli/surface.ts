// The command line's surface: formats options as flags and library calls as commands.

import { api, type Surface } from '../errors'
import { isHead, writeHead } from '../options/heads'
import { command, shellQuoted } from './output'
import { flagOf, isFlag, isTable } from './tables'

export interface Given {
  /** The command that was called. */
  readonly command?: string
  /** Whether the text was given as --text. */
  readonly inlineText?: boolean
}

/** The surface of a command. Names that are not flags keep their library form. */
export function surfaceOf({ command: name = '', inlineText = false }: Given = {}): Surface {
  return {
    option: (option, value) => {
      if (!isFlag(option)) return api.option(option, value)
      return value === undefined ? flagOf(option) : words(argumentsOf({ [option]: value }))
    },
    call: (call, options) =>
      isTable(call) ? command(call, ...argumentsOf(options)) : api.call(call, options),
    inlineText: flagOf('text'),
    namesFunction: false,
    subject: (option) => {
      if (option === 'data' && inlineText) return flagOf('text')
      return isFlag(option, name) ? flagOf(option) : option
    },
  }
}

/** Arguments quoted for a shell. */
export function words(args: readonly string[]): string {
  return args.map((each) => shellQuoted(each)).join(' ')
}

/**
 * Converts options to arguments: `{ resume: 'runs/a', bias: false }` → --resume runs/a --no-bias.
 */
export function argumentsOf(options: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value]
    return values.flatMap((each) => argumentOf(name, each))
  })
}

function argumentOf(name: string, value: unknown): string[] {
  if (value === undefined) return []
  if (typeof value === 'boolean') return [flagOf(name, value)]
  if (value === null) return [flagOf(name), 'Infinity']
  if (typeof value === 'object' && 'text' in value) return [flagOf('text'), String(value.text)]
  if (isHead(value)) return [flagOf(name), writeHead(value)]
  // A value that begins with a dash would be read as a flag.
  const text = String(value)
  return text.startsWith('-') && text !== '-' ? [`${flagOf(name)}=${text}`] : [flagOf(name), text]
}
