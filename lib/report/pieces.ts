// A text in pieces that can be shown, each with its loss.

import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'

/** A piece of text, and its loss in nats. null: the first token, which nothing precedes. */
export type PieceOfText = readonly [text: string, loss: number | null]

/**
 * Divides a text into pieces of whole characters. A piece is a token, or several tokens that together
 * are a character: its loss is then the sum of theirs, which is the loss of the character.
 *
 * @param losses as `model.tokenLosses` returns them: element i is the loss of token i + 1
 */
export function piecesOf(tokenizer: Tokenizer, tokens: Tokens, losses: ArrayLike<number>): PieceOfText[] {
  // A byte order mark is a character of the text like any other.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const pieces: PieceOfText[] = []
  let waiting: number | null = null
  const add = (text: string) => {
    if (text === '') return
    pieces.push([text, waiting === null ? null : Number(waiting.toFixed(3))])
    waiting = null
  }
  for (let i = 0; i < tokens.length; i++) {
    if (i > 0) waiting = (waiting ?? 0) + losses[i - 1]
    add(decoder.decode(tokenizer.bytesOf(tokens[i]), { stream: true }))
  }
  add(decoder.decode())
  return pieces
}
