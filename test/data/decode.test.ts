// Decoding files of all kinds: texts are read, and other formats are named in the error.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { loadText } from '../../lib/data/corpus'
import { decodeText } from '../../lib/data/decode'

const about = { option: 'data', value: 'x' }

function utf16(text: string, order: 'le' | 'be', mark = false): Uint8Array {
  const bytes = Buffer.from(`${mark ? '\uFEFF' : ''}${text}`, 'utf16le')
  return order === 'le' ? bytes : bytes.swap16()
}

const texts: Readonly<Record<string, string>> = {
  English: 'To be, or not to be, that is the question:\r\nWhether ’tis nobler – in the mind\n',
  German: 'Über allen Gipfeln ist Ruh, in allen Wipfeln spürest du kaum einen Hauch.\n',
  Russian: 'Мой дядя самых честных правил, когда не в шутку занемог,\nОн уважать себя заставил\n',
  Greek: 'Μῆνιν ἄειδε, θεά, Πηληιάδεω Ἀχιλῆος\n',
  Hebrew: 'בראשית ברא אלהים את השמים ואת הארץ\n',
  Japanese: '吾輩は猫である。名前はまだ無い。\nどこで生れたか\n',
  Chinese: '道可道,非常道。名可名,非常名。一二三 abc\n',
  emoji: 'one 😀 two 👩‍💻\n',
  short: 'a\n',
}

describe('UTF-16', () => {
  for (const order of ['le', 'be'] as const) {
    test.each(Object.entries(texts))(`${order} without a byte order mark: %s`, (_, text) => {
      expect(decodeText(utf16(text, order), about)).toEqual({ text, encoding: `utf-16${order}` })
    })

    test.each(Object.entries(texts))(`${order} with a byte order mark: %s`, (_, text) => {
      expect(decodeText(utf16(text, order, true), about)).toEqual({ text, encoding: `utf-16${order}` })
    })
  }

  test('lines of ASCII without a byte order mark', () => {
    const line = fc.string({ unit: 'grapheme-ascii', minLength: 1 })
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1 }),
        fc.constantFrom('le' as const, 'be' as const),
        (lines, order) => {
          const text = `${lines.join('\n')}\n`
          expect(decodeText(utf16(text, order), about).text).toBe(text)
        },
      ),
    )
  })

  test('a long file, of which only a sample is inspected', () => {
    const text = 'Wherefore art thou 😀?\n'.repeat(10_000)
    expect(decodeText(utf16(text, 'be'), about).text).toBe(text)
  })

  test('damaged UTF-16 is rejected', () => {
    const cut = utf16('hello', 'le', true).subarray(0, -1)
    expect(() => decodeText(cut, about)).toThrow(/^data is "x": UTF-16 with an odd number of bytes/)
    expect(() => decodeText(utf16('hello\uD83D!', 'le', true), about)).toThrow(
      expect.objectContaining({
        code: 'not_utf16',
        message: expect.stringMatching(/UTF-16 with an unpaired surrogate/),
      }),
    )
    expect(() => decodeText(utf16('a\0b', 'le', true), about)).toThrow(/looks like a binary file/)
  })

  test('a notice reports the encoding', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-test-'))
    try {
      const path = join(folder, 'notepad.txt')
      writeFileSync(path, utf16('Hello\r\n', 'le'))
      const notices: string[] = []
      const { text } = await loadText(path, { notice: (message) => void notices.push(String(message)) })
      expect(text).toBe('Hello\n')
      expect(notices[0]).toBe('notepad.txt: decoded from UTF-16 (little-endian)')
      expect(notices).toHaveLength(2)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('the error for UTF-32 names it', () => {
    expect(() => decodeText(Uint8Array.of(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0), about)).toThrow('iconv -f utf-32')
  })
})

