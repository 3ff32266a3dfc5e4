// What a model of a run writes on the page, and the odds there: those of the library.

import { load, type Model } from '../../lib/api/model'
import { train } from '../../lib/train/train'
import { decoder, temporaryFolder } from '../support/runs'
import { type Client, studioIn } from './client'
import { onPage } from './page'

const folder = temporaryFolder()
let client: Client & { reports: string[] }
let model: Model
beforeAll(async () => {
  const out = folder.path('runs', 'one')
  await (await train({ ...decoder, steps: 100, evalInterval: 50, out })).dispose()
  model = await load(out, { checkpoint: 'last' })
  client = await studioIn(folder.path('runs'))
})
afterAll(async () => {
  await model.dispose()
  await client.studio.close()
  expect(client.reports).toEqual([])
})

interface Answered {
  readonly tokens: readonly { readonly id: number; readonly text: string; readonly loss?: number | null }[]
  readonly logits: string
}

async function answer(path: string, body: object): Promise<Answered> {
  const { status, body: result } = await client.post(path, { id: 'one', ...body })
  expect([status, result.error]).toEqual([200, undefined])
  return result
}

const logitsIn = ({ logits }: Answered) => {
  const bytes = Uint8Array.from(Buffer.from(logits, 'base64'))
  return new Float32Array(bytes.buffer)
}

/** What odds_math.mjs, which is a module of the browser, computes. */
function probabilitiesOnPage(logits: Float32Array, sampling: object): number[] {
  const code = 'Array.from(page.probabilities(Float32Array.from(given.logits), given.sampling))'
  return onPage('odds_math.mjs', code, { logits: Array.from(logits), sampling })
}

test('the logits after a text, with the most likely tokens first', async () => {
  const text = 'The cat'
  const result = await answer('/api/odds', { text })
  const { data, shape } = await model.logits(text)
  expect(logitsIn(result)).toEqual(data.slice(-shape[1]))
  const logits = result.tokens.map(({ id }) => logitsIn(result)[id])
  expect(logits).toEqual([...logits].sort((a, b) => b - a))
  expect(result.tokens[0].text).toBe(model.tokenizer.decode([result.tokens[0].id]))
})

test('of a long text, the end that fits in the context; of none, a new line', async () => {
  const long = 'The cat sat on the mat and saw. '.repeat(20)
  const tokens = model.tokenizer.encode(long).slice(-model.config.blockSize)
  const { data, shape } = await model.logits(tokens)
  expect(logitsIn(await answer('/api/odds', { text: long }))).toEqual(data.slice(-shape[1]))
  expect(await answer('/api/odds', { text: '' })).toEqual(await answer('/api/odds', { text: '\n' }))
})

test('it writes what generate() writes', async () => {
  const sampling = { temperature: 0.9, topK: 5, topP: 0.9, seed: 11, maxTokens: 40 }
  const { tokens } = await answer('/api/write', { text: 'The ', ...sampling })
  const written = tokens.map(({ text }) => text).join('')
  expect(written).toBe(await model.generate({ prompt: 'The ', ...sampling }))
  expect(tokens.length).toBe(40)
})

test.each([
  { temperature: 1, topK: 0, topP: 1 },
  { temperature: 0.5, topK: 4, topP: 1 },
  { temperature: 1.5, topK: 0, topP: 0.6 },
  { temperature: 2, topK: 6, topP: 0.5 },
  { temperature: 0, topK: 0, topP: 1 },
])('the odds on the page are how often the engine draws each token: %j', async (sampling) => {
  const text = 'The '
  const odds = probabilitiesOnPage(logitsIn(await answer('/api/odds', { text })), sampling)
  expect(odds.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 9)
  const n = 2000
  const drawn = await model.complete({ prompt: text, n, maxTokens: 1, seed: 1, ...sampling })
  const counts = odds.map(() => 0)
  for (const { tokens } of drawn) counts[tokens[0]]++
  counts.forEach((count, id) => {
    // Six standard deviations: one in a billion.
    const bound = 6 * Math.sqrt(n * odds[id] * (1 - odds[id]))
    expect(Math.abs(count - n * odds[id])).toBeLessThanOrEqual(bound)
    if (odds[id] === 0) expect(count).toBe(0)
  })
})

test('the surprises are the losses of the tokens', async () => {
  const text = 'The cat sat on the mat.'
  const { tokens } = await answer('/api/surprise', { text })
  expect(tokens.map(({ text }) => text).join('')).toBe(text)
  expect(tokens.map(({ loss }) => loss)).toEqual([null, ...(await model.tokenLosses(text))])
})

test.each([
  ['/api/odds', { text: 'é' }, 422, 'unknown_character'],
  ['/api/write', { text: 'é' }, 422, 'unknown_character'],
  ['/api/surprise', { text: 'a' }, 422, 'data_too_short'],
  ['/api/write', { text: 'a', temperature: -1 }, 422, 'option'],
  ['/api/write', { text: 'a', maxTokens: 'x' }, 422, 'option'],
  ['/api/odds', { text: 7 }, 400, 'request'],
  ['/api/odds', { text: 'a'.repeat(20_001) }, 400, 'request'],
  ['/api/odds', { text: 'a', id: 'missing' }, 404, 'request'],
])('an error: %s %j', async (path, body, status, code) => {
  const answered = await client.post(path, { id: 'one', ...body })
  expect([answered.status, answered.body.error.code]).toEqual([status, code])
})

test('many calls at once, and a new checkpoint in between', async () => {
  const texts = ['The ', 'The c', 'The cat', 'A ', 'The dog']
  const before = await Promise.all(texts.map((text) => answer('/api/odds', { text })))
  await (await train({ resume: folder.path('runs', 'one'), steps: 150 })).dispose()
  const after = await Promise.all(texts.map((text) => answer('/api/odds', { text })))
  await using resumed = await load(folder.path('runs', 'one'), { checkpoint: 'last' })
  const { data, shape } = await resumed.logits('A ')
  expect(logitsIn(after[3])).toEqual(data.slice(-shape[1]))
  expect(logitsIn(after[3])).not.toEqual(logitsIn(before[3]))
})
