// A text in pieces, each with its loss.

import fc from 'fast-check'
import { piecesOf } from '../../lib/report/pieces'
import { ByteTokenizer } from '../../lib/tokenizer/byte'
import { CharTokenizer } from '../../lib/tokenizer/char'

test('a piece is a token, and the first one has no loss', () => {
  const tokenizer = CharTokenizer.fromText('abc\n')
  const tokens = tokenizer.encode('ab\n')
  expect(piecesOf(tokenizer, tokens, [1.5, 0.25])).toEqual([
    ['a', null],
    ['b', 1.5],
    ['\n', 0.25],
  ])
})

test('the tokens of a character are one piece with the sum of their losses', () => {
  const tokenizer = new ByteTokenizer()
  const tokens = tokenizer.encode('aé🙂b')
  expect(tokens).toHaveLength(8)
  expect(piecesOf(tokenizer, tokens, [1, 2, 3, 4, 5, 6, 7])).toEqual([
    ['a', null],
    ['é', 3],
    ['🙂', 18],
    ['b', 7],
  ])
})

test('a text that begins or ends within a character has a replacement character', () => {
  const tokenizer = new ByteTokenizer()
  const tokens = tokenizer.encode('éxé').subarray(1, 4)
  expect(piecesOf(tokenizer, tokens, [1, 2])).toEqual([
    ['\ufffd', null],
    ['x', 1],
    ['\ufffd', 2],
  ])
})

test('a byte order mark is a piece', () => {
  const tokenizer = new ByteTokenizer()
  expect(piecesOf(tokenizer, tokenizer.encode('\ufeffa'), [1, 2, 3])).toEqual([
    ['\ufeff', 3],
    ['a', 3],
  ])
})

test('pieces are the whole text, with all of its loss', () => {
  const tokenizer = new ByteTokenizer()
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      const tokens = tokenizer.encode(text)
      const losses = Array.from({ length: tokens.length - 1 }, (_, i) => (i % 7) + 0.5)
      const pieces = piecesOf(tokenizer, tokens, losses)
      expect(pieces.map(([piece]) => piece).join('')).toBe(text)
      const sum = pieces.reduce((total, [, loss]) => total + (loss ?? 0), 0)
      expect(sum).toBeCloseTo(losses.reduce((total, loss) => total + loss, 0))
    }),
  )
})
