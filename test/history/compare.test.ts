// Comparisons of runs.

import fc from 'fast-check'
import { compareRuns } from '../../lib/history/compare'
import type { EvaluationRecord, RunRecord } from '../../lib/history/types'

interface Made {
  readonly steps?: number
  readonly secondsPerStep?: number
  readonly evalInterval?: number
  readonly digest?: string
  readonly bytesPerToken?: number
  readonly options?: Readonly<Record<string, unknown>>
}

/** A run whose training loss at step s is s, and whose validation loss is −s. */
function made({
  steps = 100,
  secondsPerStep = 1,
  evalInterval = 10,
  digest = 'a',
  bytesPerToken = 2,
  options = {},
}: Made): RunRecord {
  const evaluations = Array.from(
    { length: Math.floor(steps / evalInterval) + 1 },
    (_, i): EvaluationRecord => ({
      step: i * evalInterval,
      trainLoss: 0,
      valLoss: -i * evalInterval,
      trainBitsPerByte: 0,
      valBitsPerByte: (-i * evalInterval) / 2,
      best: true,
      seconds: i * evalInterval * secondsPerStep,
    }),
  )
  const record = (from: number) => ({
    from,
    to: from + 1,
    loss: from,
    learningRate: 1,
    gradientNorm: 1,
    tokensPerSecond: 1,
    seconds: (from + 1) * secondsPerStep,
  })
  return {
    folder: 'run',
    state: 'finished',
    step: steps,
    steps,
    parameters: 1,
    options: { tokenizer: 'char', data: 'x', ...options } as RunRecord['options'],
    tokenizer: String(options.tokenizer ?? 'char'),
    model: { kind: 'bigram', vocabSize: 2 } as RunRecord['model'],
    data: {
      name: 'x',
      digest,
      source: 'x',
      lineEndings: 'normalize',
      trainTokens: 1,
      validationTokens: 1,
      bytesPerToken: { train: bytesPerToken, validation: bytesPerToken },
    },
    tokensPerStep: 1,
    bestValLoss: null,
    started: '',
    updated: '',
    history: {
      steps: Array.from({ length: steps }, (_, i) => record(i)),
      evaluations,
      samples: [],
      checkpoints: [],
      sessions: [],
      warnings: [],
    },
    notices: [],
  }
}

test('at equal steps: those of evaluations that all runs have', () => {
  const { steps, unit } = compareRuns([made({ steps: 60, evalInterval: 20 }), made({ evalInterval: 30 })])
  expect(unit).toBe('nats per token')
  // Only step 60 is common, so the steps are spread evenly.
  expect(steps.map(({ step }) => step)).toEqual([12, 24, 36, 48, 60])
  expect(steps.map(({ losses }) => losses.map(({ valLoss }) => valLoss))).toEqual([
    [-0, -0],
    [-20, -0],
    [-20, -30],
    [-40, -30],
    [-60, -60],
  ])
  const common = compareRuns([made({ evalInterval: 20 }), made({ evalInterval: 10 })]).steps
  expect(common.map(({ step }) => step)).toEqual([20, 40, 60, 80, 100])
})

test('a training loss is the mean of the last tenth of the steps before', () => {
  const { steps } = compareRuns([made({}), made({})])
  expect(steps.at(-1)).toMatchObject({ step: 100, losses: [{ trainLoss: 94.5 }, { trainLoss: 94.5 }] })
})

test('at equal times: the faster run has made more steps', () => {
  const { times } = compareRuns([made({}), made({ secondsPerStep: 0.5 })])
  expect(times.map(({ seconds }) => seconds)).toEqual([10, 20, 30, 40, 50])
  expect(times.at(-1)!.losses.map(({ valLoss }) => valLoss)).toEqual([-50, -100])
})

test('runs with other tokens are compared in bits per byte', () => {
  const { unit, steps, best } = compareRuns([made({}), made({ options: { tokenizer: 'byte' } })])
  expect(unit).toBe('bits per byte')
  expect(steps.at(-1)!.losses[0]).toEqual({ trainLoss: 94.5 / Math.LN2 / 2, valLoss: -50 })
  expect(best.map((each) => each?.step)).toEqual([100, 100])
  expect(compareRuns([made({}), made({ digest: 'b' })]).unit).toBe('bits per byte')
  // Two vocabularies of one size and kind.
  expect(compareRuns([made({}), made({ bytesPerToken: 3 })]).unit).toBe('bits per byte')
})

test('a run that starts from the weights of another has its tokens and sizes', () => {
  const fromWeights = made({})
  const { tokenizer: _, preset: __, ...others } = fromWeights.options
  const { unit, options } = compareRuns([
    made({ options: { preset: 'bigram' } }),
    { ...fromWeights, options: { ...others, from: '/runs/first' } },
  ])
  expect(unit).toBe('nats per token')
  // config.json of such a run has neither its kind nor its tokenizer.
  expect(options).toEqual({ from: [undefined, '/runs/first'] })
})

test('only options that differ are listed', () => {
  const { options } = compareRuns([
    made({ options: { steps: 1, seed: 2, bias: false } }),
    made({ options: { steps: 1, seed: 3 } }),
  ])
  expect(options).toEqual({ seed: [2, 3], bias: [false, undefined] })
})

test('any runs can be compared, also ones that have not begun', () => {
  const run = fc.record({
    steps: fc.nat(30),
    secondsPerStep: fc.double({ min: 0, max: 2, noNaN: true }),
    evalInterval: fc.integer({ min: 1, max: 50 }),
    digest: fc.constantFrom('a', 'b'),
  })
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 4 }), (all) => {
      const { steps, times } = compareRuns(all.map(made))
      for (const { losses } of [...steps, ...times]) expect(losses).toHaveLength(all.length)
      const least = Math.min(...all.map((each) => each.steps))
      for (const { step } of steps) expect(step).toBeLessThanOrEqual(least)
      if (least > 0) expect(steps.length).toBeGreaterThan(0)
    }),
  )
})
