// Training on a text that stays in a file gives the same bits as on one in memory.

import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate, type TrainOptions, train } from '../../lib'
import { limits } from '../../lib/data/read'
import { eventsOf, ofType, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const usual = { ...limits }
const { NANO_GPT_CACHE } = process.env
beforeAll(() => {
  process.env.NANO_GPT_CACHE = folder.path('cache')
})
afterEach(() => Object.assign(limits, usual))
afterAll(() => {
  if (NANO_GPT_CACHE === undefined) delete process.env.NANO_GPT_CACHE
  else process.env.NANO_GPT_CACHE = NANO_GPT_CACHE
})

const text = 'Der Mond ist aufgegangen, die goldnen Sternlein prangen — 很好!\r\n'.repeat(60)
const options: TrainOptions = {
  ...short,
  preset: 'blocks',
  ...{ layers: 1, embed: 8, heads: 2, blockSize: 8 },
  ...{ steps: 6, evalInterval: 3, exactEvaluation: true, device: 'cpu' as const },
}

const asLarge = () => Object.assign(limits, { inMemory: 0, perRead: 100 })

async function run(given: TrainOptions) {
  const running = train(given)
  const events = await eventsOf(running)
  await using model = await running
  const weights = await model.parameters()
  const losses = ofType(events, 'evaluation').map(({ seconds: _, ...losses }) => losses)
  return {
    weights,
    losses,
    steps: ofType(events, 'step').flatMap((event) => event.losses),
    data: model.info.data,
  }
}

test.each(['char', 'byte', 'bpe', 'gpt2'])(
  '%s: the same losses and weights, also after a stop',
  async (tokenizer) => {
    const path = folder.path(`${tokenizer}.txt`)
    writeFileSync(path, text)
    const more = { data: path, tokenizer, ...(tokenizer === 'bpe' && { vocabSize: 300 }) }
    const inMemory = await run({ ...options, ...more })
    asLarge()
    const out = folder.path(tokenizer)
    expect(await run({ ...options, ...more, out })).toEqual(inMemory)
    // The weights are those of the end, and the text is read from its file again.
    const { best, ...measured } = await evaluate({ model: out, device: 'cpu' })
    Object.assign(limits, usual)
    expect({ best, ...measured }).toEqual(await evaluate({ model: out, device: 'cpu' }))

    asLarge()
    const stopped = folder.path(`${tokenizer}-stopped`)
    await (await train({ ...options, ...more, out: stopped, steps: 3 })).dispose()
    const resumed = await run({ resume: stopped, steps: 6 })
    expect(resumed.weights).toEqual(inMemory.weights)
  },
)

test('a resumed run whose text has changed is refused', async () => {
  asLarge()
  const path = folder.path('changed.txt')
  writeFileSync(path, text)
  const out = folder.path('changed')
  await (await train({ ...options, data: path, out, steps: 3 })).dispose()
  writeFileSync(path, `${text}!`)
  await expect(train({ resume: out, steps: 6 }).finished).rejects.toMatchObject({ code: 'data' })
})

test('inline text has a copy in the run folder, which a resumed run reads', async () => {
  asLarge()
  const out = folder.path('inline')
  await (await train({ ...options, data: { text }, out, steps: 3 })).dispose()
  expect(readFileSync(join(out, 'text.txt'), 'utf8')).toBe(text.replaceAll('\r\n', '\n'))
  await (await train({ resume: out, steps: 6 })).dispose()
})

test('separators and fields are recorded, and config.json repeats them', async () => {
  const path = folder.path('faq.jsonl')
  writeFileSync(path, `${'{"question":"Wie geht es?","answer":"Gut!"}\n'.repeat(60)}`)
  const out = folder.path('faq')
  const first = await run({ ...options, data: path, field: 'answer', separator: ' / ', out })
  expect(first.data).toMatchObject({ field: 'answer', separator: ' / ' })
  expect((await run({ config: out, out: folder.path('again') })).weights).toEqual(first.weights)
  await (await train({ resume: out, steps: 8 })).dispose()
})

test('a file of tokens that becomes shorter ends the run with an error', async () => {
  asLarge()
  const path = folder.path('shorter.txt')
  writeFileSync(path, text)
  const before = new Set(readdirSync(folder.path('cache/tokens')))
  const running = train({ ...options, data: path, steps: 1_000_000, tokenizer: 'bpe', vocabSize: 299 })
  for await (const { type } of running) {
    if (type !== 'step') continue
    const [made] = readdirSync(folder.path('cache/tokens')).filter((name) => !before.has(name))
    truncateSync(folder.path(join('cache/tokens', made)), 10)
    break
  }
  await expect(running.finished).rejects.toMatchObject({ code: 'read_failed' })
})

test('stop() ends the reading of a large text, and waits for that of a short one', async () => {
  const path = folder.path('stopped.txt')
  writeFileSync(path, text)
  const short = train({ ...options, data: path })
  short.stop()
  await using model = await short
  expect(model.info.step).toBe(0)
  asLarge()
  const large = train({ ...options, data: path })
  large.stop()
  await expect(large.finished).rejects.toMatchObject({ name: 'AbortError' })
})
