// Everything that the command line prints goes through here: lines, the one live line of a terminal, JSON, numbers in words.

import { once } from 'node:events'
import { basename, relative } from 'node:path'
import { styleText } from 'node:util'

/** Whether standard output is a terminal on which a line can be rewritten. */
export const isTerminal = !!process.stdout.isTTY && process.env.TERM !== 'dumb'

const isColored = isTerminal && !process.env.NO_COLOR

const eraseLine = '\r\x1b[2K'

let liveText = ''
let pipeClosed = false
let onPipeClosed = () => process.exit()

/** `nano-gpt … | head -1` closes our output: that is no error, and there is nobody left to tell. */
export function guardPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream !== process.stdout || pipeClosed) return
      pipeClosed = true
      onPipeClosed()
    })
  }
}

/** What to do, instead of ending at once, when nobody reads our output any more. */
export function whenPipeClosed(action: () => void): void {
  onPipeClosed = () => {
    action()
    return undefined as never
  }
}

/** Prints a line, above the live one if there is one. */
export function say(line = ''): void {
  put(`${takeLive()}${line}\n`)
}

/** Replaces the live line; '' removes it. Without a terminal there is none. */
export function live(text: string): void {
  if (!isTerminal) return
  const line = cut(text, (process.stdout.columns || 80) - 1)
  if (line === liveText) return
  put(`${takeLive()}${line}`)
  liveText = line
}

/** Prints one object as one line. */
export function json(value: object): void {
  put(`${JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? String(field) : field))}\n`)
}

/** Prints text as it is; resolves when there is room for more. */
export async function stream(text: string): Promise<void> {
  if (!pipeClosed && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Tells a person something that is not part of the result. */
export function note(line: string): void {
  put(takeLive())
  process.stderr.write(`${line}\n`)
}

function put(text: string): void {
  if (!pipeClosed && text !== '') process.stdout.write(text)
}

function takeLive(): string {
  const erase = liveText === '' ? '' : eraseLine
  liveText = ''
  return erase
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}

export function dim(text: string): string {
  return isColored ? styleText('dim', text) : text
}

export function bold(text: string): string {
  return isColored ? styleText('bold', text) : text
}

/** A text between two rules, so that one sees where it begins and ends; what could steer the terminal is shown as `·`. */
export function block(title: string, text: string): string {
  const shown = text.replace(/[^\P{Cc}\n\t]/gu, '·')
  const lines = shown.split('\n').map((line) => `${dim('│')} ${line}`.trimEnd())
  return [`${dim('┌')} ${title}`, ...lines, dim('└')].join('\n')
}

/** 1234567 → `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** 809123 → `0.81 million`, 4225 → `4,225`. */
export function roughly(value: number): string {
  if (value < 100_000) return count(value)
  return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 1)} million`
}

/** `1 step`, `2 steps`. */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`
}

/** Seconds as a clock shows them: `0:07`, `12:34`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
}

/** A command to type, as this program was itself started: `nano-gpt …`, `npx nano-gpt …` or `node dist/cli/main.js …`. */
export function command(...args: readonly string[]): string {
  return [programName(), ...args.map(quote)].join(' ')
}

function programName(): string {
  const script = process.argv[1] ?? ''
  if (process.env.npm_command === 'exec') return 'npx nano-gpt'
  // Only who runs the file itself, in a checkout, sees its name; a link in some `bin` is called nano-gpt.
  return basename(script) === 'main.js' ? `node ${quote(relative(process.cwd(), script))}` : 'nano-gpt'
}

/** An argument as a shell takes it. */
function quote(argument: string): string {
  if (/^[\w./:=@%+,-]+$/.test(argument)) return argument
  return process.platform === 'win32' ? `"${argument}"` : `'${argument.replaceAll("'", "'\\''")}'`
}
