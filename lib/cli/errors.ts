// How a command ends when something is wrong: a message for a person (or an object for a program) and an exit code.

import { CommanderError } from 'commander'
import { NanoGptError, reasonOf } from '../errors'
import { kebab } from './flags'
import { command, json, note } from './output'

/** 0: done; 1: an error; 2: the command was not understood; 130: interrupted. */
export const exitCodes = { ok: 0, error: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/** Says what went wrong and returns the exit code. */
export function report(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
  const { code, message, exitCode } = explain(error)
  if (process.argv.includes('--json')) json({ type: 'error', code, message })
  else note(`nano-gpt: ${message}`)
  if (process.env.NANO_GPT_DEBUG === '1' && error instanceof Error) note(String(error.stack))
  return exitCode
}

interface Explained {
  readonly code: string
  readonly message: string
  readonly exitCode: number
}

function explain(error: unknown): Explained {
  if (error instanceof CommanderError) {
    const stray = error.code === 'commander.excessArguments' ? ' (a text file is given as --data FILE)' : ''
    const message = error.message
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
      .replace(/\.$/, '')
    return { code: 'usage', message: `${message}${stray}${helpHint()}`, exitCode: exitCodes.usage }
  }
  if (error instanceof NanoGptError) {
    const exitCode = error.code === 'option' ? exitCodes.usage : exitCodes.error
    // What is wrong in a config file is called there as it is in code.
    const message = error.code === 'config' ? inWords(error.message) : inFlags(error.message)
    return { code: error.code, message, exitCode }
  }
  // The system refused something: a full disk, a folder that may not be written.
  const system = error as NodeJS.ErrnoException
  if (system?.syscall) {
    return { code: system.code ?? 'system', message: reasonOf(error), exitCode: exitCodes.error }
  }
  return { code: 'internal', message: bug(error), exitCode: exitCodes.error }
}

function bug(error: unknown): string {
  const stack = process.env.NANO_GPT_DEBUG === '1' ? '' : ' NANO_GPT_DEBUG=1 shows where it happened.'
  const kind = error instanceof Error ? `${error.name}: ` : ''
  return (
    `${kind}${reasonOf(error)}\nThis is a bug in nano-gpt, not in what you did.${stack} Please report it with the command, ` +
    'where it happened, and what "nano-gpt info" prints.'
  )
}

function helpHint(): string {
  const name = process.argv[2] ?? ''
  const known = ['train', 'generate', 'stages', 'bench', 'info', 'demo'].includes(name)
  return `; see "nano-gpt ${known ? `${name} ` : ''}--help"`
}

/** What the library calls an option in code, in the words of the command line. */
const words: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^(?:train|generate|load|bench): /, () => ''],
  [/^data is /, () => '--data is '],
  [
    /train\(\{ resume: ("(?:[^"\\]|\\.)*") \}\)/g,
    (_, path) => `"${command('train', '--resume', JSON.parse(path))}"`,
  ],
  [/options of train\(\)/g, () => 'options'],
  [/pass \{ text \} to train/, () => 'use --text to train'],
  [/\{ text \}/g, () => '--text'],
  [/(device|preset): 'auto'/g, (_, name) => `--${name} auto`],
  [/`([a-z]\w*)`/g, (_, name) => flag(name)],
]

/** Names of options that can't be mistaken for ordinary words. */
const optionNames = /\b(?:[a-z]+(?:Size|Rate|Interval|Batches|Tokens|Decay|Clip|Set|K))\b/g

function inFlags(message: string): string {
  const leading = /^(?:train|generate|bench): ([a-z]\w*) is /.exec(message)?.[1]
  const worded = inWords(message)
  const flagged = leading ? worded.replace(leading, flag(leading)) : worded
  return flagged.replace(optionNames, flag)
}

function inWords(message: string): string {
  return words.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), message)
}

/** `batchSize` → `--batch-size`. */
function flag(name: string): string {
  return `--${kebab(name)}`
}
