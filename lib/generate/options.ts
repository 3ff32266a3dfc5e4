// What generation takes.

import * as v from 'valibot'
import { checkOptions, count, seed, signal } from '../options'

const number = v.pipe(v.number('must be a number'), v.finite('must be finite'))
const prompt = v.string('must be a string')

const shared = {
  /** How many tokens to generate. Default 500. */
  maxTokens: v.optional(count, 500),
  /** Logits are divided by it: below 1 is bolder, above 1 wilder, 0 always takes the likeliest. Default 1. */
  temperature: v.optional(v.pipe(number, v.minValue(0, 'must be at least 0')), 1),
  /** Only the k likeliest tokens are drawn from; 0: all. Default 0. */
  topK: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.safeInteger('must be a whole number'),
      v.minValue(0, 'must be at least 0'),
      v.maxValue(2 ** 31 - 1, 'must be less than 2^31'),
    ),
    0,
  ),
  /** Only the likeliest tokens that have this probability together are drawn from (after `topK`). Default 1: all. */
  topP: v.optional(
    v.pipe(number, v.gtValue(0, 'must be more than 0'), v.maxValue(1, 'must be at most 1')),
    1,
  ),
  /** Only tokens at least so many times as likely as the likeliest are drawn from. Default 0: all. */
  minP: v.optional(
    v.pipe(number, v.minValue(0, 'must be at least 0'), v.maxValue(1, 'must be at most 1')),
    0,
  ),
  /** Makes tokens less likely that the prompt or the text holds already: their logits are divided by it, or multiplied where negative. Default 1: not at all. */
  repetitionPenalty: v.optional(v.pipe(number, v.gtValue(0, 'must be more than 0')), 1),
  /** The text ends before the first of these strings that comes. Default: none. */
  stop: v.optional(
    v.pipe(
      v.union([v.string(), v.array(v.string('must be a string'))], 'must be a string or an array of strings'),
      v.transform((stop) => (typeof stop === 'string' ? [stop] : stop)),
      v.check((stop) => stop.every((text) => text !== ''), 'must not be empty'),
    ),
    [],
  ),
  /**
   * What is read where the text is longer than the block size: 'exact', for each token all of the last block, as in training; or
   * 'roll': when the block is full its newer half is read again and the text goes on from there, as fast as before. Default 'exact'.
   */
  window: v.optional(v.picklist(['exact', 'roll'], "must be 'exact' or 'roll'"), 'exact'),
  /** The same seed gives the same text. Default: another one each time. */
  seed: v.optional(seed),
  /** Ends the generation with an AbortError. */
  signal: v.optional(signal),
}

const schema = v.strictObject({
  /** The opening that the model continues. Default: a line break, or the vocabulary's first character where there is none. */
  prompt: v.optional(prompt),
  ...shared,
})

const severalSchema = v.strictObject({
  /** The openings, one or several. */
  prompt: v.optional(v.union([prompt, v.pipe(v.array(prompt), v.minLength(1, 'must not be empty'))])),
  /** Texts for each prompt; sample i has the seed `seed` + i. Default 1. */
  n: v.optional(count, 1),
  ...shared,
})

export type GenerateOptions = v.InferInput<typeof schema>
export type CompleteOptions = v.InferInput<typeof severalSchema>
/** All but prompts and how many texts there will be, with defaults. */
export type Generation = Omit<v.InferOutput<typeof schema>, 'prompt'>

/** @throws NanoGptError 'option' naming the option that is wrong */
export function resolveGenerateOptions(options: GenerateOptions): v.InferOutput<typeof schema> {
  return checkOptions('generate', schema, options)
}

/** @throws NanoGptError 'option' naming the option that is wrong */
export function resolveCompleteOptions(options: CompleteOptions): v.InferOutput<typeof severalSchema> {
  return checkOptions('complete', severalSchema, options)
}
