// Documents: the files of a folder, and the lines of a JSON Lines file. A separator comes between
// two of them.

import { NanoGptError, option, printable, say, show } from '../errors'
import { firstLoneSurrogate, loneSurrogate } from '../tokenizer/validate'
import { type About, longestText } from './utf8'

export interface DocumentOptions {
  /**
   * The field of each line of a JSON Lines file that contains its text. Default: 'text'. If it is given,
   * pipes and standard input are JSON Lines.
   */
  readonly field?: string
  /**
   * The text between two documents. Default: a blank line between the documents of a folder or of a
   * JSON Lines file, and nothing between the texts that `data` lists.
   */
  readonly separator?: string
}

export const defaultField = 'text'

/** The separator between the documents of one source. */
export const defaultSeparator = '\n\n'

/** Whether a file of this name contains JSON Lines. */
export function isJsonLines(path: string): boolean {
  return /\.(jsonl|ndjson)$/i.test(path)
}

/** Extracts the texts of a JSON Lines file, which may come in chunks. Lines without text are ignored. */
export class JsonLines {
  private rest = ''
  private line = 0
  private isFirst = true

  constructor(
    private readonly about: About,
    private readonly field: string,
    private readonly separator: string,
  ) {}

  /**
   * The texts of the lines that end in this chunk, with the separator between them, and between them
   * and those of earlier chunks.
   *
   * @throws NanoGptError 'data' for a line that is not a JSON object with the field, 'lone_surrogate'
   */
  push(chunk: string): string {
    const lines = chunk.split('\n')
    lines[0] = this.rest + lines[0]
    this.rest = lines.pop()!
    if (this.rest.length > longestText / 2) throw this.wrong('is longer than a JavaScript string can be')
    return lines.map((line) => this.textOf(line)).join('')
  }

  /** The text of a last line without a line feed. */
  end(): string {
    const line = this.rest
    this.rest = ''
    return this.textOf(line)
  }

  private textOf(line: string): string {
    this.line++
    if (line.trim() === '') return ''
    const text = this.fieldOf(this.parse(line))
    const lone = firstLoneSurrogate(text)
    if (lone >= 0) throw this.surrogateIn(text, lone)
    if (text === '') return ''
    const separator = this.isFirst ? '' : this.separator
    this.isFirst = false
    return separator + text
  }

  private parse(line: string): unknown {
    try {
      return JSON.parse(line)
    } catch {
      throw this.wrong(`is not JSON: ${show(line)}`)
    }
  }

  private fieldOf(value: unknown): string {
    const object = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
    if (object === undefined) throw this.wrong(`is ${show(value)}, not a JSON object`)
    const text = Object.hasOwn(object, this.field)
      ? (object as Record<string, unknown>)[this.field]
      : undefined
    if (typeof text === 'string') return text
    const names = Object.entries(object).flatMap(([name, other]) => (typeof other === 'string' ? [name] : []))
    const has =
      names.length === 0
        ? 'no field of the line is a string'
        : say`give ${option('field', names[0])}${names.length > 1 ? ` or another of its fields: ${names.slice(1, 6).map(printable).join(', ')}` : ''}`
    throw new NanoGptError('data', {
      ...this.about,
      reason: say`in line ${this.line}, the ${option('field')} ${show(this.field)} is ${text === undefined ? 'missing' : `${show(text)}, not a string`}`,
      remedy: has,
    })
  }

  private surrogateIn(text: string, at: number): NanoGptError {
    const error = loneSurrogate(text.charCodeAt(at), at, this.about)
    return error.with({ reason: say`in line ${this.line}, ${error.reason}`, remedy: 'Remove it' })
  }

  private wrong(what: string): NanoGptError {
    return new NanoGptError('data', {
      ...this.about,
      reason: `line ${this.line} ${what}`,
      remedy: 'Each line of a JSON Lines file must be a JSON object',
    })
  }
}
