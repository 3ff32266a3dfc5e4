// Whole runs with each tokenizer that encodes any text.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tokenizerNames } from '../../lib/tokenizer'
import { train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { failureOf } from '../support/errors'
import { eventsOf, lossesOf, parametersOf, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
/** Characters of one to four bytes. */
const text = 'Q: Wie geht’s? 😀\nA: 很好！ é\0\n'.repeat(60)
const other = { text: '(∑) [√] {∫}\n'.repeat(60) }
/** A bigram of GPT-2's vocabulary would have 2.5 billion weights. */
const small = { preset: 'cpu', blockSize: 8, layers: 1, heads: 1, embed: 8, positions: 'rope' } as const
const sizes = (tokenizer: string) => (tokenizer === 'gpt2' ? { ...short, ...small } : short)
const anyText = tokenizerNames.filter((name) => name !== 'char')

test.each(anyText)(
  '%s: trains, resumes to the same bits, and trains further on new characters',
  async (tokenizer) => {
    const options = { ...sizes(tokenizer), data: { text }, tokenizer, steps: 8, device: 'cpu' as const }
    const out = folder.path(tokenizer)
    const whole = train(options)
    const losses = lossesOf(await eventsOf(whole))
    await using expected = await whole
    await (await train({ ...options, steps: 5, out })).dispose()
    const resumed = train({ resume: out, steps: 8, device: 'cpu' as const })
    expect(lossesOf(await eventsOf(resumed))).toEqual(losses.slice(5))
    await using model = await resumed
    expectSameBits(await parametersOf(model), await parametersOf(expected))
    expect(model.tokenizer.type).toBe(tokenizer)

    const further = train({ from: out, data: other, steps: 2, device: 'cpu' })
    await using again = await further
    expect(again.tokenizer.type).toBe(tokenizer)
    expect(Number.isFinite(await again.loss(other.text))).toBe(true)
  },
)

test.each(anyText)(
  '%s: streamed text is whole characters, and stops at any stop string',
  async (tokenizer) => {
    await using model = await train({
      ...sizes(tokenizer),
      data: { text },
      tokenizer,
      steps: 30,
      learningRate: 0.1,
      device: 'cpu',
    })
    const request = { prompt: 'Q: ∑😀', maxTokens: 300, seed: 5 }
    const [{ text: all, tokens, logProbabilities }] = await model.complete(request)
    expect(model.tokenizer.decode(tokens)).toBe(all)
    expect(logProbabilities).toHaveLength(tokens.length)
    const pieces: string[] = []
    for await (const piece of model.stream(request)) pieces.push(piece)
    expect(pieces.join('')).toBe(all)
    expect(pieces.filter((piece) => /\p{Surrogate}/u.test(piece))).toEqual([])
    const stop = [...all][20]
    expect(await model.generate({ ...request, stop })).toBe(all.slice(0, all.indexOf(stop)))
  },
)

test('a tokenizer.json: its tokenizer is in the checkpoint, and its path in config.json', async () => {
  const golden = JSON.parse(readFileSync(join(__dirname, '../tokenizer/json.golden.json'), 'utf8'))
  const file = folder.path('tokenizer.json')
  writeFileSync(file, JSON.stringify(golden.llama2.file))
  const out = folder.path('json')
  const options = { ...short, data: { text }, steps: 4, device: 'cpu' as const }
  await (await train({ ...options, tokenizer: file, out })).dispose()
  expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).tokenizer).toBe(file)
  // A run repeats its configuration, and continues without the file.
  await using again = await train({ config: out })
  rmSync(file)
  await using resumed = await train({ resume: out, steps: 6, device: 'cpu' })
  for (const model of [again, resumed]) {
    expect(model.tokenizer.type).toBe('tokenizer.json')
    expect(Array.from(model.tokenizer.encode('a'))).toEqual(golden.llama2.tokens[golden.texts.indexOf('a')])
  }
  await using further = await train({ from: out, data: other, steps: 2, device: 'cpu' })
  expect(further.tokenizer.type).toBe('tokenizer.json')
  const refused = async (how: object) => (await failureOf(() => train({ ...how, tokenizer: 'gpt2' }))).message
  expect(await refused({ resume: out })).toMatch(/tokenizer is "gpt2": a resumed run keeps its own/)
  expect(await refused({ from: out })).toMatch(
    /tokenizer is "gpt2": the weights of `from` fit no other model/,
  )
})

test('char: new characters are rejected, and the message says what encodes them', async () => {
  const out = folder.path('char')
  await (await train({ ...short, steps: 2, device: 'cpu', out })).dispose()
  const { code, message } = await failureOf(() => train({ from: out, data: other, steps: 2 }))
  expect(code).toBe('unknown_character')
  expect(message).toMatch(
    /\(U\+0028\).*Train on a text without this character, or leave `from` out.*with `tokenizer: 'byte'` for any text/,
  )
})
