// How a command ends when something is wrong: a message for a person (or an object for a program) and an exit code.

import { CommanderError } from 'commander'
import { switchOf } from '../backend/switches'
import { NanoGptError, reasonOf, type Surface } from '../errors'
import { json, note } from './output'
import { surfaceOf } from './surface'
import { commandNames, flagOf } from './tables'

/** 0: done; 1: an error; 2: the command was not understood; 130: interrupted. */
export const exitCodes = { ok: 0, error: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** Says what went wrong and returns the exit code. */
export function report(error: unknown, args: readonly string[]): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
  const surface = surfaceOf({
    command: commandIn(args),
    inlineText: args.some((each) => each === flagOf('text') || each.startsWith(`${flagOf('text')}=`)),
  })
  const { exitCode, ...explained } = explain(error, surface)
  if (args.includes('--json')) json({ type: 'error', ...explained })
  else note(`nano-gpt: ${explained.message}`)
  if (showsStack() && error instanceof Error) note(String(error.stack))
  return exitCode
}

/** The command that the arguments name, if they do. */
export function commandIn(args: readonly string[]): string | undefined {
  const [first] = args.filter((each) => !each.startsWith('-'))
  return commandNames.find((name) => name === first)
}

interface Explained extends Readonly<Record<string, unknown>> {
  readonly code: string
  readonly message: string
  readonly exitCode: number
}

export function explain(error: unknown, surface: Surface): Explained {
  if (error instanceof NanoGptError) {
    const exitCode = ['option', 'usage'].includes(error.code) ? exitCodes.usage : exitCodes.error
    return { code: error.code, message: error.describe(surface), ...error.fields(surface), exitCode }
  }
  if (error instanceof CommanderError) {
    return { code: 'usage', message: error.message, exitCode: exitCodes.usage }
  }
  // The system refused something: a full disk, a folder that may not be written.
  const system = error as NodeJS.ErrnoException
  if (system?.syscall) {
    return { code: system.code ?? 'system', message: reasonOf(error), exitCode: exitCodes.error }
  }
  return { code: 'internal', message: bug(error), exitCode: exitCodes.error }
}

/** Whether the place where an error happened is of interest. */
const showsStack = () => switchOf('NANO_GPT_DEBUG') === true

function bug(error: unknown): string {
  const stack = showsStack() ? '' : ' NANO_GPT_DEBUG=1 shows where it happened.'
  const kind = error instanceof Error ? `${error.name}: ` : ''
  return (
    `${kind}${reasonOf(error)}\nThis is a bug in nano-gpt.${stack} Please report it with the command, ` +
    'where it happened, and what "nano-gpt info" prints.'
  )
}
