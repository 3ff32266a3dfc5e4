// The exact loss over the whole validation split, during training and of a trained model.

import { copyFile } from 'node:fs/promises'
import { evaluate, load, train } from '../../lib'
import { splitTokens } from '../../lib/data/split'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { decoder, eventsOf, ofType, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const data = { text: someText() }

onEveryDevice('the exact loss', ({ name: device }) => {
  const out = () => folder.path(device)
  const options = { ...decoder, data, device, steps: 12, evalInterval: 4, exactEvaluation: true }

  test('is reported beside the estimate in every evaluation, and determines the best one', async () => {
    const run = train({ ...options, out: out() })
    const evaluations = ofType(await eventsOf(run), 'evaluation')
    await (await run).dispose()
    expect(evaluations.map(({ step }) => step)).toEqual([0, 4, 8, 12])
    let lowest = Infinity
    for (const { valLoss, exactValLoss, best } of evaluations) {
      expect(exactValLoss).toBeGreaterThan(0)
      // The estimate covers only two batches of three windows.
      expect(exactValLoss).not.toBe(valLoss)
      expect(Math.abs(exactValLoss! - valLoss)).toBeLessThan(0.5)
      expect(best).toBe(exactValLoss! < lowest)
      lowest = Math.min(lowest, exactValLoss!)
    }
    await using model = await load(out(), { device })
    expect(model.info.best!.valLoss).toBe(lowest)
  })

  test('of a checkpoint equals the loss in training, to the bit, each time', async () => {
    const found = await evaluate({ model: out(), data, device })
    expect(found).toEqual(await evaluate({ model: out(), data, device }))
    await using model = await load(out(), { device })
    expect(found.valLoss).toBe(model.info.best!.valLoss)
    expect(found).toMatchObject({ step: model.info.step, device, blockSize: 11, best: model.info.best })
    const { validation } = splitTokens(model.tokenizer.encode(data.text), 11)
    expect(found.validationTokens).toBe(validation.length)
    expect(await model.loss(validation)).toBe(found.valLoss)
    expect(await model.loss(model.tokenizer.decode(validation))).toBe(found.valLoss)
  })

  test('is the mean over non-overlapping windows', async () => {
    await using model = await load(out(), { device })
    const { validation } = splitTokens(model.tokenizer.encode(data.text), 11)
    let sum = 0
    for (let from = 0; from + 1 < validation.length; from += 11) {
      const window = validation.subarray(from, from + 12)
      sum += (await model.loss(window)) * (window.length - 1)
    }
    const { valLoss } = await evaluate({ model: out(), data, device })
    expect(valLoss).toBeCloseTo(sum / (validation.length - 1), 5)
  })

  test('does not affect the training', async () => {
    const losses = async (exactEvaluation: boolean) => {
      const run = train({ ...options, exactEvaluation })
      const events = await eventsOf(run)
      await (await run).dispose()
      expect(ofType(events, 'evaluation')[0].exactValLoss === undefined).toBe(!exactEvaluation)
      return ofType(events, 'evaluation').map(({ valLoss }) => valLoss)
    }
    expect(await losses(false)).toEqual(await losses(true))
  })

  test('stop() ends a run with exact evaluations', async () => {
    const run = train({ ...options, steps: 1000, evalInterval: 1 })
    for await (const event of run) if (event.type === 'evaluation' && event.step >= 2) run.stop()
    const model = await run
    expect(model.info.step).toBeLessThan(1000)
    await model.dispose()
  })

  test('evaluate() reports missing and invalid input', async () => {
    // The run folder contains the text that was given as a string. A single checkpoint does not.
    expect((await evaluate({ model: out(), device })).valLoss).toBeGreaterThan(0)
    await copyFile(`${out()}/last.safetensors`, folder.path(`${device}-alone.safetensors`))
    expect(
      (await failureOf(() => evaluate({ model: folder.path(`${device}-alone.safetensors`), device }))).code,
    ).toBe('data_not_found')
    expect((await failureOf(() => evaluate({ device } as never))).message).toMatch(
      /^evaluate: model is missing/,
    )
    expect((await failureOf(() => evaluate({ model: folder.path('none'), device }))).code).toBe(
      'file_not_found',
    )
    const short = await failureOf(() => evaluate({ model: out(), data: { text: 'The cat' }, device }))
    expect(short.code).toBe('data_too_short')
    expect(
      (await failureOf(() => evaluate({ model: out(), data: { text: 'Ä'.repeat(300) }, device }))).code,
    ).toBe('unknown_character')
    const aborted = evaluate({ model: out(), data, device, signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  })
})
