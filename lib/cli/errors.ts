// Reports an error of a command: a message, or a JSON object with --json, and an exit code.

import { CommanderError } from 'commander'
import { switchOf } from '../../binding/switches'
import { NanoGptError, reasonOf, type Surface } from '../errors'
import { json, note } from './output'
import { surfaceOf } from './surface'
import { commandNames, flagOf } from './tables'

export const exitCodes = { ok: 0, error: 1, usage: 2 } as const
/** The signals that stop and save a run, and the exit codes: 128 plus the number of the signal. */
export const stopSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Prints an error and returns the exit code. */
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

/** The command that the arguments name, if any. */
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
  // A system error, such as a full disk or a folder that is not writable.
  const system = error as NodeJS.ErrnoException
  if (system?.syscall) {
    return { code: system.code ?? 'system', message: reasonOf(error), exitCode: exitCodes.error }
  }
  return { code: 'internal', message: bug(error), exitCode: exitCodes.error }
}

/** Whether to print the stack of an error. */
const showsStack = () => switchOf('NANO_GPT_DEBUG') === true

function bug(error: unknown): string {
  const stack = showsStack() ? '' : ' NANO_GPT_DEBUG=1 prints its stack.'
  const kind = error instanceof Error ? `${error.name}: ` : ''
  return (
    `${kind}${reasonOf(error)}\nThis is a bug in nano-gpt.${stack} Please report it with the command, ` +
    'the stack and the output of "nano-gpt info --report".'
  )
}
