// Where the heads look, as the page shows it, and what a model is without some of them: what the library says.

import { load, type Model } from '../../lib/api/model'
import type { Look } from '../../lib/studio/attention'
import { train } from '../../lib/train/train'
import { decoder, short, temporaryFolder } from '../support/runs'
import { type Client, studioIn } from './client'
import { onPage } from './page'

const folder = temporaryFolder()
let client: Client & { reports: string[] }
let model: Model
beforeAll(async () => {
  const out = folder.path('runs', 'one')
  await (await train({ ...decoder, steps: 100, out })).dispose()
  await (await train({ ...short, out: folder.path('runs', 'pairs') })).dispose()
  model = await load(out, { checkpoint: 'last' })
  client = await studioIn(folder.path('runs'))
})
afterAll(async () => {
  await model.dispose()
  await client.studio.close()
  expect(client.reports).toEqual([])
})

async function answer<T = Look>(path: string, body: object): Promise<T> {
  const { status, body: result } = await client.post(path, { id: 'one', ...body })
  expect([status, result.error]).toEqual([200, undefined])
  return result
}

/** The rows of all heads, as the page decodes them: [layers · heads · tokens] rows. */
const rowsOf = (look: Look) =>
  onPage<number[][]>(
    'attention_math.mjs',
    `Array.from({ length: given.layers * given.heads * given.tokens.length }, (_, i) => {
      const T = given.tokens.length
      const head = Math.floor(i / T)
      const weights = page.weightsOf(given)
      return Array.from(weights.row(Math.floor(head / given.heads), head % given.heads, i % T))
    })`,
    look,
  )

const text = 'The cat sat'

test.each([[[]], [[{ layer: 0, head: 1 }]]])(
  'the page has the weights of the library, without %j',
  async (without) => {
    const look = await answer('/api/attention', { text, without })
    const { shape, data } = await model.attention(text, { without })
    expect([look.layers, look.heads, look.tokens.length]).toEqual(shape.slice(0, 3))
    expect(shape).toEqual([2, 3, 11, 11])
    expect(look.tokens.map(({ text }) => text).join('')).toBe(text)
    const rows = rowsOf(look)
    rows.forEach((row, i) => {
      const t = i % 11
      expect(row.length).toBe(t + 1)
      expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5)
      for (const [s, weight] of row.entries())
        expect(Math.abs(weight - data[i * 11 + s])).toBeLessThan(2 / 255)
    })
  },
)

test('the losses with all heads, and without some', async () => {
  const heads = [0, 1].flatMap((layer) => [0, 1, 2].map((head) => ({ layer, head })))
  const loss = await model.loss(text)
  expect(await answer('/api/attention', { text })).toMatchObject({ loss, lossWithout: loss })
  const without = heads.slice(1, 3)
  const lossWithout = await model.loss(text, { without })
  expect(await answer('/api/attention', { text, without })).toMatchObject({ loss, lossWithout })
  expect(lossWithout).not.toBe(loss)
  const each: number[] = []
  for (const head of heads) each.push(await model.loss(text, { without: head }))
  expect(await answer('/api/ablate', { text, heads })).toEqual({ losses: each })
})

test('a text is written without heads', async () => {
  const sampling = { seed: 3, maxTokens: 30, window: 'roll' } as const
  const without = [{ layer: 1, head: 0 }]
  const written = async (more: object) => {
    const { tokens } = await answer('/api/write', { text, ...sampling, ...more })
    return tokens.map(({ text }) => text).join('')
  }
  expect(await written({ without })).toBe(await model.generate({ prompt: text, ...sampling, without }))
  expect(await written({ without })).not.toBe(await written({}))
})

test('of a long text, the beginning that the model can see', async () => {
  const long = 'The cat sat on the mat and saw. '.repeat(20)
  const { loss, tokens, length } = await answer('/api/attention', { text: long })
  expect(tokens.map(({ text }) => text).join('')).toBe(long.slice(0, model.config.blockSize))
  expect(length).toBe(long.length)
  expect(loss).toBe(await model.loss(tokens.map(({ text }) => text).join('')))
})

test('of one token there is no loss', async () => {
  expect(await answer('/api/attention', { text: 'T' })).toMatchObject({ loss: null, lossWithout: null })
})

test('a model without attention has no layers', async () => {
  expect(await answer('/api/attention', { id: 'pairs', text: 'The' })).toMatchObject({
    layers: 0,
    heads: 0,
    weights: '',
  })
})

test.each([
  ['/api/attention', { without: [{ layer: 2, head: 0 }] }, 'option', 'the attention layers 0 to 1, not 2'],
  ['/api/attention', { without: [{ layer: 0, head: 3 }] }, 'option', 'the heads 0 to 2, not 3'],
  ['/api/attention', { without: 'all' }, 'option', '{ layer, head }'],
  ['/api/attention', { id: 'pairs', without: [{ layer: 0, head: 0 }] }, 'option', 'no attention'],
  ['/api/attention', { text: 'é' }, 'unknown_character', 'é'],
  ['/api/attention', { text: 'a'.repeat(20_001) }, 'request', 'too long'],
  ['/api/ablate', { heads: [{ layer: 0, head: 3 }] }, 'option', 'the heads 0 to 2, not 3'],
  ['/api/ablate', { heads: Array(17).fill({ layer: 0, head: 0 }) }, 'request', '16'],
  ['/api/ablate', { text: 'T', heads: [{ layer: 0, head: 0 }] }, 'data_too_short', '2'],
  ['/api/write', { without: [{ layer: 0, head: 3 }] }, 'option', 'the heads 0 to 2, not 3'],
])('an error: %s %#', async (path, body, code, reason) => {
  const { body: answered } = await client.post(path, { id: 'one', text, ...body })
  expect(answered.error.code).toBe(code)
  expect(answered.error.message).toContain(reason)
})

/** A text, and for each token the weights of a head that does one thing. */
const patterns: Record<string, (t: number, tokens: readonly string[]) => number[]> = {
  self: (t) => peak(t, t),
  previous: (t) => peak(t, t - 1),
  first: (t) => peak(t, 0),
  spaces: (t, tokens) => peak(t, tokens.lastIndexOf(' ', t)),
  same: (t, tokens) => peak(t, t === 0 ? 0 : tokens.lastIndexOf(tokens[t], t - 1)),
  after: (t, tokens) => peak(t, t === 0 ? 0 : tokens.lastIndexOf(tokens[t], t - 1) + 1),
  near: (t) => Array.from({ length: t + 1 }, (_, s) => (s > t - 5 ? 51 : 1)),
  even: (t) => Array(t + 1).fill(255),
}
const peak = (t: number, at: number) => Array.from({ length: t + 1 }, (_, s) => (s === at ? 255 : 10))

test.each(Object.keys(patterns))('a head that does one thing is described: %s', (name) => {
  const tokens = Array.from('abc defgh abc defgh abc defgh ')
  const bytes = tokens.flatMap((_, t) => patterns[name](t, tokens))
  const found = onPage<{ name: string; share?: number }>(
    'attention_math.mjs',
    'page.patternOf(page.weightsOf(given), given.tokens, { layer: 0, head: 0 })',
    {
      tokens: tokens.map((text) => ({ id: text.charCodeAt(0), text })),
      layers: 1,
      heads: 1,
      weights: Buffer.from(bytes).toString('base64'),
    },
  )
  expect(found.name).toBe(name)
  if (name !== 'even') expect(found.share).toBeGreaterThan(0.5)
})
