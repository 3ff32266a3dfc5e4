// The same seed gives the same bits, for any number of threads and any division of the steps into
// calls.

import { loadAddon } from '../../lib/backend/native/addon'
import { NativeSession, setThreads } from '../../lib/backend/native/session'
import type { ModelConfig } from '../../lib/model/config'
import { defaultVariants } from '../../lib/nn'
import { seedFrom } from '../../lib/random/philox'
import { train } from '../../lib/train/train'
import { expectSameBits, sameBits } from '../support/bits'
import { onNative } from '../support/devices'
import { prepare, weightsOf } from '../support/models'
import { decoder, eventsOf, lossesOf, parametersOf } from '../support/runs'

/** Odd sizes, and sizes large enough to be divided into many pieces of work. */
const sizes: Record<string, { config: ModelConfig; batchSize: number; steps: number }> = {
  odd: {
    config: { kind: 'decoder', vocabSize: 65, blockSize: 17, embed: 33, heads: 3, layers: 2, dropout: 0.2 },
    batchSize: 3,
    steps: 4,
  },
  larger: {
    config: { kind: 'decoder', vocabSize: 65, blockSize: 65, embed: 132, heads: 6, layers: 1, dropout: 0.1 },
    batchSize: 7,
    steps: 2,
  },
  recipe: {
    config: {
      ...{
        ...defaultVariants({ heads: 6, dropout: 0.1 }),
        kind: 'gpt',
        vocabSize: 65,
        blockSize: 65,
        embed: 132,
        heads: 6,
        kvHeads: 2,
        layers: 1,
        dropout: 0.1,
      },
      ...{
        positions: 'rope',
        norm: 'rms',
        normAffine: true,
        activation: 'swiglu',
        qkNorm: true,
        logitSoftcap: 15,
      },
      ...{
        tiedEmbeddings: true,
        bias: false,
        embeddingNorm: true,
        attentionDropout: 0.1,
        embeddingDropout: 0.1,
      },
      init: 'gpt2',
    },
    batchSize: 7,
    steps: 2,
  },
}

interface How {
  threads?: number
  /** The number of steps in each call. */
  calls?: number[]
  instructionSet?: string
  seed?: number
}

async function trained(size: string, { threads = 2, calls, instructionSet, seed = 1337 }: How = {}) {
  const { config, batchSize, steps } = sizes[size]
  const addon = loadAddon().addon!
  await setThreads(addon, threads)
  expect(addon.info().threads).toBe(threads)
  const session = new NativeSession(addon, { instructionSet })
  const model = await prepare(
    session,
    config,
    { batchSize, gradientAccumulationSteps: 2, gradientClip: 0.5 },
    seedFrom(seed),
  )
  const losses: number[] = []
  const norms: number[] = []
  for (const count of calls ?? [steps]) {
    const result = await model.trainer.steps(losses.length, count)
    losses.push(...result.losses)
    norms.push(...result.gradientNorms)
  }
  const { losses: evaluation } = await model.trainer.evaluate('validation', 0, 2)
  const weights = await weightsOf(model)
  await session.dispose()
  return { numbers: { losses, norms, evaluation, ...weights }, losses }
}

onNative('determinism', () => {
  afterAll(() => setThreads(loadAddon().addon!, 2))

  describe.each(Object.keys(sizes))('%s sizes', (size) => {
    let expected: Awaited<ReturnType<typeof trained>>
    beforeAll(async () => {
      expected = await trained(size, { threads: 1 })
      expect(expected.losses).toHaveLength(sizes[size].steps)
    })

    test.each([1, 2, 3, 7])('%i threads', async (threads) => {
      expectSameBits((await trained(size, { threads })).numbers, expected.numbers)
    })

    test('one step per call', async () => {
      const calls = new Array<number>(sizes[size].steps).fill(1)
      expectSameBits((await trained(size, { calls, threads: 3 })).numbers, expected.numbers)
    })

    test('another seed gives other bits', async () => {
      const { numbers } = await trained(size, { seed: 1338 })
      expect(sameBits(numbers.losses, expected.losses)).toBe(false)
    })

    test.each(loadAddon().addon?.info().instructionSets ?? [])(
      '%s agrees with the default to 1e-5, and with itself to the bit',
      async (instructionSet) => {
        const one = await trained(size, { instructionSet, threads: 2 })
        one.losses.forEach((loss, step) => {
          expect(Math.abs(loss - expected.losses[step])).toBeLessThan(1e-5)
        })
        expectSameBits((await trained(size, { instructionSet, threads: 3 })).numbers, one.numbers)
      },
    )
  })

  test.each([1, 2, 5])('through train(), with %i threads', async (threads) => {
    const run = async (options: typeof decoder) => {
      const training = train({ ...decoder, device: 'cpu', ...options })
      const losses = lossesOf(await eventsOf(training))
      await using model = await training
      return { losses, ...(await parametersOf(model)) }
    }
    expectSameBits(await run({ threads }), await run({ threads: 1, evalInterval: 3 }))
  })
})
