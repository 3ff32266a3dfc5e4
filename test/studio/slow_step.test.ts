// One step on the page, and the passages of the guessing game: what the server answers.

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { load, type Model } from '../../lib/api/model'
import { splitTokens } from '../../lib/data/split'
import { train } from '../../lib/train/train'
import { decoder, temporaryFolder } from '../support/runs'
import { type Client, studioIn } from './client'

const folder = temporaryFolder()
let client: Client & { reports: string[] }
let model: Model
beforeAll(async () => {
  const out = folder.path('runs', 'one')
  await (await train({ ...decoder, steps: 60, evalInterval: 30, out })).dispose()
  await (
    await train({
      ...decoder,
      steps: 5,
      tokenizer: 'bpe',
      vocabSize: 300,
      out: folder.path('runs', 'tokens'),
    })
  ).dispose()
  cpSync(out, folder.path('runs', 'gone'), { recursive: true })
  rmSync(folder.path('runs', 'gone', 'text.txt'))
  cpSync(out, folder.path('runs', 'changed'), { recursive: true })
  writeFileSync(folder.path('runs', 'changed', 'text.txt'), 'Something else.\n'.repeat(200))
  model = await load(out, { checkpoint: 'last' })
  client = await studioIn(folder.path('runs'))
})
afterAll(async () => {
  await model.dispose()
  await client.studio.close()
  expect(client.reports).toEqual([])
})

async function answer(path: string, body: object = {}) {
  const { status, body: result } = await client.post(path, { id: 'one', ...body })
  expect([status, result.error]).toEqual([200, undefined])
  return result
}

describe('one step', () => {
  test('the weight with the largest gradient, unless one is chosen', async () => {
    const step = await answer('/api/step')
    const text = step.tokens.map(({ text }: { text: string }) => text).join('')
    const gradients = await model.gradients(text)
    let most = 0
    for (const { data } of gradients.values()) for (const each of data) most = Math.max(most, Math.abs(each))
    expect(Math.abs(step.weight.gradient)).toBeCloseTo(most, 6)
    expect(step.parameters.map(({ path }: { path: string }) => path)).toEqual([...gradients.keys()])
    const losses = step.tokens.map(({ loss }: { loss: number | null }) => loss)
    expect(losses).toEqual([null, ...(await model.tokenLosses(text))])
    expect(readFileSync(folder.path('runs', 'one', 'text.txt'), 'utf8')).toContain(text)
    const chosen = await answer('/api/step', { path: 'blocks.1.attention.query.weight', index: 7, zoom: 10 })
    expect(chosen.weight).toMatchObject({ path: 'blocks.1.attention.query.weight', index: 7 })
    expect(chosen.token).toBeNull()
    expect(chosen.loss).toBe(step.loss)
  })

  test('the row of a table of tokens is named', async () => {
    const { data } = await model.embeddings()
    const width = data.length / model.tokenizer.vocabSize
    const step = await answer('/api/step', { path: 'tokenEmbedding.weight', index: 3 * width + 1 })
    expect(step.token).toBe(model.tokenizer.decode([3]))
  })

  test('a new checkpoint is seen', async () => {
    const before = await answer('/api/step', { id: 'tokens' })
    await (await train({ resume: folder.path('runs', 'tokens'), steps: 8 })).dispose()
    const after = await answer('/api/step', { id: 'tokens' })
    expect([before.step, after.step]).toEqual([5, 8])
  })
})

describe('a passage', () => {
  const textOf = ({ beginning, characters }: { beginning: string; characters: { text: string }[] }) =>
    beginning + characters.map(({ text }) => text).join('')

  test.each([0, 1, 2, 77, 2 ** 40])('of text that the model has not seen: seed %d', async (seed) => {
    const passage = await answer('/api/passage', { seed })
    const text = readFileSync(folder.path('runs', 'one', 'text.txt'), 'utf8')
    const { validation } = splitTokens(model.tokenizer.encode(text), model.config.blockSize)
    expect(model.tokenizer.decode(validation)).toContain(textOf(passage))
    expect(passage.characters.length).toBeGreaterThanOrEqual(10)
    expect(await answer('/api/passage', { seed })).toEqual(passage)
  })

  test('other seeds give other passages', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 8; seed++) seen.add(textOf(await answer('/api/passage', { seed })))
    expect(seen.size).toBeGreaterThan(5)
  })

  test('the chances are those of the model, which sees what fits in its context', async () => {
    const passage = await answer('/api/passage', { seed: 5 })
    const tokens = model.tokenizer.encode(textOf(passage))
    const first = Array.from(passage.beginning).length
    const { blockSize } = model.config
    for (const [i, { chance, best }] of passage.characters.entries()) {
      const seen = tokens.slice(Math.max(0, first + i - blockSize), first + i)
      const { data, shape } = await model.logits(seen)
      const logits = Array.from(data.slice(-shape[1]))
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0)
      expect(chance).toBeCloseTo(Math.exp(logits[tokens[first + i]]) / sum, 6)
      expect(best).toBe(model.tokenizer.decode([logits.indexOf(Math.max(...logits))]))
    }
  })

  test('the shares are those of the text to train on', async () => {
    const { shares } = await answer('/api/passage', { seed: 1 })
    const text = readFileSync(folder.path('runs', 'one', 'text.txt'), 'utf8')
    const { train: seen } = splitTokens(model.tokenizer.encode(text), model.config.blockSize)
    const characters = Array.from(model.tokenizer.decode(seen))
    expect(Object.keys(shares).length).toBe(model.tokenizer.vocabSize)
    const total = characters.length + model.tokenizer.vocabSize
    for (const [character, share] of Object.entries(shares))
      expect(share).toBeCloseTo((characters.filter((each) => each === character).length + 1) / total, 9)
  })
})

const passageOf = '/api/passage'
test.each([
  ['/api/step', { path: 'nothing' }, 400, 'no such weight'],
  ['/api/step', { path: 'head.bias', index: 1e9 }, 422, 'has the elements 0 to'],
  ['/api/step', { zoom: 3 }, 400, 'zoom'],
  ['/api/step', { id: 'gone' }, 422, 'the text of this run is gone: its file is no longer there'],
  ['/api/step', { id: 'changed' }, 422, 'the text of this run is gone: it has changed since'],
  [passageOf, { id: 'gone', seed: 1 }, 422, 'the text of this run is gone'],
  [passageOf, { id: 'changed', seed: 1 }, 422, 'changed since'],
  [passageOf, { id: 'tokens', seed: 1 }, 409, 'this model reads pieces of words'],
  [passageOf, { seed: -1 }, 400, 'whole number'],
  [passageOf, {}, 400, 'whole number'],
  [passageOf, { id: 'missing', seed: 1 }, 404, 'not in the folder'],
])('an error: %s %j', async (path, body, status, words) => {
  const answered = await client.post(path, { id: 'one', ...body })
  expect([answered.status, answered.body.error.message]).toEqual([status, expect.stringContaining(words)])
})
