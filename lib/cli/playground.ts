// `nano-gpt generate` in a terminal, without a prompt: a playground, which continues each text that is
// typed, with settings that can be changed between them.

import { randomInt } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { load, type Model } from '../api/model'
import { cacheFolder } from '../data/cache'
import { printable } from '../errors'
import { writeFileAtomic } from '../files/atomic'
import { readSmallFile } from '../files/read'
import type { LoadOptions } from '../options'
import { explain, stopSignals } from './errors'
import { describeModel } from './facts'
import { ignorePastes, Keyboard, markPastes } from './keyboard'
import { accent, bold, dim, plural, say, stream, visible } from './output'
import {
  type CommandName,
  commands,
  completionsOf,
  type Entry,
  entryOf,
  Settings,
  type Shown,
  surface,
} from './playground_settings'
import { lineColumns } from './progress'
import { located, runsFolder } from './run_folders'
import { trainedRuns } from './which_model'
import { duration, wrap } from './words'

/** Lines of the history, and the most bytes of its file. */
const [mostLines, mostBytes] = [1000, 4_000_000]
const prompt = `${accent('>')} `

/** What a text continues, and what has been generated. */
interface Written {
  readonly prompt: string
  readonly text: string
}

/**
 * Runs until the user leaves.
 *
 * @param given checked options of `generate`
 */
export async function playground(
  path: string,
  open: LoadOptions,
  given: Readonly<Record<string, unknown>>,
): Promise<void> {
  const model = await load(path, open)
  const history = await readHistory()
  await new Playground(path, model, open, new Settings(given), history).run()
}

class Playground {
  private readonly keyboard = new Keyboard(() => this.interrupt())
  private readonly readline: Interface
  /** Called with the next line; undefined while one is processed. */
  private waiting: ((line: string | undefined) => void) | undefined
  private hasLeft = false
  /** Ends the text that is being generated. */
  private generating: AbortController | undefined
  /** Whether the next Ctrl-C leaves. */
  private isWarned = false
  private last: Written = { prompt: '', text: '' }
  /** Paths of runs, for the Tab key. */
  private runs: readonly string[] = []

  constructor(
    private path: string,
    private model: Model,
    private readonly open: LoadOptions,
    private readonly settings: Settings,
    history: string[],
  ) {
    const input = Object.assign(process.stdin.pipe(this.keyboard), {
      setRawMode: (mode: boolean) => process.stdin.setRawMode(mode),
    })
    this.readline = createInterface({
      ...{ input, output: process.stdout, terminal: true, prompt },
      ...{ history, historySize: mostLines, removeHistoryDuplicates: true },
      completer: (line: string) => [completionsOf(line, this.runs), line],
    })
    this.readline.on('line', (line) => this.pass(line))
    this.readline.on('SIGINT', () => this.interrupt())
    // After Ctrl-Z the shell has had the terminal.
    this.readline.on('SIGCONT', () => {
      process.stdout.write(markPastes)
      this.readline.prompt(true)
    })
    this.readline.on('history', historyWriter())
    this.readline.on('close', () => this.leave())
  }

  async run(): Promise<void> {
    const ends = [...this.listen()]
    process.stdout.write(markPastes)
    try {
      say(bold('nano-gpt playground'))
      this.describeModel()
      say('Type the beginning of a text and press Enter. /help lists the commands.')
      for (let line = await this.nextLine(); line !== undefined; line = await this.nextLine())
        await this.obey(line)
    } finally {
      this.readline.close()
      for (const end of ends) end()
      process.stdin.unpipe(this.keyboard)
      process.stdin.pause()
      await this.model.dispose()
    }
  }

  /** Listens to signals and to the end of the process. Returns functions that end this. */
  private *listen() {
    for (const [signal, code] of Object.entries(stopSignals)) {
      const stop = () => {
        if (signal === 'SIGINT') return this.interrupt()
        process.exitCode = code
        this.leave()
      }
      process.on(signal, stop)
      yield () => process.off(signal, stop)
    }
    const ignore = () => void process.stdout.write(ignorePastes)
    process.on('exit', ignore)
    yield () => process.off('exit', ignore)
    yield ignore
  }

  /** The next line; undefined when the user leaves. */
  private async nextLine(): Promise<string | undefined> {
    this.runs = (await trainedRuns(runsFolder)).map(({ path }) => path)
    if (this.hasLeft) return undefined
    say()
    return new Promise((resolve) => {
      this.waiting = resolve
      this.readline.prompt()
      this.keyboard.readLine()
    })
  }

