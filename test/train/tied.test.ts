// Tied embeddings get initial weights that suit both the embedding and the head.

import { checkTrainOptions, resolveNew } from '../../lib/train/resolve'
import { train } from '../../lib/train/train'
import { eventsOf, ofType } from '../support/runs'
import { someText } from '../support/text'

const initialOf = (options: object) => resolveNew(checkTrainOptions(options)).model

test('`init` follows tiedEmbeddings unless the call or the preset sets it', () => {
  expect(initialOf({ preset: 'gpt', tiedEmbeddings: true })).toMatchObject({ init: 'gpt2' })
  expect(initialOf({ preset: 'decoder', tiedEmbeddings: true })).toMatchObject({ init: 'gpt2' })
  expect(initialOf({ preset: 'gpt', tiedEmbeddings: true, init: 'torch' })).toMatchObject({
    init: 'torch',
  })
  expect(initialOf({ preset: 'gpt', tiedEmbeddings: false })).toMatchObject({ init: 'torch' })
  expect(initialOf({ preset: 'speedrun', tiedEmbeddings: true })).toMatchObject({ init: 'zero-residual' })
})

test('the initial loss is near ln V', async () => {
  const sizes = { preset: 'gpt', embed: 64, heads: 4, layers: 2, blockSize: 16, batchSize: 4 } as const
  const run = train({
    ...sizes,
    tiedEmbeddings: true,
    data: { text: someText() },
    steps: 1,
    evalBatches: 2,
    device: 'js',
  })
  const [first] = ofType(await eventsOf(run), 'evaluation')
  const model = await run
  expect(first.valLoss).toBeLessThan(Math.log(model.config.vocabSize) + 0.3)
  await model.dispose()
})
