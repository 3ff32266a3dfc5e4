// `nano-gpt tokenize`: how a text is divided into tokens, in a pipe and in a terminal.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { linesOf, pieceOf } from '../../lib/cli/tokenize'
import { columnsOf } from '../../lib/cli/words'
import { train } from '../../lib/train/train'
import { short, temporaryFolder } from '../support/runs'
import { ended, objects, run, start, startInTerminal } from './command'

jest.setTimeout(30_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(['tokenize', ...args], { cwd: folder.path() })
/** The command with a text as standard input. */
function piped(text: string, ...args: string[]) {
  const child = start(['tokenize', ...args], { cwd: folder.path() })
  child.stdin.end(text)
  return ended(child)
}

beforeAll(() => writeFileSync(folder.path('cats.txt'), 'the cat, the hat\n'.repeat(20)))

test('a new tokenizer: pieces, ids, and bytes per token', async () => {
  const learned = ['--tokenizer', 'bpe', '--vocab-size', '259', '--data', 'cats.txt']
  expect(await cli(...learned, 'the hat', 'é')).toEqual({
    code: 0,
    stderr: '',
    stdout: [
      'the| |h|at| |<C3>|<A9>',
      '',
      'ids        258 32 104 256 32 195 169',
      'tokens     7 for 10 bytes of UTF-8, 1.43 bytes per token',
      'tokenizer  bpe: a vocabulary of 259 tokens',
      '',
    ].join('\n'),
  })
})

test('the tokenizer of a model, the newest one by default; text from standard input', async () => {
  const none = await cli('hello')
  expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/no trained model in runs\/.*--model/)])
  await (await train({ ...short, steps: 1, device: 'js', out: folder.path('runs', 'a') })).dispose()
  const given = await piped('a\na', '--model', 'runs/a')
  expect(given.stdout).toMatch(/^a\|\\n\|\na\n\nids .*\ntokenizer {2}char: .* characters \(runs\/a\)\n$/s)
  expect(await piped('a\na')).toEqual(given)
})

test('JSON has every token, with its bytes if it is a part of a character', async () => {
  const [result] = objects((await cli('--tokenizer', 'byte', '--json', 'aé')).stdout)
  expect(result).toEqual({
    ...{ type: 'result', model: null, tokenizer: 'byte', vocabSize: 256, bytes: 3, bytesPerToken: 1 },
    tokens: [
      { id: 97, text: 'a' },
      { id: 195, bytes: [195] },
      { id: 169, bytes: [169] },
    ],
  })
  const [all] = objects((await piped('x'.repeat(1500), '--tokenizer', 'byte', '--json')).stdout)
  expect(all.tokens).toHaveLength(1500)
})

test('a long text is cut, with a note; an empty one has no tokens', async () => {
  const { stdout } = await piped('x'.repeat(1500), '--tokenizer', 'byte')
  expect(stdout).toMatch(/^… the first 1,000 tokens; --json prints all 1,500$/m)
  expect(stdout.match(/x/g)).toHaveLength(1000)
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect((await piped('', '--tokenizer', 'byte')).stdout).toBe(
    '\ntokens     0 for 0 bytes of UTF-8\ntokenizer  byte: a vocabulary of 256 tokens\n',
  )
})

test.each([
  [
    ['--tokenizer', 'bpe', 'x'],
    /--tokenizer is "bpe": its vocabulary comes from a text.*--data, or .*--model/,
  ],
  [['--tokenizer', 'byte', '--vocab-size', '300', 'x'], /--vocab-size is 300: .*only to --tokenizer bpe/],
  [['--model', 'runs/a', '--data', 'cats.txt', 'x'], /--model and --data are both given/],
  [['--checkpoint', 'last', '--tokenizer', 'byte', 'x'], /--checkpoint and --tokenizer are both given/],
  [['--data', '-'], /standard input is the text to learn from\. Give the other text as an argument/],
])('%j is rejected', async (args, message) => {
  const { code, stdout, stderr } = await cli(...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(message)
})

const inTerminal = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux')

;(inTerminal ? test : test.skip)(
  'in a terminal, tokens have alternating backgrounds, and no separators',
  async () => {
    const args = ['tokenize', '--tokenizer', 'byte', 'ab']
    const { stdout } = await ended(startInTerminal(args, 80, { cwd: folder.path() }))
    expect(stdout).toContain('\x1b[30m\x1b[46ma\x1b[49m\x1b[39m\x1b[30m\x1b[43mb\x1b[49m\x1b[39m\r\n')
    const plain = await ended(startInTerminal(args, 80, { cwd: folder.path(), env: { NO_COLOR: '1' } }))
    expect(plain.stdout).toContain('a|b\r\n')
  },
)

test('control characters, and bytes that are not text, are visible', () => {
  expect(pieceOf(Buffer.from('a \t\r\n'))).toBe('a \\t\\r\\n')
  expect(pieceOf(Buffer.from('\0\x1b\u200d\u2028é😀'))).toBe('<U+0000><U+001B><U+200D><U+2028>é😀')
  expect(pieceOf(Uint8Array.of(0xf0, 0x9f, 0x61, 0xff))).toBe('<F0><9F>a<FF>')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      expect(pieceOf(bytes)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    }),
  )
})

test('lines fit, and contain every token', () => {
  const piece = fc.constantFrom('a', ' the', '\\n', '很', '😀', '<E2>')
  fc.assert(
    fc.property(fc.array(piece), fc.integer({ min: 10, max: 40 }), (pieces, columns) => {
      const lines = linesOf(pieces, columns)
      expect(lines.join('')).toBe(pieces.join('|'))
      for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(columns)
    }),
  )
})
