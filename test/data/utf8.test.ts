import fc from 'fast-check'
import { decodeUtf8, firstInvalidByte } from '../../lib/data/utf8'

test('valid UTF-8 is decoded without its byte order mark', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const expected = text.replace(/^\uFEFF/, '')
      expect(decodeUtf8(Buffer.from(text), 'x')).toBe(expected)
    }),
  )
  expect(decodeUtf8(Buffer.from('\uFEFFhello'), 'x')).toBe('hello')
})

test('firstInvalidByte() agrees with TextDecoder for any bytes', () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0xe0, 0xed, 0xf0, 0xf4, 0xc0, 0xc2, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf),
  )
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (list) => {
      const bytes = Uint8Array.from(list)
      const offset = firstInvalidByte(bytes)
      const isValid = (part: Uint8Array) => {
        try {
          new TextDecoder('utf-8', { fatal: true }).decode(part)
          return true
        } catch {
          return false
        }
      }
      expect(isValid(bytes.subarray(0, offset))).toBe(true)
      expect(isValid(bytes)).toBe(offset === bytes.length)
      // No prefix that extends beyond the offset is valid.
      for (let end = offset + 1; end <= bytes.length; end++)
        expect(isValid(bytes.subarray(offset, end))).toBe(false)
    }),
    { numRuns: 3000 },
  )
})

test.each([
  [[0x61, 0xff], 'x: not valid UTF-8 at byte 1 (0xFF). Save it as UTF-8'],
  [
    [0xe9, 0x74, 0xe9],
    'at byte 0 (0xE9). Save it as UTF-8 in an editor, or convert it with `iconv -f windows-1252 -t utf-8`',
  ],
  [[0x61, 0xe2, 0x82], 'at byte 1 (0xE2)'],
])('the bytes %j are rejected', (bytes, message) => {
  expect(() => decodeUtf8(Uint8Array.from(bytes), 'x')).toThrow(message)
  expect(() => decodeUtf8(Uint8Array.from(bytes), 'x')).toThrow(expect.objectContaining({ code: 'not_utf8' }))
})

test('an error can name an option', () => {
  const about = { option: 'data', value: 'a.txt' }
  expect(() => decodeUtf8(Uint8Array.of(0xff), about)).toThrow('data is "a.txt": not valid UTF-8 at byte 0')
})
