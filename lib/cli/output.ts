// All output of the command line: lines, the live lines of a terminal, and JSON.

import { once } from 'node:events'
import { basename, relative } from 'node:path'
import { styleText } from 'node:util'
import { cut } from './words'

export { clock, count, plural, roughly } from './words'

/**
 * Whether standard output is a terminal on which lines can be rewritten. CI logs are not, even if
 * they report a TTY.
 */
export const isTerminal = !!process.stdout.isTTY && process.env.TERM !== 'dumb' && !isSet(process.env.CI)

const isColored = isTerminal && !process.env.NO_COLOR

/** Old Windows consoles and the Linux console lack most characters of bars and curves. */
export const hasDrawingCharacters =
  process.platform === 'win32'
    ? ['WT_SESSION', 'TERM_PROGRAM', 'ConEmuTask', 'TERM'].some((name) => process.env[name])
    : process.env.TERM !== 'linux'

/** Returns the live lines for a width. */
export type Live = (columns: number) => readonly string[]

let drawLive: Live | undefined
/** The text that is on the screen for the live lines. */
let shown = ''
/**
 * Erases the live lines. The cursor rests at their start, where it stays when a terminal rewraps
 * lines.
 */
const eraseDown = '\r\x1b[J'
const eraseRight = '\x1b[K'
const [hideCursor, showCursor] = ['\x1b[?25l', '\x1b[?25h']

let pipeClosed = false
let onPipeClosed = () => process.exit()

// On any exit, erase the live lines, so that the shell prompt follows the permanent output.
process.on('exit', () => put(erased()))

/**
 * `nano-gpt … | head -1` closes standard output. That is not an error, and nothing more can be
 * printed. With any other failure, such as a full disk or a terminal that is gone, the command goes
 * on without output, because a run is worth more than its log.
 */
export function guardPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (stream !== process.stdout || pipeClosed) return
      pipeClosed = true
      if (error.code === 'EPIPE') return onPipeClosed()
      process.stderr.write(
        `nano-gpt: standard output failed (${error.code}); the command goes on without it\n`,
      )
      process.on('exit', (code) => {
        process.exitCode = code || 1
      })
    })
  }
}

/** Sets what happens when standard output is closed, instead of exiting at once. */
export function whenPipeClosed(action: () => void): void {
  onPipeClosed = () => {
    action()
    return undefined as never
  }
}

/** Prints a line above the live lines. */
export function say(line = ''): void {
  put(`${erased()}${line}\n${drawn()}`)
}

/** Replaces the live lines; '' removes them. Does nothing without a terminal. */
export function live(content: string | Live): void {
  if (!isTerminal) return
  const draw: Live = typeof content === 'string' ? (columns) => [cut(content, columns)] : content
  drawLive = content === '' ? undefined : draw
  redraw()
}

/** Redraws the live lines if they changed. */
export function redraw(): void {
  const before = shown
  const after = drawLive ? drawn() : erased()
  if (after !== before) put(after)
}

/**
 * Hides the cursor, and redraws the live lines every second and when the terminal's width changes.
 * Returns a function that ends this.
 */
export function watch(): () => void {
  if (!isTerminal) return () => {}
  const begin = () => put(`${hideCursor}${drawn()}`)
  const end = () => put(`${erased()}${showCursor}`)
  // Erase first: on a narrower terminal the old lines take more rows.
  const resized = () => put(`${erased()}${drawn()}`)
  const suspend = () => {
    end()
    process.kill(process.pid, 'SIGSTOP')
  }
  const clockwork = setInterval(redraw, 1000).unref()
  process.stdout.on('resize', resized)
  // Ctrl-Z returns the terminal to the shell. Windows does not have it.
  const signals =
    process.platform === 'win32'
      ? []
      : ([
          ['SIGTSTP', suspend],
          ['SIGCONT', begin],
        ] as const)
  for (const [signal, listener] of signals) process.on(signal, listener)
  process.on('exit', end)
  begin()
  return () => {
    clearInterval(clockwork)
    process.stdout.off('resize', resized)
    for (const [signal, listener] of signals) process.off(signal, listener)
    process.off('exit', end)
    drawLive = undefined
    end()
  }
}

