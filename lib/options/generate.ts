// The options of generation.

import * as v from 'valibot'
import { withoutOption } from './heads'
import type { Table } from './row'
import { signalOption } from './signal'
import { choice, type OptionType, oneOrMore, real, seed, text, whole } from './types'

const halfCharacter = /\p{Surrogate}/u

const stop: OptionType<string> = {
  ...text,
  // The same error code as for a prompt or a text with an unpaired surrogate.
  code: (value) => (typeof value === 'string' && halfCharacter.test(value) ? 'lone_surrogate' : 'option'),
  schema: v.pipe(
    v.string('must be a string'),
    v.minLength(1, 'must not be empty'),
    v.check(
      (value) => !halfCharacter.test(value),
      'must not contain an unpaired surrogate, which is not a character',
    ),
  ),
}

/** Options of every call that draws tokens. */
const drawing = {
  maxTokens: {
    type: whole(),
    group: 'generation',
    help: 'maximum number of tokens to generate',
    default: 500,
    otherNames: ['length', 'maxLength', 'maxNewTokens', 'numPredict', 'tokens'],
  },
  temperature: {
    type: real({ min: 0 }),
    group: 'generation',
    help: 'lower is more predictable, higher more random; 0: most likely token',
    default: 1,
    otherNames: ['temp'],
  },
  topK: {
    type: whole({ min: 0 }),
    group: 'generation',
    help: 'draw from the k most likely tokens; 0: from all',
    default: 0,
  },
  topP: {
    type: real({ above: 0, max: 1, placeholder: '<p>' }),
    group: 'generation',
    help: 'draw from the most likely tokens with this total probability',
    default: 1,
  },
  minP: {
    type: real({ min: 0, max: 1, placeholder: '<p>' }),
    group: 'generation',
    help: 'draw from tokens with at least this fraction of the top probability',
    default: 0,
  },
  repetitionPenalty: {
    type: real({ above: 0 }),
    group: 'generation',
    help: 'above 1, makes tokens that already occurred less likely',
    default: 1,
    otherNames: ['repeatPenalty'],
  },
  stop: {
    type: oneOrMore(stop, 'a string, or an array of strings'),
    group: 'generation',
    help: 'string, or array of strings, before which the text ends',
    default: { words: 'none' },
    commandLine: { help: 'end the text before this string; may be repeated' },
  },
  window: {
    type: choice(['exact', 'roll']),
    group: 'generation',
    help: "context beyond the block size: 'exact', or the much faster 'roll'",
    default: 'exact',
  },
  seed: {
    type: seed,
    group: 'generation',
    help: 'random seed; the same seed gives the same text',
    default: { words: 'random' },
  },
  without: withoutOption('generation'),
  signal: signalOption('ends the generation'),
} as const satisfies Table

/** Options of generate() and stream(), which generate one text. */
export const generateOptions = {
  prompt: {
    type: text,
    group: 'generation',
    help: 'text to continue',
    default: { words: 'a line feed, or token 0 if the vocabulary has none' },
  },
  ...drawing,
} as const satisfies Table

/** Options of complete() and streamAll(), which generate several texts. */
export const completeOptions = {
  prompt: {
    type: oneOrMore(text, 'a string, or an array of strings'),
    group: 'generation',
    help: 'text to continue, or an array of texts',
    default: { words: 'a line feed, or token 0 if the vocabulary has none' },
    commandLine: {
      help: 'text to continue; may be repeated',
      default: 'a playground in a terminal, otherwise a line feed',
    },
  },
  n: {
    type: whole({ min: 1, max: 100_000 }),
    group: 'generation',
    help: 'texts per prompt, with the seeds seed, seed + 1, …',
    default: 1,
    otherNames: ['count', 'samples', 'numReturnSequences'],
  },
  ...drawing,
} as const satisfies Table

/** Defaults that are the same for every call. */
export const drawingDefaults = {
  maxTokens: drawing.maxTokens.default,
  temperature: drawing.temperature.default,
  topK: drawing.topK.default,
  topP: drawing.topP.default,
  minP: drawing.minP.default,
  repetitionPenalty: drawing.repetitionPenalty.default,
  window: drawing.window.default,
} as const
