// The error class of nano-gpt. An error is data: what is wrong, its value, why, and what to do.
// Each surface (the library or the command line) formats it in its own terms.

import type { ErrorCode } from './codes'
import { api, type Phrase, type Surface, say, wordsOf } from './phrase'
import { show } from './show'

/** The parts of an error. */
export interface Details {
  /** The function that was called: 'train'. */
  readonly where?: string
  /** The option that is wrong. */
  readonly option?: string
  /** What is wrong, if it is not an option: a file, a tensor. */
  readonly subject?: string
  /** Its value. A property that is present but undefined means that the value is missing. */
  readonly value?: unknown
  /** Why that is wrong. */
  readonly reason: string | Phrase
  /** What to do. */
  readonly remedy?: string | Phrase
  /**
   * The config file that contains the option. Its options have their library names on every
   * surface.
   */
  readonly file?: string
  /** The config file that supplied the options which the caller did not give. */
  readonly config?: string
}

/**
 * An error that the user can act on. Any other exception is a bug in nano-gpt.
 *
 * `code` is stable and machine-readable (codes.ts lists all codes). `message` is for people and may
 * change; it combines the other fields.
 */
export class NanoGptError extends Error {
  readonly code: ErrorCode
  /** The library name of the option that is wrong, if it is an option. */
  readonly option?: string
  /** The config file that contains it. */
  readonly file?: string
  /** What is wrong, if it is not an option: a file, a tensor. */
  readonly subject?: string
  /** The value that was given. */
  readonly value?: unknown
  /** Why it is wrong. */
  readonly reason: string
  /** What to do. */
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

  /** The message in the terms of a surface. */
  describe(surface: Surface): string {
    return compose(this.#details, surface)
  }

  /** The fields in the terms of a surface, as plain data. */
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

  /** A copy with other details and this error as its cause. */
  with(details: Partial<Details>, code = this.code): NanoGptError {
    return new NanoGptError(code, { ...this.#details, ...details }, { cause: this })
  }

  /** A copy with one more remedy and this error as its cause. */
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

/** `train: batchSize is 0: must be at least 1. Remedy (options that were not given come from …)` */
function compose(details: Details, surface: Surface): string {
  const { where, option, subject, value, reason, remedy, file, config } = details
  const name = option === undefined ? subject : file === undefined ? surface.subject(option) : option
  const why = wordsOf(reason, surface)
  // Some reasons already name their subject: "a.json is damaged".
  const beginsWithSubject = !!subject && !('value' in details) && why.startsWith(`${subject} `)
  const is = 'value' in details ? (value === undefined ? ' is missing' : ` is ${show(value)}`) : ''
  return [
    file !== undefined ? `${file}: ` : where !== undefined && surface.namesFunction ? `${where}: ` : '',
    name === undefined || beginsWithSubject ? '' : `${name}${is}: `,
    why,
    remedy === undefined ? '' : `. ${capitalized(wordsOf(remedy, surface))}`,
    config === undefined ? '' : ` (options that were not given come from ${config})`,
  ].join('')
}

/** Capitalizes the first letter, unless the sentence begins with a name in code. */
function capitalized(sentence: string): string {
  return /^[a-z]+[ ,]/.test(sentence) ? sentence[0].toUpperCase() + sentence.slice(1) : sentence
}