/** Prints an object as one line of JSON. */
export function json(value: object): void {
  put(`${JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? String(field) : field))}\n`)
}

/** Prints text unchanged. Resolves when the stream accepts more, or has failed (`guardPipes`). */
export async function stream(text: string): Promise<void> {
  if (!pipeClosed && !process.stdout.write(text)) await once(process.stdout, 'drain').catch(() => {})
}

/** Prints a line to stderr that is not part of the result. */
export function note(line: string): void {
  put(erased())
  process.stderr.write(`${line}\n`)
  put(drawn())
}

function put(text: string): void {
  if (!pipeClosed && text !== '') process.stdout.write(text)
}

/** The text that erases the live lines. */
function erased(): string {
  const erase = shown === '' ? '' : eraseDown
  shown = ''
  return erase
}

/** The text that draws the live lines and returns the cursor to their start. */
function drawn(): string {
  if (!drawLive) return ''
  const { columns, rows } = terminalSize()
  // The last column stays free: terminals differ in when they wrap after it.
  const lines = drawLive(columns - 1).slice(0, Math.max(1, rows - 1))
  const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : ''
  shown = `\r${lines.join(`${eraseRight}\n`)}\x1b[J\r${up}`
  return shown
}

/** Some terminals do not report their size; 80 × 24 is assumed. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }
}

export function dim(text: string): string {
  return isColored ? styleText('dim', text) : text
}

export function bold(text: string): string {
  return isColored ? styleText('bold', text) : text
}

export function accent(text: string): string {
  return isColored ? styleText('cyan', text) : text
}

/** Whether `shade` makes boundaries visible. */
export const hasColors = isColored

/** One of two backgrounds, by turns. The text is black, so that it is readable on any terminal. */
export function shade(text: string, index: number): string {
  return isColored ? styleText(['black', index % 2 === 0 ? 'bgCyan' : 'bgYellow'], text) : text
}

/**
 * The backgrounds of `heat`: pale green, yellow, orange, red. They are of the 256 fixed colors, so that
 * black text is readable on them whatever the terminal's theme.
 */
const backgrounds = [194, 229, 222, 216, 210] as const

/** A text on a background from cool (0) to hot (4). Without a level it has none. */
export function heat(text: string, level: number | undefined): string {
  if (!isColored || level === undefined) return text
  return `\x1b[38;5;16;48;5;${backgrounds[level]}m${text}\x1b[39;49m`
}

/** A text in which `·` stands for control characters, which could change the terminal. */
export function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '·')
}

/** Frames a text, so that its start and end are visible. */
export function block(title: string, text: string): string {
  const lines = visible(text)
    .split('\n')
    .map((line) => `${dim('│')} ${line}`.trimEnd())
  return [`${dim('┌')} ${title}`, ...lines, dim('└')].join('\n')
}

/**
 * A command line, with the program named as the user started it: `nano-gpt`, `npx nano-gpt` or
 * `node dist/cli/main.js`.
 */
export function command(...args: readonly string[]): string {
  return [programName(), ...args.map((argument) => shellQuoted(argument))].join(' ')
}

function programName(): string {
  const script = process.argv[1] ?? ''
  if (process.env.npm_command === 'exec') return 'npx nano-gpt'
  // In a checkout the file itself is run. An installed package runs a link named nano-gpt.
  return basename(script) === 'main.js' ? `node ${shellQuoted(relative(process.cwd(), script))}` : 'nano-gpt'
}

/** Quotes an argument for sh-like shells, or for cmd on Windows. */
export function shellQuoted(argument: string, platform: string = process.platform): string {
  // zsh expands a word that begins with `=`.
  if (/^[\w./:@+,-][\w./:=@+,-]*$/.test(argument)) return argument
  if (platform !== 'win32') return `'${argument.replaceAll("'", "'\\''")}'`
  // A backslash is an escape only before a double quote.
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value)
}