describe('UTF-8', () => {
  test('any text without zero bytes is returned unchanged', () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => !/\0|^\uFEFF|^%PDF-|^\{\\rtf/.test(value))
    fc.assert(
      fc.property(text, (value) => {
        expect(decodeText(Buffer.from(value), about)).toEqual({ text: value, encoding: 'utf-8' })
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    'MZ is what it begins with',
    'BZh',
    'ID3 tags',
    'GIF89a',
    'PAR1',
    `${'x'.repeat(257)}ustar`,
    '12345678{"a":1}',
  ])('a text may begin like a binary format: %j', (text) =>
    expect(decodeText(Buffer.from(text), about).text).toBe(text),
  )

  test.each([
    [
      'one zero byte in a text',
      'hello\0world, this is text\n',
      'it contains a zero byte at 5, so it looks like a binary file',
    ],
    ['zero-terminated records', 'one\0two\0three\0four\0', 'it contains 4 zero bytes, the first at 3'],
    ['records of a fixed length', 'abc\0'.repeat(100), 'it contains 100 zero bytes, the first at 3'],
    ['a zero byte at the end', `${'a text\n'.repeat(20_000)}\0`, 'it contains a zero byte at 140000'],
    ['only zero bytes', '\0'.repeat(64), 'it contains 64 zero bytes, the first at 0'],
  ])('%s: rejected as binary', (_, text, message) => {
    expect(() => decodeText(Buffer.from(text), about)).toThrow(message)
    expect(() => decodeText(Buffer.from(text), about)).toThrow(
      expect.objectContaining({ code: 'not_text', option: 'data', value: 'x' }),
    )
  })

  test('any bytes are decoded, or rejected with a code for their encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          expect(decodeText(bytes, about).text).not.toContain('\0')
        } catch (error) {
          expect(['not_text', 'not_utf8', 'not_utf16']).toContain((error as { code?: string }).code)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

/** A zip archive with one member, which is not compressed. */
function zip(member: string, contents = ''): Buffer {
  const header = Buffer.alloc(30)
  header.write('PK\x03\x04', 'latin1')
  header.writeUInt16LE(member.length, 26)
  header.writeUInt32LE(contents.length, 18)
  return Buffer.concat([header, Buffer.from(member + contents), Buffer.alloc(22)])
}

const binary = (start: string) =>
  Buffer.concat([Buffer.from(start, 'latin1'), Buffer.from([0, 1, 0, 200, 0, 255])])

test.each<[string, Uint8Array, RegExp]>([
  [
    'a PDF',
    Buffer.from('%PDF-1.7\n1 0 obj\n'),
    /a PDF, not a text file\. Extract its text first, .*`pdftotext/,
  ],
  ['a PDF with binary parts', binary('%PDF-1.4\n%\xe2\xe3\xcf\xd3'), /a PDF, not a text file/],
  ['RTF', Buffer.from('{\\rtf1\\ansi hello}'), /an RTF document.*Export it as plain text/],
  ['docx', zip('word/document.xml'), /a Word document, not a text file\. Export it as plain text/],
  ['xlsx', zip('xl/workbook.xml'), /an Excel workbook/],
  ['pptx', zip('ppt/presentation.xml'), /a PowerPoint presentation/],
  ['odt', zip('mimetype', 'application/vnd.oasis.opendocument.text'), /an OpenDocument file/],
  ['epub', zip('mimetype', 'application/epub+zip'), /an EPUB book/],
  ['zip', zip('a.txt'), /a zip archive.*`unzip`/],
  ['doc', binary('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'), /an old Office document.*Export it/],
  [
    'gzip',
    gzipSync('hello'),
    /compressed with gzip, not a text file\. Unpack it first, for example with `gunzip`/,
  ],
  ['xz', binary('\xfd7zXZ\0'), /compressed with xz/],
  ['zstd', binary('\x28\xb5\x2f\xfd'), /compressed with zstd/],
  ['bzip2', binary('BZh91AY&SY'), /compressed with bzip2/],
  ['7z', binary('7z\xbc\xaf\x27\x1c'), /a 7z archive/],
  ['rar', binary('Rar!\x1a\x07\x01'), /a RAR archive/],
  ['tar', binary(`${'a.txt'.padEnd(257, '\0')}ustar\0`), /a tar archive/],
  ['PNG', binary('\x89PNG\r\n\x1a\n'), /a PNG image/],
  ['JPEG', binary('\xff\xd8\xff\xe0'), /a JPEG image, not a text file\. A model learns from text only/],
  ['GIF', binary('GIF89a'), /a GIF image/],
  ['WebP', binary('RIFF\x10\0\0\0WEBP'), /a WebP image/],
  ['MP3', binary('ID3\x04'), /an MP3 recording/],
  ['MP4', binary('\0\0\0\x20ftypisom'), /a video or a recording/],
  ['SQLite', binary('SQLite format 3\0'), /an SQLite database.*sqlite3/],
  ['Parquet', binary('PAR1'), /a Parquet file/],
  ['ELF', binary('\x7fELF\x02\x01\x01'), /a program \(ELF\)/],
  ['PE', binary('MZ\x90\0'), /a Windows program/],
  ['WebAssembly', binary('\0asm\x01\0\0\0'), /a WebAssembly module/],
  ['NumPy', binary('\x93NUMPY\x01\0'), /a NumPy array/],
  ['safetensors', binary('\x40\0\0\0\0\0\0\0{"a":{}}'), /a model \(safetensors\)/],
])('%s: the error names the format and has a remedy', (_, bytes, message) => {
  expect(() => decodeText(bytes, about)).toThrow(message)
  expect(() => decodeText(bytes, about)).toThrow(expect.objectContaining({ code: 'not_text', value: 'x' }))
  expect(() => decodeText(bytes, about)).not.toThrow(/iconv/)
})

test('bytes of an unknown format are rejected', () => {
  const noise = deflateSync(Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i) % 251)))
  expect(() => decodeText(noise, about)).toThrow(expect.objectContaining({ name: 'NanoGptError' }))
})
