// Memory by arithmetic: the estimate has the same parameter count as the built model, and allocates
// nothing of the model's size.

import type { TrainOptions } from '../../lib'
import { createModel } from '../../lib/architectures/create'
import { sizeOf } from '../../lib/graph/dtype'
import type { ModelConfig } from '../../lib/model/config'
import { presetNames } from '../../lib/presets'
import { memoryOf, parametersOf, refuseTooLarge } from '../../lib/train/memory'
import { checkTrainOptions, resolveNew } from '../../lib/train/resolve'

function planned(options: TrainOptions) {
  const given = checkTrainOptions(options)
  const { model, training } = resolveNew(given)
  return { given, training, config: { ...model, vocabSize: 65 } as ModelConfig }
}

test.each(presetNames)('the parameter count of %s', (preset) => {
  const { config } = planned({ preset })
  for (const layers of [1, 3, 4]) {
    const { parameters } = createModel({ ...config, layers })
    const counted = parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    expect(parametersOf({ ...config, layers })).toBe(counted)
  }
})

test('stage 09: the bytes of weights and moments, and a plausible total', () => {
  const { config, training } = planned({ preset: 'decoder' })
  const memory = memoryOf(config, training, 1_115_394)
  expect(memory.weights).toBe(4 * 10_788_929)
  expect(memory.optimizer).toBe(2 * memory.weights)
  // The estimate is a lower bound. The whole process was measured at 2.27 GB.
  expect(memory.total).toBeGreaterThan(1.2e9)
  expect(memory.total).toBeLessThan(2.4e9)
})

describe('a run that is too large is rejected; the error names the option and a value that fits', () => {
  const gigabytes = 24e9
  const cases: [options: TrainOptions, option: string][] = [
    [{ batchSize: 1_000_000_000 }, 'batchSize'],
    [{ embed: 100_000, heads: 4 }, 'embed'],
    [{ blockSize: 2 ** 30 }, 'blockSize'],
    [{ preset: 'decoder', layers: 1000, embed: 6144, batchSize: 1 }, 'layers'],
  ]
  test.each(cases)('%j', (options, option) => {
    const { given, config, training } = planned(options)
    const begun = performance.now()
    let error: { option?: string; message?: string } = {}
    try {
      refuseTooLarge(given, config, training, 1e6, gigabytes)
    } catch (caught) {
      error = caught as never
    }
    expect(error).toMatchObject({
      code: 'out_of_memory',
      option,
      value: options[option as keyof TrainOptions],
    })
    expect(error.message).toMatch(
      /needs at least [\d.]+ [kMGTPE]?B of memory, but this machine has 24\.0 GB\. /,
    )
    // Nothing of that size is built, so the check is fast.
    expect(performance.now() - begun).toBeLessThan(60_000)
    const fits = /: (\d+)`? would fit/.exec(error.message!)
    if (!fits) return
    const smaller = planned({ ...options, [option]: Number(fits[1]) })
    expect(() =>
      refuseTooLarge(smaller.given, smaller.config, smaller.training, 1e6, gigabytes),
    ).not.toThrow()
  })

  test('if nothing was given, and a batch of one does not fit, it is the block size', () => {
    const { config, training } = planned({ preset: 'decoder', blockSize: 8192, batchSize: 1 })
    expect(() => refuseTooLarge({}, config, training, 1e6, 2 ** 30)).toThrow(
      /^train: blockSize is 8192: .*, `blockSize: \d+` would fit$/,
    )
  })

  test('a run that fits is accepted', () => {
    const { given, config, training } = planned({ preset: 'decoder' })
    expect(() => refuseTooLarge(given, config, training, 1e6, gigabytes)).not.toThrow()
  })
})
