// Compares the speed of tokenizers in one process: encoding with GPT-2's vocabulary by nano-gpt,
// gpt-tokenizer, tiktoken (WebAssembly) and @huggingface/tokenizers, and training a BPE vocabulary. Installs
// the others, in exact versions, into a temporary folder. Run by hand, after `npm run build`:
//   node scripts/tokenizers/speed.js TEXT [MB to train on] [size of the vocabulary]
// The seconds are those of the process's CPU time in user mode, so that other programs matter less.
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { mergesOf } = require('./merges')

const others = ['gpt-tokenizer@4.0.0', 'tiktoken@1.0.22', '@huggingface/tokenizers@0.2.0']
const rounds = 5
const testBytes = 3e6
const root = path.join(__dirname, '..', '..')
const { BpeTokenizer, Gpt2Tokenizer } = require(path.join(root, 'dist', 'index.js'))

const [file, trainMegabytes = '0', vocabSize = '16384'] = process.argv.slice(2)
if (file === undefined) throw new Error('Usage: node scripts/tokenizers/speed.js TEXT [MB] [vocabSize]')

/** The least CPU seconds of a few calls, and the last result. */
function measure(call, times = rounds) {
  let [least, result] = [Infinity, undefined]
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage().user
    result = call()
    least = Math.min(least, (process.cpuUsage().user - before) / 1e6)
  }
  return { seconds: least, result }
}

/** About `bytes` of text: the given one, in which every few words have been replaced by rare ones. */
function mixed(text, bytes) {
  let state = 1
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const syllables = Array.from({ length: 300 }, () => {
    const letters = 'etaoinshrdlucmfwypvbgk'
    return Array.from({ length: 2 + random(3) }, () => letters[random(letters.length)]).join('')
  })
  // Rare words are rarer: the square of a uniform number, as in Zipf's law.
  const word = () => {
    let number = Math.floor((random(1e6) / 1e6) ** 3 * 3e6)
    let made = ''
    do {
      made += syllables[number % 300]
      number = Math.floor(number / 300)
    } while (number > 0)
    return made
  }
  const words = text.split(' ')
  const parts = []
  for (let length = 0; length < bytes; ) {
    const start = random(words.length - 20)
    for (let i = 0; i < 20; i++) {
      const next = random(4) === 0 ? word() : words[start + i]
      parts.push(next)
      length += next.length + 1
    }
  }
  return parts.join(' ')
}

const text = fs.readFileSync(file, 'utf8')
const texts = {
  [path.basename(file)]: text.repeat(Math.ceil(testBytes / text.length)),
  'with rare words': mixed(text, testBytes),
}

function encoders(folder) {
  const load = (name) => require(path.join(folder, 'node_modules', name))
  const { get_encoding } = load('tiktoken')
  const wasm = get_encoding('gpt2')
  const { Tokenizer } = load('@huggingface/tokenizers')
  const gpt = load('gpt-tokenizer/cjs/encoding/r50k_base.js')
  const ours = new Gpt2Tokenizer()
  const huggingFace = new Tokenizer(fileOf(load('tiktoken/encoders/gpt2.json').bpe_ranks), {})
  const plain = { disallowedSpecial: new Set() }
  return {
    'nano-gpt': (some) => ours.encode(some),
    'nano-gpt, from UTF-8': (_, utf8) => ours.encodeBytes(utf8),
    [others[0]]: (some) => gpt.encode(some, plain),
    [others[1]]: (some) => wasm.encode(some, [], []),
    [others[2]]: (some) => huggingFace.encode(some, { add_special_tokens: false }).ids,
  }
}

/** GPT-2's tokenizer.json. */
function fileOf(ranks) {
  const letters = byteLetters()
  const tokens = ranks
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => line.split(' ').slice(2))
    .map((each) => Array.from(Buffer.from(each, 'base64'), (byte) => letters[byte]).join(''))
  const vocab = Object.fromEntries(tokens.map((token, rank) => [token, rank]))
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab, merges: mergesOf(tokens) },
  }
}

function byteLetters() {
  let next = 256
  const printable = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++))
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tokenizers-'))
try {
  execFileSync('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', ...others], {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  const all = Object.entries(encoders(folder))
  for (const [name, some] of Object.entries(texts)) {
    const utf8 = Buffer.from(some)
    console.log(`\n${name}, ${(utf8.length / 1e6).toFixed(1)} MB`)
    const expected = all[0][1](some, utf8)
    for (const [tokenizer, encode] of all) {
      const { seconds, result } = measure(() => encode(some, utf8), tokenizer.startsWith('@') ? 1 : rounds)
      const same = result.length === expected.length && expected.every((token, i) => token === result[i])
      const speed = utf8.length / 1e6 / seconds
      console.log(
        `${tokenizer.padEnd(32)} ${speed.toFixed(1).padStart(6)} MB/s${same ? '' : '  other tokens'}`,
      )
    }
  }
  if (Number(trainMegabytes) > 0) {
    const long = mixed(text, Number(trainMegabytes) * 1e6)
    const start = performance.now()
    const { seconds, result } = measure(() => BpeTokenizer.fromText(long, Number(vocabSize)), 1)
    const wall = (performance.now() - start) / 1000
    console.log(
      `\ntraining ${result.vocabSize} tokens on ${trainMegabytes} MB: ${seconds.toFixed(1)} s of CPU time, ${wall.toFixed(1)} s in all`,
    )
  }
} finally {
  fs.rmSync(folder, { recursive: true })
}
