// What tests accept as a failure: a NanoGptError with a code, never a crash or a TypeError from a
// bug.

import { NanoGptError } from '../../lib/errors'

/** The error that `work` ends with; fails if it succeeds. */
export async function failureOf(work: () => unknown): Promise<NanoGptError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof NanoGptError) return error
    throw error
  }
  throw new Error('expected an error')
}

/** Characters that messages escape: they control a terminal or change the direction of text. */
const controls = /[\p{Bidi_Control}\p{Cc}\p{Zl}\p{Zp}]/u

export const hasControls = (text: string) => controls.test(text)

/** A text between double quotes, with its control characters escaped. */
export function escaped(text: string): string {
  const coded = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(text).replace(new RegExp(controls, 'gu'), coded)
}
