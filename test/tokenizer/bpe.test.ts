import fc from 'fast-check'
import { BpeTokenizer } from '../../lib/tokenizer/bpe'
import { learnMerges, longestToken } from '../../lib/tokenizer/learn'
import { forEachPiece, PieceIndex } from '../../lib/tokenizer/pieces'
import { failureOf } from '../support/errors'
import { someText } from '../support/text'

const piecesOf = (text: string) => {
  const pieces: string[] = []
  const utf8 = Buffer.from(text)
  forEachPiece(utf8, (start, end) => pieces.push(utf8.toString('utf8', start, end)))
  return pieces
}

const learn = (text: string, most: number) => learnMerges(Buffer.from(text), most)

/** Merges by the definition: counts every pair again for each merge. */
function mergesByDefinition(text: string, most: number): number[] {
  const words = piecesOf(text).map((piece) => [...Buffer.from(piece)])
  const lengths = new Array(256).fill(1)
  const merges: number[] = []
  while (merges.length < 2 * most) {
    const counts = new Map<string, number>()
    for (const word of words)
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]} ${word[i]}`
        if (lengths[word[i - 1]] + lengths[word[i]] <= longestToken)
          counts.set(pair, (counts.get(pair) ?? 0) + 1)
      }
    const order = [...counts].map(([pair, count]) => ({ pair: pair.split(' ').map(Number), count }))
    order.sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1])
    // A pair that overlaps itself ("aaa") is counted at each place.
    if (order.length === 0 || order[0].count < 2) break
    const [left, right] = order[0].pair
    const token = lengths.push(lengths[left] + lengths[right]) - 1
    merges.push(left, right)
    for (const word of words)
      for (let i = 1; i < word.length; i++)
        if (word[i - 1] === left && word[i] === right) word.splice(i - 1, 2, token)
  }
  return merges
}

/** Tokens by the definition: applies each merge to the whole piece, in order. */
function encodeByDefinition(merges: readonly number[], text: string): number[] {
  return piecesOf(text).flatMap((piece) => {
    const tokens = [...Buffer.from(piece)]
    for (let m = 0; m < merges.length; m += 2)
      for (let i = 1; i < tokens.length; i++)
        if (tokens[i - 1] === merges[m] && tokens[i] === merges[m + 1]) tokens.splice(i - 1, 2, 256 + m / 2)
    return tokens
  })
}

/** Texts with many repetitions. */
const repetitive = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'aaa', ' ', ' the', 'é', '😀', '\n', '1', '—', 'cat'), {
    maxLength: 80,
  })
  .map((parts) => parts.join(''))
const anyText = fc.oneof(repetitive, fc.string({ unit: 'binary', maxLength: 60 }))
const trained = BpeTokenizer.fromText(someText(20_000), 340)

test.each([
  ["Hello world's  end", ['Hello', ' world', "'s", ' ', ' end']],
  [
    "they've we'll I'm he'd can't you're O'x",
    ['they', "'ve", ' we', "'ll", ' I', "'m", ' he', "'d", ' can', "'t", ' you', "'re", ' O', "'", 'x'],
  ],
  ['a1 22 é2²', ['a', '1', ' 22', ' é', '2²']],
  ['  \n\n x \t', ['  \n\n', ' x', ' \t']],
  ['很好！ 😀!?', ['很好', '！', ' 😀!?']],
  ['\r\n\0', ['\r', '\n', '\0']],
  ['', []],
])('GPT-2 divides %j into pieces', (text, pieces) => {
  expect(piecesOf(text)).toEqual(pieces)
})

test('pieces are those of the regular expression', () => {
  const gpt2 =
    /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu
  const part = fc.constantFrom(
    ' ',
    '  ',
    '\n',
    '\t',
    '\u00a0',
    '\u0085',
    '\ufeff',
    "'",
    "'s",
    "'ll",
    '1',
    '²',
    '٣',
    'a',
    'é',
    '好',
    'e\u0301',
    '😀',
    '𝒳',
    '-',
    '.',
    '\0',
  )
  const mixed = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(mixed, fc.string({ unit: 'binary', maxLength: 60 })), (text) => {
      expect(piecesOf(text)).toEqual(text.match(gpt2) ?? [])
      expect(piecesOf(text).join('')).toBe(text)
    }),
    { numRuns: 2000 },
  )
})

test('a PieceIndex numbers distinct pieces in the order of their first occurrence, and counts them', () => {
  const texts = [someText(30_000), Array.from({ length: 20_000 }, (_, i) => ` ${(i * 7919) % 9000}`).join('')]
  for (const text of texts) {
    const utf8 = Buffer.from(text)
    const index = new PieceIndex(utf8)
    const counts = new Map<string, number>()
    const numbers: number[] = []
    forEachPiece(utf8, (start, end) => numbers.push(index.add(start, end)))
    for (const piece of piecesOf(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1)
    expect(numbers.map((number) => Buffer.from(index.piece(number)).toString())).toEqual(piecesOf(text))
    expect([...counts.keys()].map((_, i) => Buffer.from(index.piece(i)).toString())).toEqual([
      ...counts.keys(),
    ])
    expect([...counts.keys()].map((_, i) => index.count(i))).toEqual([...counts.values()])
    expect(index.size).toBe(counts.size)
  }
})

test('the most frequent pair is merged first, of several the smallest', () => {
  // "ab" occurs three times; then " ab" and "abc" twice.
  expect(learn('abc abc ab', 3)).toEqual([97, 98, 32, 256])
  expect(learn('abab', 9)).toEqual([97, 98])
  expect(learn('aaaa', 9)).toEqual([97, 97])
  expect(learn('abcdef', 9)).toEqual([])
})

test('merges and tokens are those of the definition', () => {
  fc.assert(
    fc.property(repetitive, anyText, fc.nat(30), (text, other, most) => {
      const merges = learn(text, most)
      // The definition counts overlapping pairs of one token twice, which can change a draw between pairs.
      if (!/(.)\1\1/su.test(text)) expect(merges).toEqual(mergesByDefinition(text, most))
      const tokenizer = BpeTokenizer.fromJSON({ type: 'bpe', merges })
      expect(Array.from(tokenizer.encode(other))).toEqual(encodeByDefinition(merges, other))
    }),
    { numRuns: 200 },
  )
})

test('any text is decoded to itself; streamed pieces are whole characters', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const tokens = trained.encode(text)
      expect(trained.decode(tokens)).toBe(text)
      const decoder = trained.decoder()
      const parts = [...Array.from(tokens, (token) => decoder.push(token)), decoder.end()]
      expect(parts.join('')).toBe(text)
      expect(parts.filter((part) => /\p{Surrogate}/u.test(part))).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('a text is encoded in parts where safeCut allows it', () => {
  let cuts = 0
  fc.assert(
    fc.property(anyText, fc.nat(), (text, where) => {
      const utf8 = Buffer.from(text)
      // The part that is known may end within a character.
      const cut = trained.safeCut(utf8.subarray(0, where % (utf8.length + 1)))
      cuts += cut > 0 ? 1 : 0
      const parts = [utf8.subarray(0, cut), utf8.subarray(cut)].flatMap((part) => [
        ...trained.encodeBytes(part),
      ])
      expect(parts).toEqual([...trained.encode(text)])
    }),
    { numRuns: 2000 },
  )
  expect(cuts).toBeGreaterThan(300)
  // The last word of a text may go on, and a space belongs to the word after it.
  for (const [text, cut] of [
    ['one two', 3],
    ['one ', 3],
    ['one', 0],
    ["it's", 2],
    ['a1', 1],
    ['x.y', 2],
    ['a\n\n', 1],
    ['好！', 3],
    ['', 0],
  ] as const) {
    expect([text, trained.safeCut(Buffer.from(text))]).toEqual([text, cut])
  }
})

test('pieces that share a slot of the cache are not confused', () => {
  // More distinct pieces than slots, each twice.
  const words = Array.from({ length: 70_000 }, (_, i) => ` ${(i * 7919 + 123456789).toString(36)}`)
  const tokens = trained.encode(words.join('') + words.join(''))
  expect(trained.decode(tokens)).toBe(words.join('') + words.join(''))
  const half = tokens.length / 2
  expect(Buffer.from(tokens.slice(0, half)).equals(Buffer.from(tokens.slice(half)))).toBe(true)
})

test('the vocabulary has the wanted size, or is smaller if the text has too few pairs', () => {
  expect(trained.vocabSize).toBe(340)
  expect(BpeTokenizer.fromText('ab ab', 300).vocabSize).toBe(257)
  expect(BpeTokenizer.fromText('x', 256).vocabSize).toBe(256)
  expect(trained.encode(someText(20_000)).length).toBeLessThan(20_000 / 2)
  // The same text gives the same tokenizer.
  expect(BpeTokenizer.fromText(someText(20_000), 340).toJSON()).toEqual(trained.toJSON())
})

test('long runs: tokens have a largest length, and a long piece is encoded', () => {
  const run = 'a'.repeat(100_000)
  const tokenizer = BpeTokenizer.fromText(run, 300)
  expect(tokenizer.decode([tokenizer.vocabSize - 1])).toBe('a'.repeat(longestToken))
  const tokens = tokenizer.encode(`${run} ${run}`)
  expect(tokens.length).toBeLessThan(1_600)
  expect(tokenizer.decode(tokens)).toBe(`${run} ${run}`)
})

test('a merge in a long piece takes as many steps as it has places', () => {
  // Letters in no order, without white space. If each merge read the whole piece, this would take ten times as long.
  let random = 1
  const letters = Array.from({ length: 300_000 }, () => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0
    return String.fromCharCode(0x4e00 + ((random >>> 16) % 300))
  })
  expect(BpeTokenizer.fromText(letters.join(''), 8000).vocabSize).toBe(8000)
})

test.each([
  [undefined, /not a list of pairs/],
  ['ab', /not a list of pairs/],
  [[97], /not a list of pairs/],
  [[97, 256], /merge 0, of 97 and 256, is not of two earlier tokens/],
  [[97, -1], /not of two earlier tokens/],
  [[97, 98.5], /not of two earlier tokens/],
  [[97, '98'], /not of two earlier tokens/],
  [[97, 98, 97, 98], /merge 1, of 97 and 98, is a repetition/],
  [
    Array.from({ length: 16 }, (_, i) => (i < 2 ? 97 : 255 + Math.floor(i / 2))),
    /merge 7, .* has more than 128 bytes/,
  ],
  [new Array(200_000).fill(97), /it has 100000 merges/],
])('damaged merges %#', async (merges, message) => {
  const error = await failureOf(() => BpeTokenizer.fromJSON({ type: 'bpe', merges }))
  expect(error.code).toBe('tokenizer')
  expect(error.message).toMatch(message)
  expect(error.message).toContain('Use another checkpoint')
})

test('errors name the option, the token or the place', async () => {
  expect((await failureOf(() => BpeTokenizer.fromText('', 300))).code).toBe('empty_text')
  expect((await failureOf(() => BpeTokenizer.fromText('a', 255))).message).toContain(
    'vocabSize is 255: must be a whole number from 256 to 65536',
  )
  expect((await failureOf(() => BpeTokenizer.fromText('a\udc00', 300))).code).toBe('lone_surrogate')
  expect((await failureOf(() => trained.encode('a\udc00'))).message).toContain('(U+DC00) at index 1')
  expect((await failureOf(() => trained.decode([97, 700]))).message).toContain(
    'token 700 at position 1 is not in the vocabulary. Token ids go from 0 to 339',
  )
})
