// The course: its numbers are those that were promised, and each stage does what its comment says.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrintingLab } from '../../lib/cli/stage_harness'
import { tensor } from '../../lib/graph/tensor'
import { stageKinds } from '../../lib/model/config'
import { presets } from '../../lib/presets'
import { seedFrom } from '../../lib/random/philox'
import { modelStages, stages } from '../../lib/stages'
import { matrix } from '../../lib/stages/matrix'
import type { Harness, TrainedStage, TrainingHarness } from '../../lib/stages/stage'
import { CharTokenizer } from '../../lib/tokenizer/char'
import { train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { eventsOf, lossesOf, parametersOf, short } from '../support/runs'
import { someText } from '../support/text'

const folder = join(__dirname, '..', '..', 'lib', 'stages')

test('ten stages, numbered, each in the file of its name', () => {
  expect(stages.map(({ number }) => number)).toEqual(Array.from({ length: 10 }, (_, i) => `0${i}`))
  const files = readdirSync(folder).filter((name) => /^\d\d_/.test(name))
  expect(files.sort()).toEqual(stages.map(({ number, name }) => `${number}_${name.replaceAll('-', '_')}.ts`))
})

test('each file begins by telling its idea', () => {
  for (const name of readdirSync(folder).filter((file) => /^\d\d_/.test(file))) {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    expect(lines[0]).toMatch(new RegExp(`^// Stage ${name.slice(0, 2)}: `))
    expect(lines.findIndex((line) => !line.startsWith('//'))).toBeGreaterThan(5)
  }
})

test.each([
  // stage, B, T, embed, heads, layers, dropout, learning rate, steps, evaluation every
  ['notebook', 32, 8, 1, 1, 0, 1e-3, 10_000, 10_000],
  ['bigram', 32, 8, 1, 1, 0, 1e-2, 3000, 300],
  ['single-head', 32, 8, 1, 1, 0, 1e-3, 5000, 300],
  ['multi-head', 32, 8, 4, 1, 0, 1e-3, 5000, 500],
  ['feed-forward', 32, 8, 4, 1, 0, 1e-3, 5000, 500],
  ['blocks', 32, 8, 4, 3, 0, 1e-3, 5000, 500],
  ['residual', 32, 8, 4, 3, 0, 1e-3, 5000, 500],
  ['layer-norm', 32, 8, 4, 3, 0, 1e-3, 5000, 500],
  ['decoder', 64, 256, 6, 6, 0.2, 5e-4, 5000, 500],
] as const)('the numbers of %s', (name, B, T, heads, layers, dropout, learningRate, steps, evalInterval) => {
  const { model, training } = presets[name]
  expect(model).toMatchObject({ blockSize: T, embed: T === 256 ? 384 : 32, heads, layers, dropout })
  expect(training).toMatchObject({ batchSize: B, learningRate, steps, evalInterval })
  expect(training.evalBatches).toBe(name === 'decoder' ? 10 : 200)
  expect(training.weightDecay).toBe(name === 'notebook' ? 0 : undefined)
})

test('every kind of model is the name of its stage', () => {
  for (const kind of stageKinds) expect(modelStages[kind].name).toBe(kind)
})

onEveryDevice('stage 08', ({ name: device }) => {
  test('is the decoder without dropout, to the bit', async () => {
    const sizes = { blockSize: 8, embed: 32, heads: 4, layers: 3, learningRate: 1e-3, steps: 5, device }
    const [ours, theirs] = await Promise.all(
      (['layer-norm', 'decoder'] as const).map(async (preset) => {
        const run = train({ ...short, ...sizes, preset, dropout: 0 })
        const losses = lossesOf(await eventsOf(run))
        const model = await run
        const weights = await parametersOf(model)
        await model.dispose()
        return { losses, weights }
      }),
    )
    expect(ours.losses).toHaveLength(5)
    expect(ours.losses).toEqual(theirs.losses)
    // The same parameters, in another order.
    const byPath = (weights: typeof ours.weights) => Object.fromEntries(Object.entries(weights).sort())
    expectSameBits(byPath(ours.weights), byPath(theirs.weights))
  })
})

/** A harness that remembers what it was told. */
function notes(device: 'js' | 'cpu' = 'js') {
  const said: string[] = []
  const harness: Harness = {
    seed: seedFrom(5),
    say: (line = '') => said.push(line),
    title: (text) => said.push(text),
    show: (shown) => said.push(...matrix(shown)),
    quote: (title, text) => said.push(title, text),
    compute: new PrintingLab({ seed: seedFrom(5), device }).compute,
  }
  return { said, harness }
}

function trainingNotes(stage: TrainedStage, steps = stage.numbers.steps, text = someText(1000)) {
  const { said, harness } = notes()
  const asked: { evalBatches?: number }[] = []
  const kept = new Map<string, string>()
  const training: TrainingHarness = {
    ...harness,
    text,
    textName: 'text',
    tokenizer: CharTokenizer.fromText(text),
    numbers: { ...stage.numbers, steps },
    async train(options = {}) {
      asked.push(options)
      said.push('(training)')
      return { generate: async ({ prompt = '', maxTokens }) => `${prompt}|${'x'.repeat(maxTokens)}` }
    },
    keep: async (file, contents) => {
      kept.set(file, contents)
    },
  }
  return { said, asked, kept, training }
}

test('stage 00 shows each step from text to loss to text', async () => {
  const stage = stages[0] as TrainedStage
  const { said, training } = trainingNotes(stage)
  stage.look!(training)
  const all = said.join('\n')
  expect(all).toContain('900 tokens for training, 100 for validation')
  expect(all).toMatch(/encode\("(.+)"\) = \[([\d, ]+)\]\ndecode\(\[\2\]\) = "\1"/)
  expect(said.filter((line) => / is followed by "/.test(line))).toHaveLength(8)
  expect(all).toContain('logits [32, 8, ')
  const loss = Number(/loss: (\d\.\d+) nats/.exec(all)?.[1])
  const { vocabSize } = training.tokenizer
  expect(all).toContain(`ln ${vocabSize} = ${Math.log(vocabSize).toFixed(4)}`)
  // Scores from N(0, 1) cost about a half more than knowing nothing: E log Σ exp − 0 = ln V + ½.
  expect(loss).toBeGreaterThan(Math.log(vocabSize))
  expect(loss).toBeLessThan(Math.log(vocabSize) + 1)
  const untrained = said[said.indexOf('100 characters') + 1]
  expect([...untrained]).toHaveLength(100)
  expect(said[said.indexOf('4 samples at once') + 1].split('\n')).toHaveLength(4)
})

onEveryDevice('stage 00', ({ name: device }) => {
  test('its loss before training is the first loss of the training that follows', async () => {
    const stage = stages[0] as TrainedStage
    const { said, training } = trainingNotes(stage)
    stage.look!(training)
    const shown = Number(/loss: (\d\.\d+) nats/.exec(said.join('\n'))?.[1])
    const run = train({
      data: { text: training.text },
      preset: 'notebook',
      steps: 1,
      evalBatches: 1,
      seed: 5,
      device,
    })
    const [first] = lossesOf(await eventsOf(run))
    await (await run).dispose()
    expect(shown).toBeCloseTo(first, 4)
  })
})

onEveryDevice('stage 02', ({ name: device }) =>
  test('three averages and one head agree', async () => {
    const { said, harness } = notes(device)
    await stages[2].run!(harness as TrainingHarness)
    const agreements = said.filter((line) => line.includes('agree: the largest difference is'))
    expect(agreements).toHaveLength(4)
    for (const line of agreements) expect(Number(/is (\S+)$/.exec(line)![1])).toBeLessThanOrEqual(1e-6)
    // The head's weights, the last matrix: each row sums to 1 and sees no future.
    const rows = said.filter((line) => /^\s*\d\.\d{4}(\s+\d\.\d{4}){7}$/.test(line)).slice(-8)
    rows.forEach((line, t) => {
      const weights = line.trim().split(/\s+/).map(Number)
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 3)
      expect(weights.slice(t + 1).every((weight) => weight === 0)).toBe(true)
      expect(weights[t]).toBeGreaterThan(0)
    })
  }),
)

describe('stage 09', () => {
  const stage = stages[9] as TrainedStage

  test('says what an evaluation costs before it trains', async () => {
    const { said, asked, training } = trainingNotes(stage)
    await stage.run!(training)
    const cost = said.findIndex((line) =>
      /^An evaluation takes 20 forward passes of 64 × 256 tokens/.test(line),
    )
    expect(cost).toBeGreaterThanOrEqual(0)
    expect(cost).toBeLessThan(said.indexOf('(training)'))
    expect(asked).toEqual([{ evalBatches: 10 }])
  })

  test('a short run evaluates less, so that it stays a small part of the time', async () => {
    const { asked, training } = trainingNotes(stage, 20)
    await stage.run!(training)
    expect(asked).toEqual([{ evalBatches: 1 }])
  })

  test('writes 2,000 characters to a file, and goes on from an opening that the text allows', async () => {
    const { said, kept, training } = trainingNotes(stage)
    await stage.run!(training)
    expect(said).toContainEqual(expect.stringMatching(/^Generating 2,000 characters\. /))
    expect(kept.get('sample.txt')).toBe(`|${'x'.repeat(2000)}`)
    const begin = [...training.text].slice(0, 6).join('')
    expect(said.at(-1)).toBe(`${begin}${begin}|${'x'.repeat(300)}`)
    const shakespeare = trainingNotes(stage, 10, `${someText(500)} ROMEO: JULIET: O!`)
    await stage.run!(shakespeare.training)
    expect(shakespeare.said.at(-1)).toMatch(/^ROMEO:ROMEO:\|x/)
    // Ten steps: a quarter more than the block size.
    expect(shakespeare.kept.get('sample.txt')).toBe(`|${'x'.repeat(320)}`)
  })
})

test('matrices are printed in columns', () => {
  expect(
    matrix(
      tensor([
        [1, -0.5],
        [0.25, 10],
      ]),
    ),
  ).toEqual([' 1.0000  -0.5000', ' 0.2500  10.0000'])
  expect(matrix(tensor([[1, 22]], 'i32'))).toEqual([' 1  22'])
})
