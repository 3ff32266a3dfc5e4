// A model can be disposed at any time: work in progress ends with an error, and nothing else is
// affected. The ends of processes and threads are in test/train/workers.test.ts.

import { existsSync, readdirSync } from 'node:fs'
import type { Model } from '../../lib/api/model'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { NanoGptError } from '../../lib/errors'
import { train } from '../../lib/train/train'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { decoder, eventsOf, lossesOf, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const turn = () => new Promise((resolve) => setImmediate(resolve))
const ends = ['disposed', 'cancelled']

async function drain(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pieces);
}

onEveryDevice('dispose()', ({ name: device }) => {
  const newModel = () => train({ ...decoder, device, steps: 1 })

  test.each<[string, (model: Model) => Promise<unknown>]>([
    ['generate()', (model) => model.generate({ maxTokens: 100_000 })],
    ['complete()', (model) => model.complete({ maxTokens: 100_000, n: 3 })],
    ['stream()', (model) => drain(model.stream({ maxTokens: 100_000 }))],
    ['streamAll()', (model) => drain(model.streamAll({ maxTokens: 100_000, n: 3 }))],
    ['loss()', (model) => model.loss(someText(30_000, 'long'))],
  ])('during %s: that fails, and so does every later call', async (_, work) => {
    for (const turns of [0, 3]) {
      const model = await newModel()
      const failing = failureOf(() => work(model))
      for (let i = 0; i < turns; i++) await turn()
      await model.dispose()
      expect(ends).toContain((await failing).code)
      expect((await failureOf(() => model.generate())).code).toBe('disposed')
    }
  })

  test('during parameters() and save(): they succeed or fail, and no part of a file remains', async () => {
    for (let turns = 0; turns < 12; turns += 2) {
      const model = await newModel()
      const path = folder.path(device, `${turns}`, 'model.safetensors')
      const settled = Promise.allSettled([model.parameters(), model.save(path)])
      for (let i = 0; i < turns; i++) await turn()
      await model.dispose()
      const [parameters, saved] = await settled
      for (const result of [parameters, saved]) {
        if (result.status === 'fulfilled') continue
        expect(result.reason).toBeInstanceOf(NanoGptError)
        expect(ends).toContain(result.reason.code)
      }
      if (saved.status === 'fulfilled') await readCheckpoint(path)
      else expect(existsSync(folder.path(device, `${turns}`))).toBe(false)
      if (existsSync(path)) {
        expect(readdirSync(folder.path(device, `${turns}`))).toEqual(['model.safetensors'])
      }
    }
  })

  test('twice at once, and at the end of a block that still generates', async () => {
    const model = await newModel()
    await Promise.all([model.dispose(), model.dispose()])
    let failing: Promise<NanoGptError> | undefined
    {
      await using another = await newModel()
      failing = failureOf(() => another.generate({ maxTokens: 100_000 }))
      await turn()
    }
    expect(ends).toContain((await failing).code)
  })

  test('between the steps of another run does not affect it', async () => {
    const options = { ...decoder, device, steps: 20 }
    const expected = lossesOf(await eventsOf(train(options)))
    const models = await Promise.all([newModel(), newModel(), newModel()])
    const run = train(options)
    const reading = eventsOf(run)
    for (const model of models) {
      const failing = failureOf(() => model.generate({ maxTokens: 100_000 }))
      await turn()
      await model.dispose()
      await failing
    }
    expect(lossesOf(await reading)).toEqual(expected)
    await (await run).dispose()
  })
})
