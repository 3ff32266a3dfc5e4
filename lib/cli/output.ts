// Everything that the command line prints goes through here: lines, the live lines of a terminal, JSON.

import { once } from 'node:events'
import { basename, relative } from 'node:path'
import { styleText } from 'node:util'

export { clock, count, plural, roughly } from './words'

/** Whether standard output is a terminal on which lines can be rewritten. A log of CI is read later, even where it looks like one. */
export const isTerminal = !!process.stdout.isTTY && process.env.TERM !== 'dumb' && !isSet(process.env.CI)

const isColored = isTerminal && !process.env.NO_COLOR

/** Old consoles of Windows and that of Linux lack most of the characters that bars and curves are drawn with. */
export const hasDrawingCharacters =
  process.platform === 'win32'
    ? ['WT_SESSION', 'TERM_PROGRAM', 'ConEmuTask', 'TERM'].some((name) => process.env[name])
    : process.env.TERM !== 'linux'

/** The lines that are rewritten, for a width. */
export type Live = (columns: number) => readonly string[]

let drawLive: Live | undefined
/** What the live lines show now. */
let shown = ''
/** From the beginning of the live lines, where the cursor always waits: a terminal that breaks lines anew keeps it there. */
const eraseDown = '\r\x1b[J'
const eraseRight = '\x1b[K'
const [hideCursor, showCursor] = ['\x1b[?25l', '\x1b[?25h']

let pipeClosed = false
let onPipeClosed = () => process.exit()

// However it ends, the prompt of the shell comes below what is kept.
process.on('exit', () => put(erased()))

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

/** Prints a line, above the live ones if there are any. */
export function say(line = ''): void {
  put(`${erased()}${line}\n${drawn()}`)
}

/** Replaces the live lines; '' removes them. Without a terminal there are none. */
export function live(content: string | Live): void {
  if (!isTerminal) return
  const draw: Live = typeof content === 'string' ? (columns) => [cut(content, columns)] : content
  drawLive = content === '' ? undefined : draw
  redraw()
}

/** Draws the live lines as they are by now, over what is there. */
export function redraw(): void {
  const before = shown
  const after = drawLive ? drawn() : erased()
  if (after !== before) put(after)
}

/**
 * While something is watched that redraws itself: the cursor is out of the way, and the live lines follow the terminal's width and the
 * clock. Returns what ends it.
 */
export function watch(): () => void {
  if (!isTerminal) return () => {}
  const begin = () => put(`${hideCursor}${drawn()}`)
  const end = () => put(`${erased()}${showCursor}`)
  // Until new lines are drawn, the old ones may take more rows than before.
  const resized = () => put(`${erased()}${drawn()}`)
  const suspend = () => {
    end()
    process.kill(process.pid, 'SIGSTOP')
  }
  const clockwork = setInterval(redraw, 1000).unref()
  process.stdout.on('resize', resized)
  // Ctrl-Z gives the terminal back to the shell; Windows has none.
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
  put(erased())
  process.stderr.write(`${line}\n`)
  put(drawn())
}

function put(text: string): void {
  if (!pipeClosed && text !== '') process.stdout.write(text)
}

/** What takes the live lines away. */
function erased(): string {
  const erase = shown === '' ? '' : eraseDown
  shown = ''
  return erase
}

/** What draws the live lines, and returns to their beginning. */
function drawn(): string {
  if (!drawLive) return ''
  const { columns, rows } = terminalSize()
  // In the last column, terminals differ in when they go to the next row.
  const lines = drawLive(columns - 1).slice(0, Math.max(1, rows - 1))
  const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : ''
  shown = `\r${lines.join(`${eraseRight}\n`)}\x1b[J\r${up}`
  return shown
}

/** Some terminals don't say how large they are. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }
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

export function accent(text: string): string {
  return isColored ? styleText('cyan', text) : text
}

/** A text between two rules, so that one sees where it begins and ends; what could steer the terminal is shown as `·`. */
export function block(title: string, text: string): string {
  const shown = text.replace(/[^\P{Cc}\n\t]/gu, '·')
  const lines = shown.split('\n').map((line) => `${dim('│')} ${line}`.trimEnd())
  return [`${dim('┌')} ${title}`, ...lines, dim('└')].join('\n')
}

/** A command to type, as this program was itself started: `nano-gpt …`, `npx nano-gpt …` or `node dist/cli/main.js …`. */
export function command(...args: readonly string[]): string {
  return [programName(), ...args.map((argument) => shellQuoted(argument))].join(' ')
}

function programName(): string {
  const script = process.argv[1] ?? ''
  if (process.env.npm_command === 'exec') return 'npx nano-gpt'
  // Only who runs the file itself, in a checkout, sees its name; a link in some `bin` is called nano-gpt.
  return basename(script) === 'main.js' ? `node ${shellQuoted(relative(process.cwd(), script))}` : 'nano-gpt'
}

/** An argument as a shell takes it: sh and its relatives, or cmd on Windows. */
export function shellQuoted(argument: string, platform: string = process.platform): string {
  // A word that begins with `=` means something to zsh.
  if (/^[\w./:@+,-][\w./:=@+,-]*$/.test(argument)) return argument
  if (platform !== 'win32') return `'${argument.replaceAll("'", "'\\''")}'`
  // Backslashes are themselves, but before a double quote.
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value)
}
