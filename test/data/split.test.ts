import fc from 'fast-check'
import { splitTokens } from '../../lib/data/split'

test('the split of Tiny Shakespeare', () => {
  const { train, validation } = splitTokens(new Uint16Array(1_115_394), 256)
  expect([train.length, validation.length]).toEqual([1_003_854, 111_540])
})

test('both parts are views of the tokens, in order', () => {
  const tokens = Uint32Array.from({ length: 100 }, (_, i) => i)
  const { train, validation } = splitTokens(tokens, 8)
  expect([...train, ...validation]).toEqual([...tokens])
  expect(train.buffer).toBe(tokens.buffer)
})

test('a text that is too short: the error has the sizes, and suggests values that work', () => {
  expect(() => splitTokens(new Uint16Array(50), 8)).toThrow(
    'data: the text is too short for `blockSize: 8`: its 50 tokens are split into 45 for training and 5 for validation, and each needs 9. ' +
      'Use a text of at least 81 tokens, or a `blockSize` of at most 4',
  )
  expect(() => splitTokens(new Uint16Array(1), 8)).toThrow(/Use a text of at least 81 tokens$/)
  fc.assert(
    fc.property(fc.nat(300), fc.integer({ min: 1, max: 40 }), (length, blockSize) => {
      const message = messageOf(() => splitTokens(new Uint16Array(length), blockSize))
      const needed = /at least (\d+) tokens/.exec(message)
      const largest = /at most (\d+)$/.exec(message)
      if (needed) {
        splitTokens(new Uint16Array(Number(needed[1])), blockSize)
        expect(messageOf(() => splitTokens(new Uint16Array(Number(needed[1]) - 1), blockSize))).not.toBe('')
      }
      if (largest) splitTokens(new Uint16Array(length), Number(largest[1]))
    }),
  )
})

function messageOf(run: () => unknown): string {
  try {
    run()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

test.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 31, '8'])('the blockSize %p is rejected', (blockSize) => {
  expect(() => splitTokens(new Uint16Array(100), blockSize as number)).toThrow(
    /^blockSize is .*: must be a whole number from 1 to/,
  )
})
