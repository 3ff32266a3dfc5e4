// The logits in chunks: the same losses and gradients as with whole logits, and less memory.

import * as fc from 'fast-check'
import { createModel } from '../../lib/architectures/create'
import type { Session } from '../../lib/backend/backend'
import { compile } from '../../lib/backend/compiled'
import { JsSession } from '../../lib/backend/js/session'
import { sizeOf } from '../../lib/graph/dtype'
import type { Program } from '../../lib/graph/program'
import type { ModelConfig } from '../../lib/model/config'
import {
  corpusName,
  evaluationProgram,
  gradientProgram,
  lossProgram,
  mostLogits,
} from '../../lib/model/programs'
import { initializeWeights } from '../../lib/model/weights'
import { defaultVariants, type Variants } from '../../lib/nn'
import { fusedOpNames } from '../../lib/ops'
import { gradientName } from '../../lib/optim/update'
import { fuse } from '../../lib/passes/fuse'
import { inPrecision } from '../../lib/passes/precision'
import { memoryOf } from '../../lib/train/memory'
import { resolveNew } from '../../lib/train/resolve'
import { handleOf, onNative } from '../support/devices'
import { Numbers, relativeDifference } from '../support/numeric'

const corpusLength = 50
const seed = { low: 7, high: 0 }

function gpt(vocabSize: number, blockSize: number, variants: Partial<Variants> = {}, embed = 6): ModelConfig {
  const sizes = { vocabSize, blockSize, embed, heads: 1, layers: 1, dropout: 0 }
  return { kind: 'gpt', ...sizes, ...defaultVariants(sizes), ...variants }
}

interface Given {
  readonly config: ModelConfig
  readonly batch: number
  readonly most: number
}

/** The losses of a gradient, an evaluation and a loss Program, and all gradients. */
async function results(session: Session, { config, batch, most }: Given): Promise<ArrayLike<number>[]> {
  const { model, parameters } = createModel(config)
  const { blockSize, vocabSize } = config
  const numbers = new Numbers(`${vocabSize} ${blockSize} ${batch}`)
  const corpus = { dtype: 'u16', length: corpusLength } as const
  await initializeWeights(session, parameters, seed)
  await session.allocate(corpusName, 'u16', [corpusLength])
  await session.write(corpusName, Uint16Array.from(numbers.integers(corpusLength, vocabSize)))
  for (const { path, shape } of parameters) await session.allocate(gradientName(path), 'f32', shape)
  const inputs = {
    offsets: numbers.integers(batch, corpusLength - blockSize),
    rng: [1, 2, 3],
    tokens: numbers.integers(batch * blockSize, vocabSize),
    targets: numbers.integers(batch * blockSize, vocabSize),
  }
  const sizes = { batchSize: batch, gradientAccumulationSteps: 2 }
  const losses: number[] = []
  for (const program of [
    gradientProgram(model, parameters, corpus, sizes, most),
    evaluationProgram(model, corpus, batch, most),
    lossProgram(model, batch, blockSize, most),
  ]) {
    const compiled = await compile(session, program)
    const record = compiled.inputs.pack([inputs])
    const { outputs, failure } = await session.run(1, [
      { program: compiled.handle, times: 1, inputs: record },
    ])
    expect(failure).toBeUndefined()
    losses.push(compiled.outputs.unpack(outputs[0], 'loss')[0] as number)
  }
  const gradients: ArrayLike<number>[] = []
  for (const { path } of parameters) gradients.push(await session.read(gradientName(path)))
  await session.dispose()
  return [losses, ...gradients]
}

const variants = fc.constantFrom<Partial<Variants>>(
  {},
  { outputBias: false },
  { tiedEmbeddings: true, init: 'gpt2' },
  { tiedEmbeddings: true, logitSoftcap: 1.5, normAffine: false, bias: false },
)
const cases = fc.record({
  vocabSize: fc.integer({ min: 1, max: 9 }),
  blockSize: fc.integer({ min: 1, max: 9 }),
  batch: fc.integer({ min: 1, max: 3 }),
  positions: fc.integer({ min: 0, max: 5 }),
  variant: variants,
})

async function compareWith(open: () => Session, tolerance: number, numRuns: number) {
  await fc.assert(
    fc.asyncProperty(cases, async ({ vocabSize, blockSize, batch, positions, variant }) => {
      const config = gpt(vocabSize, blockSize, variant)
      const most = 4 * positions * batch * vocabSize
      const whole = await results(open(), { config, batch, most: Infinity })
      const chunked = await results(open(), { config, batch, most })
      chunked.forEach((values, i) => {
        expect(relativeDifference(Array.from(values), Array.from(whole[i]))).toBeLessThan(tolerance)
      })
    }),
    { numRuns },
  )
}

test('in float64, chunks of any number of positions give the same losses and gradients', async () => {
  await compareWith(() => new JsSession({ precision: 'f64' }), 1e-6, 60)
})

