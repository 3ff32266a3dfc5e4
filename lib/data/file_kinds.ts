// Recognizes files that are not text by their first bytes, with a remedy to get text out of them.

export interface FileKind {
  /** A description: 'a PDF'. */
  readonly what: string
  readonly remedy: string
}

interface Signature extends FileKind {
  /** In Latin-1. */
  readonly bytes: string
  /** The offset of the bytes. Default: 0. */
  readonly at?: number
  /**
   * Whether a text may also begin with these bytes. They then count only in a file that is not
   * valid text.
   */
  readonly asText?: boolean
}

const asPlainText = 'Export it as plain text in UTF-8'
const textOnly = 'A model learns from text only'
const unpack = (tool: string) => `Unpack it first, for example with \`${tool}\``

const signatures: readonly Signature[] = [
  {
    bytes: '%PDF-',
    what: 'a PDF',
    remedy: 'Extract its text first, for example with `pdftotext -enc UTF-8`',
  },
  { bytes: '{\\rtf', what: 'an RTF document', remedy: asPlainText },
  { bytes: '\xd0\xcf\x11\xe0', what: 'an old Office document', remedy: asPlainText },
  { bytes: '\x1f\x8b', what: 'compressed with gzip', remedy: unpack('gunzip') },
  { bytes: '\xfd7zXZ\0', what: 'compressed with xz', remedy: unpack('unxz') },
  { bytes: '\x28\xb5\x2f\xfd', what: 'compressed with zstd', remedy: unpack('unzstd') },
  { bytes: 'BZh', what: 'compressed with bzip2', remedy: unpack('bunzip2'), asText: true },
  { bytes: '7z\xbc\xaf\x27\x1c', what: 'a 7z archive', remedy: unpack('7z x') },
  { bytes: 'Rar!\x1a\x07', what: 'a RAR archive', remedy: unpack('unrar x') },
  { bytes: 'ustar', at: 257, what: 'a tar archive', remedy: unpack('tar xf'), asText: true },
  { bytes: '\x89PNG', what: 'a PNG image', remedy: textOnly },
  { bytes: '\xff\xd8\xff', what: 'a JPEG image', remedy: textOnly },
  { bytes: 'GIF8', what: 'a GIF image', remedy: textOnly, asText: true },
  { bytes: 'WEBP', at: 8, what: 'a WebP image', remedy: textOnly, asText: true },
  { bytes: 'II*\0', what: 'a TIFF image', remedy: textOnly },
  { bytes: 'MM\0*', what: 'a TIFF image', remedy: textOnly },
  { bytes: 'WAVE', at: 8, what: 'a WAV recording', remedy: textOnly, asText: true },
  { bytes: 'ID3', what: 'an MP3 recording', remedy: textOnly, asText: true },
  { bytes: 'OggS\0', what: 'an Ogg recording', remedy: textOnly },
  { bytes: 'fLaC\0', what: 'a FLAC recording', remedy: textOnly },
  { bytes: 'ftyp', at: 4, what: 'a video or a recording', remedy: textOnly, asText: true },
  {
    bytes: 'SQLite format 3\0',
    what: 'an SQLite database',
    remedy: 'Write its text to a file first, for example with `sqlite3 DATABASE "select …" > text.txt`',
  },
  {
    bytes: 'PAR1',
    what: 'a Parquet file',
    remedy: 'Write the column that holds the text to a text file',
    asText: true,
  },
  { bytes: '\x7fELF', what: 'a program (ELF)', remedy: textOnly },
  { bytes: 'MZ', what: 'a Windows program', remedy: textOnly, asText: true },
  { bytes: '\xcf\xfa\xed\xfe', what: 'a program (Mach-O)', remedy: textOnly },
  { bytes: '\xca\xfe\xba\xbe', what: 'a program (Mach-O or Java)', remedy: textOnly },
  { bytes: '\0asm', what: 'a WebAssembly module', remedy: textOnly },
  { bytes: '\x93NUMPY', what: 'a NumPy array', remedy: 'Decode its tokens and save the text' },
  { bytes: 'GGUF', what: 'a model (GGUF)', remedy: 'Name the text to train on', asText: true },
  { bytes: '{"', at: 8, what: 'a model (safetensors)', remedy: 'Name the text to train on', asText: true },
]

/** Formats that are zip archives, by a name or content that only they have. */
const zips: readonly (FileKind & { readonly has: string })[] = [
  { has: 'word/document.xml', what: 'a Word document', remedy: asPlainText },
  { has: 'xl/workbook', what: 'an Excel workbook', remedy: 'Export its text as CSV or plain text in UTF-8' },
  { has: 'ppt/presentation', what: 'a PowerPoint presentation', remedy: asPlainText },
  { has: 'application/vnd.oasis.opendocument', what: 'an OpenDocument file', remedy: asPlainText },
  { has: 'application/epub+zip', what: 'an EPUB book', remedy: asPlainText },
]

/**
 * The number of bytes to search for member names, at the beginning and at the end of a zip archive.
 */
const zipNames = 1 << 16

/**
 * The kind of file that begins with these bytes, if it is known and not text.
 *
 * @param isText whether the bytes are valid text; then only signatures that no text begins with
 *   count
 */
export function fileKindOf(bytes: Uint8Array, isText: boolean): FileKind | undefined {
  if (beginsWith(bytes, 'PK\x03\x04') || beginsWith(bytes, 'PK\x05\x06')) return zipKindOf(bytes)
  return signatures.find(
    ({ bytes: wanted, at, asText = false }) => !(asText && isText) && beginsWith(bytes, wanted, at),
  )
}

function zipKindOf(bytes: Uint8Array): FileKind {
  const names = latin1(bytes.subarray(0, zipNames)) + latin1(bytes.subarray(-zipNames))
  return zips.find(({ has }) => names.includes(has)) ?? { what: 'a zip archive', remedy: unpack('unzip') }
}

function beginsWith(bytes: Uint8Array, wanted: string, at = 0): boolean {
  return latin1(bytes.subarray(at, at + wanted.length)) === wanted
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
