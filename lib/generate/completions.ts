// Completions: several texts at once, each with its tokens and their log-probabilities.

import { randomInt } from 'node:crypto'
import { seedToJSON } from '../options'
import { seedFrom, seedToBigInt } from '../random/philox'
import type { Tokenizer } from '../tokenizer/tokenizer'
import type { Generator, Request } from './generator'
import type { Generation } from './options'
import { type Finish, type Piece, TextWriter } from './text'

/** A piece of one of several texts. */
export interface CompletionPiece extends Piece {
  /** The index of the text: i · n + k for prompt i and sample k. */
  readonly index: number
  /** Why the text ends; only with its last piece. */
  readonly finish?: Finish
}

/** A generated text, as plain data that `JSON.stringify` preserves. */
export interface Completion extends Piece {
  readonly prompt: string
  /** The text after the prompt. */
  readonly text: string
  /** The tokens of the text. If a stop string ended it, those that begin before the stop string. */
  readonly tokens: readonly number[]
  /**
   * The log-probability of each token: with the repetition penalty, but before temperature, topK,
   * topP and minP.
   */
  readonly logProbabilities: readonly number[]
  /** 'length': the text has all requested tokens; 'stop': a stop string ended it. */
  readonly finish: Finish
  /**
   * The seed that generates this text from this prompt alone. From 2^53 on, a string of digits,
   * because a number would be rounded.
   */
  readonly seed: number | string
}

/** A prompt and its tokens. */
export interface Prompt {
  readonly text: string
  readonly tokens: readonly number[]
}

/** Generates `n` texts for each prompt. */
export class Completions {
  private readonly requests: readonly (Request & { readonly prompt: readonly number[] })[]
  private readonly texts: readonly string[]

  constructor(
    prompts: readonly Prompt[],
    n: number,
    private readonly options: Generation,
  ) {
    const first = options.seed ?? BigInt(randomInt(2 ** 32))
    const samples = prompts.flatMap((prompt) => Array.from({ length: n }, (_, k) => ({ prompt, k })))
    this.texts = samples.map(({ prompt }) => prompt.text)
    this.requests = samples.map(({ prompt, k }) => ({
      prompt: prompt.tokens,
      seed: seedFrom(BigInt.asUintN(64, first + BigInt(k))),
    }))
  }

  /** Yields pieces of text as soon as they can be released. */
  async *pieces(generator: Generator, tokenizer: Tokenizer): AsyncGenerator<CompletionPiece, void, void> {
    const { stop, maxTokens } = this.options
    const writers = this.requests.map(() => new TextWriter(tokenizer, stop))
    const drawn = this.requests.map(() => 0)
    const ended = (index: number) => writers[index].stopped
    for await (const { index, draws } of generator.run(this.requests, this.options, ended)) {
      const writer = writers[index]
      const piece = writer.push(draws)
      drawn[index] += draws.length
      if (writer.stopped) yield { index, ...piece, finish: 'stop' }
      else if (drawn[index] >= maxTokens) {
        const whole = join([piece, writer.rest()])
        // The text that was held back may complete a stop string.
        yield { index, ...whole, finish: writer.stopped ? 'stop' : 'length' }
      } else if (piece.text !== '') yield { index, ...piece }
    }
  }

  async all(generator: Generator, tokenizer: Tokenizer): Promise<Completion[]> {
    const pieces = this.requests.map(() => [] as CompletionPiece[])
    for await (const piece of this.pieces(generator, tokenizer)) pieces[piece.index].push(piece)
    return this.requests.map(({ seed }, index) => ({
      prompt: this.texts[index],
      ...join(pieces[index]),
      finish: pieces[index].at(-1)!.finish!,
      seed: seedToJSON(seedToBigInt(seed)),
    }))
  }
}

function join(pieces: readonly Piece[]): Piece {
  return {
    text: pieces.map(({ text }) => text).join(''),
    tokens: pieces.flatMap(({ tokens }) => tokens),
    logProbabilities: pieces.flatMap(({ logProbabilities }) => logProbabilities),
  }
}
