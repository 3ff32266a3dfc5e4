// The one error class of nano-gpt. An error is data: what is wrong, its value, why, and what to do. Each surface words it for the people
// who read it there.

import type { ErrorCode } from './codes'
import { api, type Phrase, type Surface, say, wordsOf } from './phrase'
import { show } from './show'

/** What an error says. */
export interface Details {
  /** The function that was called: 'train'. */
  readonly where?: string
  /** The option that is wrong. */
  readonly option?: string
  /** What is wrong, if it is no option: a file, a tensor. */
  readonly subject?: string
  /** Its value; undefined, but there: it is missing. */
  readonly value?: unknown
  /** Why that is wrong. */
  readonly reason: string | Phrase
  /** What to do. */
  readonly remedy?: string | Phrase
  /** The file that it stands in, where options are called as in code on every surface. */
  readonly file?: string
  /** The file that holds the options which the caller didn't give. */
  readonly config?: string
}

/**
 * An error that the user can act on. Anything else that is thrown is a bug of ours.
 *
 * `code` is stable and machine-readable (codes.ts lists them). `message` is for people and may change: it is made
 * of the other fields, in the library's words.
 */
export class NanoGptError extends Error {
  readonly code: ErrorCode
  /** The option that is wrong, as `train()` and the others call it; undefined if it is none. */
  readonly option?: string
  /** The config file that it stands in. */
  readonly file?: string
  /** What else is wrong: a file, a tensor. */
  readonly subject?: string
  /** The value that was given. */
  readonly value?: unknown
  /** Why it is wrong, in the library's words. */
  readonly reason: string
  /** What to do, in the library's words. */
  readonly remedy?: string
  readonly #details: Details

  constructor(code: ErrorCode, details: Details | Phrase | string, options?: { cause?: unknown }) {
    const given: Details = isDetails(details) ? details : { reason: details }
    super(compose(given, api), options)
    this.name = 'NanoGptError'
    this.code = code
    this.#details = given
    if (given.option !== undefined) this.option = given.option
    if (given.file !== undefined) this.file = given.file
    if (given.subject !== undefined) this.subject = given.subject
    if (given.value !== undefined) this.value = given.value
    this.reason = wordsOf(given.reason, api)
    if (given.remedy !== undefined) this.remedy = wordsOf(given.remedy, api)
  }

  /** The message in a surface's words. */
  describe(surface: Surface): string {
    return compose(this.#details, surface)
  }

  /** Its fields in a surface's words, as plain data. */
  fields(surface: Surface): Readonly<Record<string, unknown>> {
    const { option, subject, value, reason, remedy, file } = this.#details
    return {
      ...(file !== undefined && { file }),
      ...(option !== undefined && { option: file === undefined ? surface.subject(option) : option }),
      ...(subject !== undefined && { subject }),
      ...(value !== undefined && { value: isPlain(value) ? value : show(value) }),
      reason: wordsOf(reason, surface),
      ...(remedy !== undefined && { remedy: wordsOf(remedy, surface) }),
    }
  }

  /** The same error with other details, and itself as the cause. */
  with(details: Partial<Details>, code = this.code): NanoGptError {
    return new NanoGptError(code, { ...this.#details, ...details }, { cause: this })
  }

  /** The same error with one more thing to do, and itself as the cause. */
  adding(more: Phrase): NanoGptError {
    const { remedy } = this.#details
    return this.with({ remedy: remedy === undefined ? more : say`${remedy}. ${more}` })
  }
}

function isDetails(details: Details | Phrase | string): details is Details {
  return typeof details === 'object' && 'reason' in details
}

function isPlain(value: unknown): boolean {
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
}

/** `train: batchSize is 0: must be at least 1. Remedy (options not given are those of …)` */
function compose(details: Details, surface: Surface): string {
  const { where, option, subject, value, reason, remedy, file, config } = details
  const name = option === undefined ? subject : file === undefined ? surface.subject(option) : option
  const why = wordsOf(reason, surface)
  // Some sentences name what they are about themselves: "a.json is damaged".
  const beginsWithSubject = !!subject && !('value' in details) && why.startsWith(`${subject} `)
  const is = 'value' in details ? (value === undefined ? ' is missing' : ` is ${show(value)}`) : ''
  return [
    file !== undefined ? `${file}: ` : where !== undefined && surface.namesFunction ? `${where}: ` : '',
    name === undefined || beginsWithSubject ? '' : `${name}${is}: `,
    why,
    remedy === undefined ? '' : `. ${capitalized(wordsOf(remedy, surface))}`,
    config === undefined ? '' : ` (options that were not given are those of ${config})`,
  ].join('')
}

/** A sentence begins with a capital letter, but for names in code. */
function capitalized(sentence: string): string {
  return /^[a-z]+[ ,]/.test(sentence) ? sentence[0].toUpperCase() + sentence.slice(1) : sentence
}
