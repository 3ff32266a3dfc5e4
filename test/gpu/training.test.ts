// Whole runs on a GPU: the reference's losses, the same bits when resumed, the same text.

import { load } from '../../lib/api/model'
import { devices } from '../../lib/backend/devices'
import type { TrainOptions } from '../../lib/options'
import { train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { decoder, eventsOf, lossesOf, ofType, parametersOf, temporaryFolder } from '../support/runs'
import { device } from './device'

const folder = temporaryFolder()

interface Case {
  readonly name: string
  readonly options: TrainOptions
  /**
   * The relative difference from the reference's losses that is allowed. In tf32 a difference in
   * the last place of f32 may move an operand to the other side of a tie. In bf16 attention also
   * rounds its weights, which the reference doesn't, and the next step amplifies the difference.
   * The cases of single ops and gradients have tight bounds (test/support).
   */
  readonly within: number
}

const ten: TrainOptions = { ...decoder, steps: 10, evalInterval: 5 }

const gpt: TrainOptions = {
  ...ten,
  preset: 'gpt',
  positions: 'rope',
  activation: 'swiglu',
  norm: 'rms',
  qkNorm: true,
  embed: 24,
  heads: 4,
  kvHeads: 2,
  bias: false,
  tiedEmbeddings: true,
  optimizer: 'muon',
  schedule: 'wsd',
  warmup: 2,
  emaDecay: 0.5,
  gradientClip: 0.3,
}

const cases: readonly Case[] = [
  { name: 'decoder with dropout', options: ten, within: 1e-5 },
  { name: 'decoder in tf32', options: { ...ten, precision: 'tf32' }, within: 1e-5 },
  { name: 'decoder in bf16', options: { ...ten, precision: 'bf16' }, within: 3e-4 },
  {
    name: 'gpt with RoPE, SwiGLU, RMS norm, grouped heads, Muon, an average and a schedule',
    options: gpt,
    within: 1e-5,
  },
  { name: 'the same in bf16', options: { ...gpt, precision: 'bf16' }, within: 1e-3 },
]

test('the module and a GPU are available', () => {
  const found = devices().find(({ name }) => name === device)
  expect(found).toMatchObject({ available: true, present: true })
})

describe.each(cases)('$name', ({ name, options, within }) => {
  const out = () => folder.path(name)

  async function whole(more: TrainOptions) {
    const run = train(more)
    const events = await eventsOf(run)
    await using model = await run
    const evaluations = ofType(events, 'evaluation').flatMap(({ trainLoss, valLoss }) => [trainLoss, valLoss])
    return { losses: lossesOf(events), evaluations, weights: await parametersOf(model), device: model.device }
  }

  let uninterrupted: Awaited<ReturnType<typeof whole>>

  beforeAll(async () => {
    uninterrupted = await whole({ ...options, device, out: out() })
  })

  test('ten steps and three evaluations match plain TypeScript', async () => {
    const reference = await whole({ ...options, device: 'js' })
    expect([uninterrupted.device, reference.device]).toEqual([device, 'js'])
    expect(reference.losses).toHaveLength(10)
    expectClose(uninterrupted.losses, reference.losses, within)
    expect(reference.evaluations).toHaveLength(6)
    expectClose(uninterrupted.evaluations, reference.evaluations, within)
  })

  test('resuming after four steps gives the same bits', async () => {
    const parts = folder.path(`${name} in parts`)
    const first = await whole({ ...options, device, steps: 4, out: parts })
    const second = await whole({ device, data: options.data, resume: parts, steps: 10 })
    expect([...first.losses, ...second.losses]).toEqual(uninterrupted.losses)
    expectSameBits(second.weights, uninterrupted.weights)
  })

  test('generates the same text as other devices', async () => {
    const texts = new Set<string>()
    for (const where of [device, 'js']) {
      await using model = await load(out(), { device: where as 'js', checkpoint: 'last' })
      texts.add(await model.generate({ prompt: 'The cat', maxTokens: 12, temperature: 0 }))
    }
    expect(texts.size).toBe(1)
  })
})

function expectClose(actual: readonly number[], expected: readonly number[], within: number): void {
  const errors = expected.map((value, i) => Math.abs(actual[i] - value) / value)
  expect(actual).toHaveLength(expected.length)
  expect(errors.every((error) => error <= within) ? [] : errors).toEqual([])
}
