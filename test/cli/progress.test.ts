// Events printed as lines, without a terminal.

import { Progress } from '../../lib/cli/progress'
import { option, say } from '../../lib/errors'
import type { EvaluationEvent, StartEvent, TrainEvent } from '../../lib/train/events'
import type { Plan } from '../../lib/train/plan'
import { training } from '../support/models'

const model = {
  kind: 'bigram',
  vocabSize: 65,
  blockSize: 8,
  embed: 32,
  heads: 1,
  layers: 1,
  dropout: 0,
} as const
const planned: Plan = {
  begins: 'new',
  checkpoint: null,
  step: 0,
  model,
  parameters: 4225,
  trainedParameters: 4225,
  base: null,
  tokenizer: 'char',
  training: {
    ...training,
    steps: 3000,
    batchSize: 32,
    learningRate: 0.01,
    evalInterval: 1000,
    evalBatches: 20,
  } as Plan['training'],
  seed: 1337,
  data: {
    name: 'text',
    digest: '',
    source: null,
    lineEndings: 'normalize',
    trainTokens: 900,
    validationTokens: 100,
    bytesPerToken: { train: 1, validation: 1 },
  },
  device: 'js',
  threads: null,
  instructionSet: null,
  out: null,
  stepsPerCall: null,
}

const start: StartEvent = {
  type: 'start',
  device: 'js',
  parameters: 4225,
  step: 0,
  steps: 3000,
  options: {},
  config: { model, training: planned.training, seed: '1337', data: planned.data },
  plan: planned,
  trainTokens: 900,
  validationTokens: 100,
}

const evaluation = (step: number, valLoss: number, best: boolean): EvaluationEvent => ({
  type: 'evaluation',
  step,
  trainLoss: valLoss - 0.1,
  valLoss,
  trainBitsPerByte: 1.5,
  valBitsPerByte: 1.6254,
  best,
  seconds: 0.1,
})

const end: TrainEvent = { type: 'end', saved: null, unsaved: null, step: 3000, stopped: false, seconds: 1 }

let printed: string

beforeEach(() => {
  printed = ''
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text
    return true
  })
})
afterEach(() => jest.restoreAllMocks())

function show(...events: TrainEvent[]): string {
  const progress = new Progress({ device: 'js' })
  for (const event of events) progress.show(event)
  return printed
}

test('events before the start print nothing', () => {
  const unknown = [{ type: 'measuring', seconds: 2 }, { type: 'news' }] as unknown as TrainEvent[]
  expect(show(...unknown, evaluation(0, 4, true), end)).toBe('')
})

test('the curve of the evaluations, with the best if it is not the last', () => {
  const falling = [evaluation(0, 4.71, true), evaluation(1000, 2, true), evaluation(2000, 1.74, true)]
  expect(show(start, ...falling, end)).toMatch(/\n\nvalidation loss 4\.71 █▂▁ 1\.74\n$/)
  expect(show(start, ...falling, evaluation(3000, 2.04, false), end)).toMatch(
    /\nvalidation loss 4\.71 █▂▁▂ 2\.04 \(best 1\.74 after 2,000 steps\)\n$/,
  )
})

test('a single evaluation prints no curve', () => {
  expect(show(start, evaluation(0, 4, true), end)).not.toMatch(/^validation/m)
})

test('saved checkpoints are listed below their evaluation', () => {
  const saved: TrainEvent[] = ['best', 'last'].map((name) => ({
    type: 'checkpoint',
    step: 1000,
    path: `runs/a/${name}.safetensors`,
  }))
  expect(show(start, evaluation(1000, 2, true), ...saved, end)).toMatch(
    /^step 1,000 {2}training loss 1\.9000 {2}validation loss 2\.0000 {2}1\.625 bits\/byte {2}0:00\n {12}saved best\.safetensors and last\.safetensors$/m,
  )
})

test('saves that are announced together: each file is named once', () => {
  const saved = [1000, 1500].flatMap((step) =>
    ['best', 'last'].map(
      (name): TrainEvent => ({ type: 'checkpoint', step, path: `runs/a/${name}.safetensors` }),
    ),
  )
  expect(show(start, evaluation(1000, 2, true), ...saved, end)).toMatch(
    / saved best\.safetensors and last\.safetensors$/m,
  )
})

test('lines have at most 80 columns', () => {
  const exact = { ...evaluation(2000, 2.04, false), exactValLoss: 2.05, exactValBitsPerByte: 1.7 }
  const steps = { from: 0, to: 1, losses: [2], gradientNorms: [1], seconds: 1 }
  show(start, { type: 'step', ...steps, tokensPerSecond: 9000, bytesPerSecond: 30_000 }, exact, end)
  expect(printed).toMatch(
    /^step 2,000 {2}training loss 1\.9400 {2}validation loss 2\.0400 {2}whole split 2\.0500\n {12}1\.700 bits\/byte {2}0:00 {2}\(no improvement\)$/m,
  )
  for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

test('a notice names flags and goes to standard error', () => {
  const told = jest.spyOn(process.stderr, 'write').mockImplementation(() => true)
  show({ type: 'notice', step: 0, message: say`a.txt: see ${option('lineEndings')}` })
  expect(told).toHaveBeenCalledWith('a.txt: see --line-endings\n')
  expect(printed).toBe('')
})
