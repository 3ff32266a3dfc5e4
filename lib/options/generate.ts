// The options of generation, each once.

import * as v from 'valibot'
import type { Table } from './row'
import { signalOption } from './signal'
import { choice, type OptionType, oneOrMore, real, seed, text, whole } from './types'

const halfCharacter = /\p{Surrogate}/u

const stop: OptionType<string> = {
  ...text,
  // The same as for a prompt or a text that is cut in the middle of a character.
  code: (value) => (typeof value === 'string' && halfCharacter.test(value) ? 'lone_surrogate' : 'option'),
  schema: v.pipe(
    v.string('must be a string'),
    v.minLength(1, 'must not be empty'),
    v.check(
      (value) => !halfCharacter.test(value),
      'must not be half of a surrogate pair: that is no character',
    ),
  ),
}

/** Of every call that draws tokens. */
const drawing = {
  maxTokens: {
    type: whole(),
    group: 'generation',
    help: 'tokens to generate',
    default: 500,
    otherNames: ['length', 'maxLength', 'maxNewTokens', 'numPredict', 'tokens'],
  },
  temperature: {
    type: real({ min: 0 }),
    group: 'generation',
    help: 'lower is more predictable, higher more random; 0 takes the likeliest token',
    default: 1,
    otherNames: ['temp'],
  },
  topK: {
    type: whole({ min: 0 }),
    group: 'generation',
    help: 'draw from the k likeliest tokens; 0: from all',
    default: 0,
  },
  topP: {
    type: real({ above: 0, max: 1, placeholder: '<p>' }),
    group: 'generation',
    help: 'draw from the likeliest tokens whose probabilities reach this sum',
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
    help: 'above 1, tokens that the text already holds become less likely',
    default: 1,
    otherNames: ['repeatPenalty'],
  },
  stop: {
    type: oneOrMore(stop, 'a string, or an array of strings'),
    group: 'generation',
    help: 'end the text before this string, or the first of several',
    default: { words: 'none' },
    commandLine: { help: 'end the text before this string; may be repeated' },
  },
  window: {
    type: choice(['exact', 'roll']),
    group: 'generation',
    help: "beyond the block size: 'exact', or 'roll', which is much faster",
    default: 'exact',
  },
  seed: {
    type: seed,
    group: 'generation',
    help: 'the same seed gives the same text',
    default: { words: 'a random one' },
  },
  signal: signalOption('ends the generation'),
} as const satisfies Table

/** Of generate() and stream(), which write one text. */
export const generateOptions = {
  prompt: {
    type: text,
    group: 'generation',
    help: 'the text to continue',
    default: { words: 'a line feed, or the first token of a vocabulary without' },
  },
  ...drawing,
} as const satisfies Table

/** Of complete() and streamAll(), which write several. */
export const completeOptions = {
  prompt: {
    type: oneOrMore(text, 'a string, or an array of strings'),
    group: 'generation',
    help: 'the text to continue, or several',
    default: { words: 'a line feed, or the first token of a vocabulary without' },
    commandLine: { help: 'the text to continue; may be repeated' },
  },
  n: {
    type: whole({ min: 1, max: 100_000 }),
    group: 'generation',
    help: 'texts for each prompt, with the seeds seed, seed + 1, …',
    default: 1,
    otherNames: ['count', 'samples', 'numReturnSequences'],
  },
  ...drawing,
} as const satisfies Table

/** Defaults of what generation takes, but for what depends on the call. */
export const drawingDefaults = {
  maxTokens: drawing.maxTokens.default,
  temperature: drawing.temperature.default,
  topK: drawing.topK.default,
  topP: drawing.topP.default,
  minP: drawing.minP.default,
  repetitionPenalty: drawing.repetitionPenalty.default,
  window: drawing.window.default,
} as const
