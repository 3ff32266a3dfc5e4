// The guessing game: a passage that the model has never seen, and how likely it found each character.

import type { Model } from '../api/model'
import { unitOf } from '../tokenizer/names'
import type { Tokens } from '../tokenizer/tokenizer'
import { type OwnText, validationPart, withOwnText } from '../train/own_text'
import type { Models, Moment } from './models'
import { RequestError } from './respond'

/** In characters: what is shown at first, and what is guessed. */
const longestBeginning = 90
const mostGuesses = 40
const fewestGuesses = 10
/** The passage begins with a word, if one begins within so many characters. */
const longestWord = 20
/** Characters of the training text that are counted. */
const mostCounted = 1_000_000

export interface Passage {
  readonly seed: number
  readonly beginning: string
  /** What is to be guessed. */
  readonly characters: readonly {
    readonly text: string
    /** The chance that the model gave it, after all characters before it. */
    readonly chance: number
    /** What the model found most likely. */
    readonly best: string
  }[]
  /** How often each character occurs in the training text: shares that sum to 1, none of them 0. */
  readonly shares: Readonly<Record<string, number>>
}

/**
 * A passage of the validation split of a run's text.
 *
 * @throws RequestError if the model does not read characters; NanoGptError if the text is gone
 */
export function passage(models: Models, moment: Moment, seed: unknown): Promise<Passage> {
  if (!Number.isSafeInteger(seed) || (seed as number) < 0)
    throw new RequestError(400, 'The seed must be a whole number from 0.')
  return models.with(moment, async (model) => {
    const { info, tokenizer } = model
    const unit = unitOf(tokenizer.type)
    if (unit !== 'character') {
      throw new RequestError(
        409,
        `The game goes by characters, and this model reads ${unit === 'byte' ? 'bytes' : 'pieces of words'}. Train one with the tokenizer “char” to play.`,
      )
    }
    if (info.training === null) throw new RequestError(409, 'This model was not trained on a text.')
    const { tokens, shares } = await withOwnText(info, moment.folder, tokenizer, async (text) => ({
      tokens: await partOf(text, model, seed as number),
      shares: await sharesOf(text, model),
    }))
    const first = Math.floor((tokens.length * longestBeginning) / (longestBeginning + mostGuesses))
    return {
      seed: seed as number,
      beginning: tokenizer.decode(tokens.subarray(0, first)),
      characters: await charactersOf(model, tokens, first),
      shares,
    }
  })
}

/** The tokens of the passage. Each is a character. */
async function partOf(text: OwnText, { tokenizer }: Model, seed: number): Promise<Tokens> {
  const wanted = Math.min(longestBeginning + mostGuesses + longestWord, text.validation.length)
  if (wanted < 3 * fewestGuesses)
    throw new RequestError(409, 'The part of the text that the model has not seen is too short to play.')
  const part = await validationPart(text, wanted, seed)
  const spare = Math.max(0, wanted - longestBeginning - mostGuesses)
  const letters = Array.from(part, (id) => tokenizer.decode([id]))
  const word = letters.findIndex((letter, i) => i > 0 && /\s/.test(letters[i - 1]) && /\S/.test(letter))
  const from = word > 0 && word <= spare ? word : 0
  return part.slice(from, from + longestBeginning + mostGuesses)
}

/** The share of each character in the training text. One is added to each count, so that none is 0. */
async function sharesOf({ corpus, train }: OwnText, { tokenizer }: Model): Promise<Record<string, number>> {
  const counts = new Float64Array(tokenizer.vocabSize).fill(1)
  const counted = Math.min(mostCounted, train.length)
  for (const id of await corpus.read(train.from, train.from + counted)) counts[id]++
  const total = counted + counts.length
  return Object.fromEntries(Array.from(counts, (count, id) => [tokenizer.decode([id]), count / total]))
}

/** The characters from `first` on. */
async function charactersOf(model: Model, tokens: Tokens, first: number): Promise<Passage['characters']> {
  const { blockSize, vocabSize } = model.config
  // As long as the passage fits in the context, one window holds all predictions.
  const whole = Math.min(tokens.length, blockSize)
  const { data } = await model.logits(tokens.subarray(0, whole))
  const found: Passage['characters'][number][] = []
  for (let i = first; i < tokens.length; i++) {
    const logits =
      i <= whole
        ? data.subarray((i - 1) * vocabSize, i * vocabSize)
        : (await model.logits(tokens.subarray(i - blockSize, i))).data.subarray(-vocabSize)
    const best = logits.indexOf(Math.max(...logits))
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - logits[best]), 0)
    found.push({
      text: model.tokenizer.decode([tokens[i]]),
      chance: Math.exp(logits[tokens[i]] - logits[best]) / sum,
      best: model.tokenizer.decode([best]),
    })
  }
  return found
}
