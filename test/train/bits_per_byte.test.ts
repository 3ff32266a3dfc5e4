// Losses in bits per byte, for each tokenizer: of new, resumed and further trained runs, and exact.

import { evaluate, load, train } from '../../lib'
import { readCheckpoint, writeCheckpoint } from '../../lib/checkpoint/checkpoint'
import { splitTokens } from '../../lib/data/split'
import type { TensorState } from '../../lib/model/weights'
import { tokenizerNames } from '../../lib/tokenizer'
import { bytesIn, bytesPerToken } from '../../lib/tokenizer/bits'
import { corpusOf } from '../../lib/tokenizer/span'
import { eventsOf, ofType, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
/** Characters of one to four bytes. The end, which is for validation, has longer ones. */
const text = `${'Q: Wie geht es? Gut! '.repeat(120)}${'A: 很好！ é😀\n'.repeat(24)}`
const options = { ...short, data: { text }, steps: 4, evalInterval: 2, device: 'cpu' as const }

test.each(tokenizerNames)('%s: nats per token / ln 2 / bytes per token of the split', async (tokenizer) => {
  const out = folder.path(tokenizer)
  // A bigram has a table of the vocabulary's square.
  const sizes =
    tokenizer === 'gpt2' ? ({ preset: 'blocks', layers: 1, embed: 8, heads: 2, blockSize: 8 } as const) : {}
  const begun = train({ ...options, ...sizes, tokenizer, exactEvaluation: true, out })
  const events = await eventsOf(begun)
  await using model = await begun
  const { train: first, validation } = splitTokens(model.tokenizer.encode(text), model.config.blockSize)
  // Counted without the tokenizer: bytes of the whole text, and of the text of a split.
  const whole = Buffer.byteLength(text)
  expect(bytesIn(model.tokenizer, first) + bytesIn(model.tokenizer, validation)).toBe(whole)
  const { data } = ofType(events, 'start')[0].plan
  if (tokenizer === 'char') {
    const bytes = Buffer.byteLength(model.tokenizer.decode(validation.subarray(1)))
    expect(data.bytesPerToken.validation).toBe(bytes / (validation.length - 1))
    expect(data.bytesPerToken.validation).toBeGreaterThan(1.3)
    expect(data.bytesPerToken.train).toBeLessThan(1.1)
  }
  if (tokenizer === 'byte') expect(data.bytesPerToken).toEqual({ train: 1, validation: 1 })
  for (const event of ofType(events, 'evaluation')) {
    const { train: ofTrain, validation: ofValidation } = data.bytesPerToken
    expect(event.trainBitsPerByte).toBeCloseTo(Math.log2(Math.exp(event.trainLoss)) / ofTrain, 9)
    expect(event.valBitsPerByte).toBeCloseTo(Math.log2(Math.exp(event.valLoss)) / ofValidation, 9)
    // Total nats / ln 2 / total bytes of the targets.
    const nats = event.exactValLoss! * (validation.length - 1)
    const bytes = bytesIn(model.tokenizer, validation.subarray(1))
    expect(event.exactValBitsPerByte).toBeCloseTo(nats / Math.LN2 / bytes, 9)
  }
  for (const { tokensPerSecond, bytesPerSecond } of ofType(events, 'step'))
    expect(bytesPerSecond / tokensPerSecond).toBeCloseTo(data.bytesPerToken.train, 9)

  const best = ofType(events, 'evaluation').findLast((event) => event.best)!
  const { valLoss, valBitsPerByte, ...exact } = await evaluate({ model: out, data: { text }, device: 'cpu' })
  expect([valLoss, valBitsPerByte]).toEqual([best.exactValLoss, best.exactValBitsPerByte])
  expect(exact).toMatchObject({ tokenizer, bytesPerToken: data.bytesPerToken.validation })
  expect(exact.best).toEqual({ step: best.step, valLoss, valBitsPerByte })
})

test('resumed runs, also of older checkpoints, and runs from the weights of another', async () => {
  const out = folder.path('resumed')
  await (await train({ ...options, tokenizer: 'bpe', vocabSize: 280, out })).dispose()
  await using model = await load(out, { checkpoint: 'last', device: 'cpu' })
  const { best, ...info } = model.info as { best: NonNullable<typeof model.info.best> }
  const { valBitsPerByte, ...older } = best
  expect((await readCheckpoint(out, 'last')).info.best).toEqual(best)
  const path = folder.path('older.safetensors')
  const { tensors } = await readCheckpoint(out, 'last')
  await writeCheckpoint(
    path,
    { ...info, best: older } as typeof model.info,
    [...tensors.values()] as TensorState[],
  )
  expect((await readCheckpoint(path)).info.best).toEqual(older)

  await using resumed = await train({ resume: path, data: { text }, device: 'cpu' })
  expect(resumed.info.best).toEqual(best)

  const other = { text: 'abc '.repeat(300) }
  const events = await eventsOf(train({ from: out, data: other, steps: 1, device: 'cpu' }))
  const { validation } = splitTokens(model.tokenizer.encode(other.text), model.config.blockSize)
  const [start] = ofType(events, 'start')
  expect(start.plan.data.bytesPerToken.validation).toBe(
    await bytesPerToken(model.tokenizer, corpusOf(validation)),
  )
})
