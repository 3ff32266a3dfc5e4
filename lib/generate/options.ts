// What generation takes.

import * as v from 'valibot'
import { checkOptions, count, seed, signal } from '../options'

const schema = v.strictObject({
  /** The opening that the model continues. Default: a line break, or the vocabulary's first character where there is none. */
  prompt: v.optional(v.string('must be a string')),
  /** How many tokens to generate. Default 500. */
  maxTokens: v.optional(count, 500),
  /** Logits are divided by it: below 1 is bolder, above 1 wilder, 0 always takes the likeliest. Default 1. */
  temperature: v.optional(
    v.pipe(v.number('must be a number'), v.finite('must be finite'), v.minValue(0, 'must be at least 0')),
    1,
  ),
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
  /** The same seed gives the same text. Default: another one each time. */
  seed: v.optional(seed),
  /** Ends the generation with an AbortError. */
  signal: v.optional(signal),
})

export type GenerateOptions = v.InferInput<typeof schema>
export type ResolvedGenerateOptions = v.InferOutput<typeof schema>

/** @throws NanoGptError 'option' naming the option that is wrong */
export function resolveGenerateOptions(options: GenerateOptions): ResolvedGenerateOptions {
  return checkOptions('generate', schema, options)
}
