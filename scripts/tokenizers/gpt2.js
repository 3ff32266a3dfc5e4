// Makes lib/tokenizer/gpt2.bin, the merges of GPT-2's tokenizer, and test/tokenizer/gpt2.golden.json, hard
// texts with their tokens, from the npm package tiktoken. Run by hand:
//   node scripts/tokenizers/gpt2.js
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const zlib = require('node:zlib')
const { mergesOf } = require('./merges')

const tiktoken = 'tiktoken@1.0.22'
const root = path.join(__dirname, '..', '..')
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gpt2-'))
try {
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', tiktoken], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  const packageFolder = path.join(folder, 'node_modules', 'tiktoken')
  const ranks = ranksOf(require(path.join(packageFolder, 'encoders', 'gpt2.json')).bpe_ranks)
  const rankOf = new Map(ranks.map((token, rank) => [token, rank]))
  const merges = mergesOf(ranks)
    .flat()
    .map((token) => rankOf.get(token))
  const raw = Buffer.alloc(2 * merges.length)
  for (const [i, token] of merges.entries()) raw.writeUInt16LE(token, 2 * i)
  const compressed = zlib.brotliCompressSync(raw, {
    params: {
      [zlib.constants.BROTLI_PARAM_QUALITY]: 11,
      [zlib.constants.BROTLI_PARAM_LGWIN]: 22,
      [zlib.constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
    },
  })
  fs.writeFileSync(path.join(root, 'lib', 'tokenizer', 'gpt2.bin'), compressed)
  console.log(`${merges.length / 2} merges, ${compressed.length} bytes`)

  const { get_encoding } = require(packageFolder)
  const encoding = get_encoding('gpt2')
  // The second argument: no special token is recognized, and the third: none is an error.
  const golden = texts().map((text) => [text, Array.from(encoding.encode(text, [], []))])
  encoding.free()
  fs.writeFileSync(
    path.join(root, 'test', 'tokenizer', 'gpt2.golden.json'),
    `[\n${golden.map((each) => `  ${asciiJson(each)}`).join(',\n')}\n]\n`,
  )
} finally {
  fs.rmSync(folder, { recursive: true })
}

/** The bytes of each token, as latin1. Lines have the form: ! OFFSET TOKEN TOKEN …, in base64. */
function ranksOf(lines) {
  const ranks = []
  for (const line of lines.split('\n').filter(Boolean)) {
    const [, offset, ...tokens] = line.split(' ')
    tokens.forEach((token, i) => {
      ranks[Number(offset) + i] = Buffer.from(token, 'base64').toString('latin1')
    })
  }
  return ranks
}

/** JSON whose characters are all visible. */
function asciiJson(value) {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function texts() {
  return [
    '',
    'Hello world',
    'The quick brown fox jumps over the lazy dog.',
    ' leading and trailing ',
    '  two  spaces   three    four',
    `${' '.repeat(40)}deep${' '.repeat(100)}`,
    ' '.repeat(1000),
    '\t\ttabs\tand \t mixed\n\t x',
    'CRLF\r\nlines\r\n\r\nend\r',
    '\n\n\n\nparagraphs\n \n  \n',
    'non-breaking\u00a0space, next line\u0085, em\u2003space, BOM\ufeff, zero\u200bwidth, line\u2028separator',
    "It's they'll we've you're I'm he'd can't rock'n'roll 'tis O'Neill's dogs' ''s'",
    "IT'S THEY'LL WE'VE YOU'RE I'M HE'D CAN'T It'S tHEY'lL 'S'T",
    'It’s they’ll — “quotes”',
    '0 1 12 123 1234 12345 1234567890 3.14159 1,000,000 0x1F 1e-9 50256',
    '² ½ Ⅷ ٣٤٥ 一二三 ①②③ 𝟙𝟚𝟛',
    'naïve café résumé Ünïcödé ßẞ Æon',
    'e\u0301 a\u0308\u0323 Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034da\u036b\u0357\u0334\u0362',
    '😀 😃😄 👍🏽 ❤️ 🇩🇪🇫🇷 #️⃣',
    '👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🧑‍💻',
    '很好！中文没有空格，是吗？',
    'これは日本語のテキストです。カタカナ、ひらがな、漢字。',
    '한국어 텍스트입니다',
    'Это русский текст. Українська мова.',
    'Ελληνικά κείμενο',
    'هذا نص عربي. עברית',
    'हिन्दी में पाठ। தமிழ்',
    'ภาษาไทยไม่มีเว้นวรรค',
    'NUL\0 in the \0\0 middle \u0001\u0002\u007f',
    '<|endoftext|> is a text here, and <|endoftext|>',
    'function f(x) {\n    return x >= 0 ? x * 2 : -x // comment\n}\n',
    'def f(x):\n\treturn {"a": [1, 2, 3], \'b\': None}  # ok\n',
    'https://example.com/a/b?c=d&e=f#g user@example.com C:\\Windows\\System32',
    '!!! ??? ... --- === *** ((())) [[[]]] {{{}}} <<<>>> ~~~ ``` """ \'\'\' ;;; ::: ,,, @@@ ### $$$ %%% ^^^ &&& ___ +++ |||',
    'a1b2c3 x_y_z camelCase PascalCase snake_case SCREAMING_CASE kebab-case',
    'supercalifragilisticexpialidocious Donaudampfschifffahrtsgesellschaftskapitän',
    'SolidGoldMagikarp petertodd rawdownloadcloneembedreportprint',
    'a'.repeat(300),
    'ab'.repeat(150),
    '1'.repeat(100),
    '-'.repeat(200),
    '\u{10ffff}\u{e000}\ufffd\ufffe\uffff',
    '𝒳𝒴𝒵 𐐷 𠮷野家',
    'ﬁ ﬂ ŉ ǆ İıſK',
    'x\u0300\u0301 \u0300 \u200d\u200d 1\u0301',
  ]
}