  private pass(line: string | undefined): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.(line)
  }

  private leave(): void {
    if (this.hasLeft) return
    this.hasLeft = true
    this.generating?.abort()
    this.readline.close()
    if (this.waiting) say()
    this.pass(undefined)
  }

  /** Ctrl-C: ends the text that is generated, empties the line, or leaves. */
  private interrupt(): void {
    const { readline } = this
    if (this.generating) {
      this.isWarned = true
      this.generating.abort()
    } else if (readline.line !== '') {
      this.isWarned = false
      readline.write(null, { ctrl: true, name: 'e' })
      readline.write(null, { ctrl: true, name: 'u' })
    } else if (this.isWarned) {
      this.leave()
    } else {
      this.isWarned = true
      say(dim(`${this.waiting ? '\n' : ''}Ctrl-C again leaves.`))
      if (this.waiting) readline.prompt()
    }
  }

  /** Does what a line says. An error is printed and changes nothing. */
  private async obey(line: string): Promise<void> {
    this.isWarned = false
    try {
      await this.perform(entryOf(line))
    } catch (error) {
      say(explain(error, surface).message)
    }
  }

  private async perform(entry: Entry): Promise<void> {
    if (entry.kind === 'text') return this.generate(entry.text)
    if (entry.kind === 'command') return this.commands[entry.name](entry.argument)
    if (entry.argument !== undefined) this.settings.set(entry.name, entry.argument)
    const shown = this.settings.shown(entry.name)
    say(settingLine(shown))
    if (entry.argument === undefined) for (const line of wrap(shown.help, lineColumns())) say(dim(line))
  }

  private readonly commands: Readonly<Record<CommandName, (argument: string) => Promise<void> | void>> = {
    again: () => this.generate(this.last.prompt),
    more: () => this.generate(this.last.prompt, this.last.text),
    settings: () => {
      this.describeModel()
      const all = this.settings.all()
      const width = Math.max(...all.map(({ word }) => word.length))
      for (const each of all) say(settingLine(each, width))
    },
    reset: (word) => {
      this.settings.reset(word)
      say(dim(word === '' ? 'All settings have their defaults.' : `${word} has its default.`))
    },
    model: async (given) => {
      if (given !== '') {
        const path = await located(given)
        // The base that was given is that of the first model.
        const { base: _, ...open } = this.open
        const model = await load(path, open)
        await this.model.dispose()
        this.path = path
        this.model = model
      }
      this.describeModel()
    },
    help: () => showHelp(this.settings.all()),
    quit: () => this.leave(),
  }

  private describeModel(): void {
    for (const line of wrap(describeModel(this.path, this.model), lineColumns())) say(dim(line))
  }

  /** Continues a prompt, or the text that has been generated from it. */
  private async generate(prompt: string, before = ''): Promise<void> {
    const { seed = BigInt(randomInt(2 ** 32)), ...options } = this.settings.options
    const generating = new AbortController()
    this.generating = generating
    const begun = performance.now()
    let [text, shown, tokens, end] = ['', '', 0, '']
    const show = async (more: string, paint = (plain: string) => plain) => {
      if (more === '') return
      shown += more
      await stream(paint(visible(more)))
    }
    try {
      const { signal } = generating
      const all = { ...options, seed: seed as bigint, prompt: prompt + before, signal }
      for await (const piece of this.model.streamAll(all)) {
        if (tokens === 0) await (before === '' ? show(prompt, bold) : show('… ', dim))
        text += piece.text
        tokens += piece.tokens.length
        if (piece.finish === 'stop') end = ', ended by a stop string'
        await show(piece.text)
      }
    } catch (error) {
      if (!generating.signal.aborted) throw error
      end = ', stopped'
    } finally {
      this.generating = undefined
      if (shown !== '' && !shown.endsWith('\n')) say()
    }
    this.last = { prompt, text: before + text }
    const seconds = (performance.now() - begun) / 1000
    say(dim(`seed ${seed}, ${plural(tokens, 'token')} in ${duration(seconds)}${end}`))
  }
}

/** `temperature  0.8`: bold if it is not the default. */
function settingLine({ word, value, isDefault }: Shown, width = word.length): string {
  const line = `${`/${word}`.padEnd(width + 1)}  ${printable(value)}`
  return isDefault ? dim(line) : bold(line)
}

function showHelp(settings: readonly Shown[]): void {
  const both: [string, [string, string][]][] = [
    ['Commands', Object.entries(commands)],
    ['Settings, as the options of nano-gpt generate', settings.map(({ word, help }) => [word, help])],
  ]
  const width = Math.max(...both.flatMap(([, rows]) => rows.map(([word]) => word.length)))
  const line = (begin: string, help: string) => {
    const lines = wrap(help, Math.max(lineColumns() - begin.length, 20))
    say(`${begin}${lines.join(`\n${' '.repeat(begin.length)}`)}`)
  }
  for (const [title, rows] of both) {
    say(bold(title))
    for (const [word, help] of rows) line(`  /${word.padEnd(width)}  `, help)
    say()
  }
  const keys = [
    'An empty line begins a new text. Alt-Enter is a line feed within a line, and a pasted text stays one line.',
    'Ctrl-C stops a text. Tab completes commands, and the arrow keys recall earlier lines.',
    'A setting without a value is shown. The same seed and settings give the same text.',
  ]
  for (const each of keys) line('', each)
}

const historyFile = () => join(cacheFolder(), 'playground_history')

/** The lines of earlier playgrounds, the newest first. A history that cannot be read is empty. */
async function readHistory(): Promise<string[]> {
  const bytes = await readSmallFile(historyFile(), mostBytes).catch(() => new Uint8Array())
  const lines = Buffer.from(bytes).toString('utf8').split('\n')
  return lines.filter((line) => line !== '').reverse()
}

/** A function that writes a history, the newest line first. If it fails, the history is lost on exit. */
function historyWriter(): (lines: readonly string[]) => void {
  let written = Promise.resolve()
  return (lines) => {
    const bytes = Buffer.from(`${lines.toReversed().join('\n')}\n`)
    written = written
      .then(async () => {
        await mkdir(dirname(historyFile()), { recursive: true })
        await writeFileAtomic(historyFile(), [bytes])
        // Prompts may be private.
        await chmod(historyFile(), 0o600)
      })
      .catch(() => {})
  }
}
