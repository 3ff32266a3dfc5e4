// Usage errors: unknown options, commands and arguments, and missing values.

import { Command } from 'commander'
import { NanoGptError, type Phrase, say, show, suggest } from '../errors'
import { shellQuoted, command as typed } from './output'
import { flagOf, isFlag, isTable, nearestFlag } from './tables'

/** A command that reports usage errors as NanoGptError. */
export class CliCommand extends Command {
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  /** Overrides a method that commander calls but does not declare. */
  unknownOption(flag: string): never {
    const command = this.parent ? this.name() : ''
    const close = nearestFlag(flag, command)
    if (command === '')
      throw usage('', `there is no option ${flag} before a command`, 'Give it after the command.')
    throw usage(command, `there is no option ${flag}`, close && `Did you mean ${close}?`)
  }

  /** Rejects arguments that the command does not take. */
  refuseExcess(): void {
    if (this.registeredArguments.at(-1)?.variadic) return
    const excess = this.args[this.registeredArguments.length]
    if (excess === undefined) return
    const name = this.name()
    const isAlone = this.registeredArguments.length === 0
    const option = isAlone ? (['data', 'model'] as const).find((each) => isFlag(each, name)) : undefined
    const remedy = option && `Did you mean ${flagOf(option)} ${shellQuoted(excess)}?`
    throw usage(name, `unexpected argument ${show(excess)}`, remedy)
  }

  /**
   * Rejects a flag without its value: one that is the last argument or is followed by another flag.
   *
   * @param args the arguments after the command's name
   */
  refuseMissingValues(args: readonly string[]): void {
    const find = (flag: string) => this.options.find(({ long }) => flag === long)
    for (let i = 0; i < args.length && args[i] !== '--'; i++) {
      if (!find(args[i])?.required) continue
      const value = args[++i]
      if (value !== undefined && !find(value) && value !== '--help') continue
      const remedy =
        value === undefined ? undefined : `If ${value} is the value, write ${args[i - 1]}=${value}.`
      throw usage(this.name(), `${args[i - 1]} requires a value`, remedy)
    }
  }
}

/** The error for an unknown command. */
export function unknownCommand(program: Command, name: string): NanoGptError {
  const names = program.commands.map((command) => command.name())
  const close = suggest(name, names)
  return usage('', `there is no command ${show(name)}`, close && `Did you mean ${close}?`)
}

/** A usage error. The remedy ends with the command that prints help. */
export function usage(command: string, reason: string | Phrase, remedy?: string): NanoGptError {
  const help = typed(...(isTable(command) || command === 'info' ? [command] : []), '--help')
  return new NanoGptError('usage', {
    reason,
    remedy: say`${remedy === undefined ? '' : `${remedy} `}See "${help}"`,
  })
}
