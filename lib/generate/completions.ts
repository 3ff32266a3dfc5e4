// Completions: several texts at once, each with its tokens and how likely they were.

import { randomInt } from 'node:crypto'
import { seedToJSON } from '../options'
import { seedFrom, seedToBigInt } from '../random/philox'
import type { Tokenizer } from '../tokenizer/tokenizer'
import type { Generator, Request } from './generator'
import type { Generation } from './options'
import { type Finish, type Piece, TextWriter } from './text'

/** Some text more of one of several. */
export interface CompletionPiece extends Piece {
  /** Which text: that of prompt i and sample k has the index i · n + k. */
  readonly index: number
  /** With the last piece of a text: why it ends. */
  readonly finish?: Finish
}

/** Plain data: `JSON.stringify` loses nothing. */
export interface Completion extends Piece {
  readonly prompt: string
  /** What came after the prompt. */
  readonly text: string
  /** Of the text: where a stop string ended it, those that begin before it. */
  readonly tokens: readonly number[]
  /** For each token, the log of its probability among all: with the repetition penalty, before temperature and topK, topP and minP. */
  readonly logProbabilities: readonly number[]
  /** 'length': all tokens that were asked for; 'stop': a stop string came. */
  readonly finish: Finish
  /** Given as `seed` with this prompt alone, it gives the same text. Beyond 2^53 a string of digits, as a number would be rounded. */
  readonly seed: number | string
}

/** A prompt's text and what the model reads of it. */
export interface Prompt {
  readonly text: string
  readonly tokens: readonly number[]
}

/** Texts in the making: `n` for each prompt. */
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

  /** Yields text as it becomes certain. */
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
        // A stop string may come with what was still an incomplete character.
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
