// `nano-gpt inspect`: the losses and the attention of a text, in a pipe, in a terminal and as JSON.

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { load } from '../../lib/api/model'
import { tableOf } from '../../lib/cli/inspect'
import { columnsOf } from '../../lib/cli/words'
import { train } from '../../lib/train/train'
import { decoder, short, temporaryFolder } from '../support/runs'
import { ended, objects, run, start, startInTerminal } from './command'

jest.setTimeout(30_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(['inspect', '--device', 'js', ...args], { cwd: folder.path() })
/** The command with a text, or bytes, as standard input. */
function piped(text: string | Uint8Array, ...args: string[]) {
  const child = start(['inspect', '--device', 'js', ...args], { cwd: folder.path() })
  child.stdin.end(text)
  return ended(child)
}

beforeAll(async () => {
  const train1 = async (options: object, name: string) =>
    (await train({ ...options, steps: 1, device: 'js', out: folder.path('runs', name) })).dispose()
  await train1(short, 'bigram')
  await train1(decoder, 'decoder')
})

test('a table with the loss of each token and its sources, of the newest model by default', async () => {
  const { code, stdout, stderr } = await cli('--text', 'at\nthe')
  expect([code, stderr]).toEqual([0, ''])
  const model = await load(folder.path('runs', 'decoder'), { device: 'js' })
  const losses = await model.tokenLosses('at\nthe')
  const { data } = await model.attention('at\nthe', { layers: 1 })
  await model.dispose()
  const lines = stdout.split('\n')
  expect(lines[0]).toBe('#  token   loss             chance  attends to')
  expect(lines[1]).toBe('0  a                                0:a 100%')
  const pieces = ['a', 't', '\\n', 't', 'h', 'e']
  for (let t = 1; t < 6; t++) {
    const [, at, piece, loss, chance, sources] = lines[t + 1].match(
      /^(\d) {2}(\S+) +(\S+) {2}█* +(\S+)% {2}(.+)$/,
    )!
    expect([at, piece, loss]).toEqual([String(t), pieces[t], losses[t - 1].toFixed(2)])
    expect(Number(chance)).toBeCloseTo(100 * Math.exp(-losses[t - 1]), 0)
    const mean = Array.from(
      { length: t + 1 },
      (_, s) => [0, 1, 2].reduce((sum, h) => sum + data[(h * 6 + t) * 6 + s], 0) / 3,
    )
    const first = mean.indexOf(Math.max(...mean))
    expect(sources).toMatch(
      new RegExp(`^${first}:${pieces[first].replace('\\', '\\\\')} ${Math.round(100 * mean[first])}%`),
    )
  }
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / 5
  expect(lines.slice(7)).toEqual([
    '',
    expect.stringMatching(/^model {6}runs\/decoder, char: a vocabulary of \d+ characters$/),
    `loss       ${mean.toFixed(4)} nats per token, the mean of 5 tokens`,
    'attention  layer 1 of 0 to 1, the mean of 3 heads',
    '',
  ])
  const one = await cli('--text', 'at\nthe', '--layer', '0', '--head', '2')
  expect(one.stdout).toMatch(/^attention {2}layer 0 of 0 to 1, head 2$/m)
})

test('JSON has all weights, or those of a layer and a head', async () => {
  const [all] = objects((await cli('--text', 'at', '--json')).stdout)
  const model = await load(folder.path('runs', 'decoder'), { device: 'js' })
  const [loss] = await model.tokenLosses('at')
  const { data } = await model.attention('at')
  await model.dispose()
  const at = (layer: number, head: number) => {
    const [a, b, c, d] = data.subarray((layer * 3 + head) * 4)
    return {
      layer,
      head,
      weights: [
        [a, b],
        [c, d],
      ],
    }
  }
  expect(all).toEqual({
    ...{ type: 'result', model: 'runs/decoder', device: 'js', loss },
    tokens: [
      { id: expect.any(Number), text: 'a', loss: null, probability: null },
      { id: expect.any(Number), text: 't', loss, probability: Math.exp(-loss) },
    ],
    attention: [0, 1].flatMap((layer) => [0, 1, 2].map((head) => at(layer, head))),
  })
  const [one] = objects((await cli('--text', 'at', '--json', '--layer', '1', '--head', '2')).stdout)
  expect(one.attention).toEqual([at(1, 2)])
})

test('a model without attention; a single token', async () => {
  const { stdout } = await cli('--model', 'runs/bigram', '--text', 'at')
  expect(stdout).toMatch(/^# {2}token {3}loss {13}chance\n0 {2}a\n1 {2}t {5}.*%\n\nmodel .*\nloss .*\n$/)
  const { stdout: single } = await cli('--text', 'a')
  expect(single).toMatch(/^#.*\n0 {2}a +0:a 100%\n\nmodel .*\nattention .*\n$/)
  const [json] = objects((await cli('--model', 'runs/bigram', '--text', 'a', '--json')).stdout)
  expect(json).toMatchObject({ loss: null, attention: [] })
})

test.each([
  [['--text', ''], '--text: it is empty. Give at least one token'],
  [
    ['--text', 'the cat sat.'],
    '--text: it has 12 tokens, and the model reads at most 11 at a time, its block size. Give a shorter text',
  ],
  [['--text', 'a', '--layer', '2'], '--layer is 2: the model has the layers 0 to 1'],
  [['--text', 'a', '--head', '3'], '--head is 3: a layer has the heads 0 to 2'],
  [['--text', 'a', '--head', '3', '--json'], '"message":"--head is 3: a layer has the heads 0 to 2"'],
  [['--text', 'a', '--layer', '0', '--model', 'runs/bigram'], '--layer is 0: the model has no attention'],
  [['--text', 'a', '--without', '2.0'], '--without: the model has the attention layers 0 to 1, not 2'],
  [
    ['--text', 'a', '--without', '1'],
    '--without is "1": must be heads as layer.head, such as 0.3 or 0.3,2.1',
  ],
])('%j is rejected', async (args, message) => {
  const { code, stdout, stderr } = await cli(...args)
  expect([code, stdout + stderr]).toEqual([2, expect.stringContaining(message)])
})

test('standard input is the text if none is given, unchanged', async () => {
  const { stdout } = await cli('--text', 'at\nthe\n')
  expect(await piped('at\nthe\n')).toEqual({ code: 0, stdout, stderr: '' })
  // With --text, it is not read.
  expect(await piped('cat', '--text', 'at\nthe\n')).toEqual({ code: 0, stdout, stderr: '' })
  const [json] = objects((await piped('a', '--json')).stdout)
  expect(json).toMatchObject({ type: 'result', tokens: [{ text: 'a' }] })
  for (const [text, code, message] of [
    ['', 2, 'standard input: it is empty. Give at least one token'],
    ['the cat sat.', 2, 'standard input: it has 12 tokens, and the model reads at most 11 at a time'],
    [Uint8Array.of(97, 255), 1, 'standard input'],
  ] as const) {
    expect(await piped(text)).toEqual({ code, stdout: '', stderr: expect.stringContaining(message) })
  }
})

test('heads are switched off', async () => {
  const { stdout } = await cli('--text', 'at the', '--without', '0.1,1.2', '--without', '1.0')
  expect(stdout).toMatch(/^without {4}0\.1, 1\.2, 1\.0$/m)
  const without = [
    { layer: 0, head: 1 },
    { layer: 1, head: 2 },
    { layer: 1, head: 0 },
  ]
  const model = await load(folder.path('runs', 'decoder'), { device: 'js' })
  const losses = await model.tokenLosses('at the', { without })
  expect(losses).not.toEqual(await model.tokenLosses('at the'))
  await model.dispose()
  const args = ['--text', 'at the', '--without', '0.1,1.2,1.0', '--json']
  const [{ tokens }] = objects((await cli(...args)).stdout)
  expect((tokens as { loss: number }[]).slice(1).map(({ loss }) => loss)).toEqual([...losses])
})

const inTerminal = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux')

;(inTerminal ? test : test.skip)(
  'in a terminal, the text has a background by loss, and a legend',
  async () => {
    const args = ['inspect', '--device', 'js', '--text', 'at']
    const { stdout } = await ended(startInTerminal(args, 80, { cwd: folder.path() }))
    expect(stdout.startsWith('a\x1b[38;5;16;48;5;')).toBe(true)
    expect(stdout).toContain('mt\x1b[39;49m\r\n')
    expect(stdout).toContain('\x1b[38;5;16;48;5;194m below 0.5 \x1b[39;49m')
    const plain = await ended(startInTerminal(args, 80, { cwd: folder.path(), env: { NO_COLOR: '1' } }))
    expect(plain.stdout).toMatch(/^#/)
    // There is no text, and waiting for one would look like a hanging command.
    const none = await ended(startInTerminal(['inspect'], 80, { cwd: folder.path() }))
    expect(none.code).toBe(2)
    expect(none.stdout.replace(/\s+/g, ' ')).toContain('there is no text. Give it with --text, or pipe it')
  },
)

test('rows fit, whatever the tokens', () => {
  const piece = fc.constantFrom(
    'a',
    '␣the',
    '\\n',
    '很',
    '😀',
    '<E2>',
    'counterrevolutionaries',
    '很'.repeat(9),
  )
  const row = fc.record({
    piece,
    loss: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }),
    attention: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 1 }),
  })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
      const all = rows.map((each, t) => ({
        ...each,
        attention: rows.slice(0, t + 1).map(() => each.attention[0]),
      }))
      for (const line of tableOf(all, 79)) expect(columnsOf(line)).toBeLessThanOrEqual(79)
    }),
  )
})
