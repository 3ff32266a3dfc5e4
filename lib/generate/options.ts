// Checks the options of generation and adds their defaults.

import { NanoGptError, type Phrase, say } from '../errors'
import { type Checked, checkOptions, completeOptions, generateFromOptions, generateOptions } from '../options'
import { drawingDefaults } from '../options/generate'

type Given = Omit<Checked<typeof generateOptions>, 'prompt'>

/** The options without the prompt. Without a seed, each call uses a random one. */
export type Generation = Required<Omit<Given, 'seed' | 'signal'>> & Pick<Given, 'seed' | 'signal'>

const defaults = { ...drawingDefaults, stop: [], without: [] } as const

/** The options of one text. */
export interface OneText extends Generation {
  readonly prompt: string
}

/** The options of several texts. */
export interface SeveralTexts extends Generation {
  readonly prompt: readonly string[]
  /** Texts for each prompt. */
  readonly n: number
}

/**
 * Returns a checked copy of the options of one text.
 *
 * @param where the function that was called
 * @throws NanoGptError 'option' with the option that is wrong
 */
export function resolveGenerateOptions(options: unknown, where = 'generate'): OneText {
  refuseSeveral(where, options)
  const given = checkOptions(where, generateOptions, withoutEmptyStop(options))
  return { prompt: '', ...defaults, ...given }
}

/** Returns a checked copy of the options of several texts. */
export function resolveCompleteOptions(options: unknown, where = 'complete'): SeveralTexts {
  const given = checkOptions(where, completeOptions, withoutEmptyStop(options))
  return { prompt: [''], n: completeOptions.n.default, ...defaults, ...given }
}

/**
 * Returns a checked copy of the options of `generate()`, which loads a model. Defaults are not
 * added yet.
 */
export function checkGenerateFromOptions(options: unknown): Checked<typeof generateFromOptions> {
  refuseSeveral('generate', options)
  return checkOptions('generate', generateFromOptions, withoutEmptyStop(options))
}

/** An empty array for `stop`, which a caller may have computed, counts as not given. */
function withoutEmptyStop(options: unknown): unknown {
  const { stop } = Object(options) as { stop?: unknown }
  return Array.isArray(stop) && stop.length === 0 ? { ...(options as object), stop: undefined } : options
}

/** Rejects options for several texts, and names the functions for them. */
function refuseSeveral(where: string, options: unknown): void {
  const { n, prompt } = Object(options) as { n?: unknown; prompt?: unknown }
  const remedy = say`use complete() or streamAll() for several texts`
  const refuse = (details: { option: string; value?: unknown; reason: string | Phrase }) => {
    throw new NanoGptError('option', { where, ...details, remedy })
  }
  if (n !== undefined) refuse({ option: 'n', value: n, reason: `${where}() generates one text` })
  if (Array.isArray(prompt)) refuse({ option: 'prompt', reason: 'must be one string, not an array of them' })
}
