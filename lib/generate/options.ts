// What generation is told: the options of the tables, with their defaults.

import { NanoGptError, type Phrase, say } from '../errors'
import { type Checked, checkOptions, completeOptions, generateFromOptions, generateOptions } from '../options'
import { drawingDefaults } from '../options/generate'

type Given = Omit<Checked<typeof generateOptions>, 'prompt'>

/** How texts are drawn, whatever they continue. Without a seed each call has a random one. */
export type Generation = Required<Omit<Given, 'seed' | 'signal'>> & Pick<Given, 'seed' | 'signal'>

const defaults = { ...drawingDefaults, stop: [] } as const

/** What one text is made from. */
export interface OneText extends Generation {
  readonly prompt: string
}

/** What several texts are made from. */
export interface SeveralTexts extends Generation {
  readonly prompt: readonly string[]
  /** Texts for each prompt. */
  readonly n: number
}

/**
 * A checked copy of the options of one text.
 *
 * @param where the function that took them
 * @throws NanoGptError 'option' naming the option that is wrong
 */
export function resolveGenerateOptions(options: unknown, where = 'generate'): OneText {
  refuseSeveral(where, options)
  const given = checkOptions(where, generateOptions, withoutEmptyStop(options))
  return { prompt: '', ...defaults, ...given }
}

/** The same for several texts. */
export function resolveCompleteOptions(options: unknown, where = 'complete'): SeveralTexts {
  const given = checkOptions(where, completeOptions, withoutEmptyStop(options))
  return { prompt: [''], n: completeOptions.n.default, ...defaults, ...given }
}

/** The options of a model that is loaded for one text, checked; those of the text have no defaults yet. */
export function checkGenerateFromOptions(options: unknown): Checked<typeof generateFromOptions> {
  refuseSeveral('generate', options)
  return checkOptions('generate', generateFromOptions, withoutEmptyStop(options))
}

/** An empty list of strings to stop at, which a caller may have computed, is none. */
function withoutEmptyStop(options: unknown): unknown {
  const { stop } = Object(options) as { stop?: unknown }
  return Array.isArray(stop) && stop.length === 0 ? { ...(options as object), stop: undefined } : options
}

/** Says where to turn to for several texts. */
function refuseSeveral(where: string, options: unknown): void {
  const { n, prompt } = Object(options) as { n?: unknown; prompt?: unknown }
  const remedy = say`complete() and streamAll() write several`
  const refuse = (details: { option: string; value?: unknown; reason: string | Phrase }) => {
    throw new NanoGptError('option', { where, ...details, remedy })
  }
  if (n !== undefined) refuse({ option: 'n', value: n, reason: `${where}() writes one text` })
  if (Array.isArray(prompt)) refuse({ option: 'prompt', reason: 'must be one string, not an array of them' })
}