onNative('on the device', (device) => {
  test('chunks give the same losses and gradients, but for rounding', async () => {
    await compareWith(() => device.open(), 1e-4, 20)
  })

  test('the arena does not hold the logits', async () => {
    const batch = 4
    const config = gpt(5000, 64)
    const { model, parameters } = createModel(config)
    const corpus = { dtype: 'u16', length: 100 } as const
    const logits = 4 * batch * config.blockSize * config.vocabSize
    const arenaOf = async (program: Program) => {
      const session = device.open()
      for (const { name, role, dtype, shape } of program.buffers) {
        if (role === 'store') await session.allocate(name, dtype, shape)
      }
      await compile(session, program)
      const { arena } = await handleOf(session).memory()
      await session.dispose()
      return arena
    }
    const sizes = { batchSize: batch, gradientAccumulationSteps: 1 }
    for (const programFor of [
      (most: number) => gradientProgram(model, parameters, corpus, sizes, most),
      (most: number) => evaluationProgram(model, corpus, batch, most),
      (most: number) => lossProgram(model, batch, config.blockSize, most),
    ]) {
      const whole = await arenaOf(programFor(logits))
      const chunked = await arenaOf(programFor(logits / 8))
      expect(whole).toBeGreaterThanOrEqual(logits)
      expect(chunked).toBeLessThan(whole - 0.8 * logits)
    }
  })
})

/** The most elements of a tensor of logits. */
function largestLogits({ buffers, ops }: Program, vocabSize: number): number {
  const written = new Set(ops.filter(({ op }) => op !== 'fill').flatMap(({ outputs }) => outputs))
  const sizes = buffers.filter(({ shape, role }, id) => {
    return written.has(id) && role === 'temporary' && shape.length === 3 && shape.at(-1) === vocabSize
  })
  return Math.max(...sizes.map(({ shape }) => sizeOf(shape)))
}

describe('GPT-2’s vocabulary', () => {
  const config = gpt(50257, 64, { tiedEmbeddings: true, outputBias: false }, 168)
  const { model, parameters } = createModel(config)
  const corpus = { dtype: 'u16', length: 100 } as const
  const sizes = { batchSize: 4, gradientAccumulationSteps: 1 }
  const programs = [
    gradientProgram(model, parameters, corpus, sizes),
    evaluationProgram(model, corpus, 4),
    lossProgram(model, 4, 64),
  ]

  test('is in equal chunks that fit', () => {
    for (const program of programs) expect(largestLogits(program, 50257)).toBe(4 * 32 * 50257)
    expect(4 * 4 * 32 * 50257).toBeLessThanOrEqual(mostLogits())
    expect(mostLogits('cuda:0')).toBeGreaterThan(mostLogits('cpu'))
  })

  test('fused, no gradient of the table is a tensor of its own', () => {
    const { buffers, ops } = fuse(programs[0], fusedOpNames)
    expect(buffers.filter(({ role, shape }) => role === 'temporary' && shape[0] === 50257)).toEqual([])
    const named = ops.map(({ op, outputs: [id] }) => `${op} ${buffers[id].name}`)
    const total = gradientName('tokenEmbedding.weight')
    expect(named.filter((name) => name.endsWith(total))).toEqual([
      `matmul_accumulate ${total}`,
      `matmul_accumulate ${total}`,
      `embedding_accumulate ${total}`,
    ])
  })

  test.each(['tf32', 'bf16'] as const)('in %s, every product of a chunk has that precision', (precision) => {
    const { buffers, ops } = inPrecision(programs[0], precision)
    const products = ops.filter(({ op }) => op === 'matmul')
    expect(products.length).toBeGreaterThan(6)
    const dtype = precision === 'bf16' ? 'bf16' : 'f32'
    for (const { inputs } of products) expect(inputs.map((id) => buffers[id].dtype)).toEqual([dtype, dtype])
  })

  test('the estimate of memory grows with the batch by less than its logits', () => {
    const { training } = resolveNew({})
    const [small, large] = [8, 800].map(
      (batchSize) => memoryOf(config, { ...training, batchSize }, 0).activations,
    )
    expect(large - small).toBeLessThan((4 * 792 * 64 * 50257) / 10)
  })
})

test('the most chunks: any length has few ops', () => {
  const { model, parameters } = createModel(gpt(50257, 100_000))
  const corpus = { dtype: 'u16', length: 100_001 } as const
  const { ops } = gradientProgram(model, parameters, corpus, { batchSize: 9, gradientAccumulationSteps: 1 })
  expect(ops.filter(({ op }) => op === 'cross_entropy').length).toBeLessThanOrEqual(512)
})

test('small vocabularies stay whole', () => {
  const { model, parameters } = createModel(gpt(65, 256))
  const corpus = { dtype: 'u16', length: 300 } as const
  const { ops } = gradientProgram(model, parameters, corpus, { batchSize: 64, gradientAccumulationSteps: 1 })
  expect(ops.filter(({ op }) => op === 'cross_entropy')).toHaveLength(1)
})
