// The tokenizer that the preset 'auto' chooses for a text, from the measurements in docs/training.md.

import { devices } from '../backend/devices'
import { option, type Phrase, say } from '../errors'
import { type CheckedTrainOptions, trainOptions } from '../options'

/** What decides about a text. */
export interface TextFacts {
  /** The number of distinct characters. */
  readonly characters: number
  /** The length in UTF-8. */
  readonly bytes: number
}

export interface TokenizerChoice {
  readonly tokenizer: string
  readonly vocabSize: number
  /** Why, as a sentence. Absent: it was given. */
  readonly why?: Phrase
}

/** Beyond this number of distinct characters, many are too rare to be learned one by one. */
const mostCharacters = 300
/** From this size in bytes on, a text is long: there is enough of it to learn groups of characters. */
const longText = 2e6
/** The bytes of text that a token of the vocabulary needs, to occur often enough. */
const bytesPerEntry = 256
/**
 * The largest vocabularies: in plain TypeScript, in a very short time, and otherwise. 4,096 tokens were
 * better than 1,024 after 20 s on two cores already.
 */
const vocabularies = { plain: 512, brief: 1024, usual: 4096 } as const
const briefMinutes = 0.3

/**
 * The tokenizer of a run. With the preset 'auto' it depends on the text and the minutes, unless it is
 * given.
 */
export function chooseTokenizer(
  options: CheckedTrainOptions,
  { characters, bytes }: TextFacts,
): TokenizerChoice {
  const { preset, tokenizer, vocabSize, minutes = trainOptions.minutes.default } = options
  const usual = trainOptions.vocabSize.default
  if (tokenizer !== undefined || preset !== 'auto')
    return { tokenizer: tokenizer ?? trainOptions.tokenizer.default, vocabSize: vocabSize ?? usual }
  if (vocabSize !== undefined) return { tokenizer: 'bpe', vocabSize }
  const size = bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`
  if (characters <= mostCharacters && bytes < longText) {
    const why = `the text is short (${size}) and has few distinct characters (${characters})`
    return {
      tokenizer: 'char',
      vocabSize: usual,
      why: say`${option('tokenizer', 'char')} was chosen, because ${why}`,
    }
  }
  const most = vocabularies[isPlain(options) ? 'plain' : minutes < briefMinutes ? 'brief' : 'usual']
  // A power of two.
  const fitting = 2 ** Math.floor(Math.log2(Math.max(vocabularies.plain, bytes / bytesPerEntry)))
  const why =
    characters > mostCharacters
      ? `the text has ${characters.toLocaleString('en-US')} distinct characters, many of them rare`
      : `the text is long (${size})`
  const chosen = Math.min(most, fitting)
  return {
    tokenizer: 'bpe',
    vocabSize: chosen,
    why: say`${option('tokenizer', 'bpe')} with ${option('vocabSize', chosen)} was chosen, because ${why}`,
  }
}

/** Whether the run will be on the device 'js'. */
function isPlain({ device }: CheckedTrainOptions): boolean {
  if (device !== undefined && device !== 'auto') return device === 'js'
  return devices().find(({ available }) => available)?.name === 'js'
}
