// Whole Programs of tiny models: the loss and gradients of a micro-batch, and the optimizer's
// update; each as traced and fused.

import { createModel } from '../../../lib/architectures/create'
import { decodeProgram, prefillProgram } from '../../../lib/generate/programs'
import { bytesPerElement, sizeOf } from '../../../lib/graph/dtype'
import type { Precision, Program } from '../../../lib/graph/program'
import type { ModelConfig } from '../../../lib/model/config'
import { corpusName, gradientProgram } from '../../../lib/model/programs'
import { initialValues } from '../../../lib/model/weights'
import { defaultVariants, type GptSizes } from '../../../lib/nn'
import { fusedOpNames } from '../../../lib/ops'
import { type UpdateConfig, updateProgram } from '../../../lib/optim/update'
import { fuse } from '../../../lib/passes/fuse'
import { inPrecision } from '../../../lib/passes/precision'
import type { Case, StoreTensor } from '../case'
import { epsilon, Numbers } from '../numeric'

/** A gpt of the decoder's sizes below, with these variants. */
function gpt(variants: Partial<GptSizes>): ModelConfig {
  const sizes = { vocabSize: 17, blockSize: 11, embed: 12, heads: 3, layers: 2, dropout: 0.2, ...variants }
  return { kind: 'gpt', ...defaultVariants(sizes), ...sizes }
}

const configs: Record<string, ModelConfig> = {
  bigram: { kind: 'bigram', vocabSize: 13, blockSize: 7, embed: 1, heads: 1, layers: 1, dropout: 0 },
  head: { kind: 'single-head', vocabSize: 13, blockSize: 9, embed: 10, heads: 1, layers: 1, dropout: 0 },
  decoder: { kind: 'decoder', vocabSize: 17, blockSize: 11, embed: 12, heads: 3, layers: 2, dropout: 0.2 },
  recipe: gpt({
    ...{
      positions: 'rope',
      norm: 'rms',
      normAffine: false,
      activation: 'relu-squared',
      qkNorm: true,
      logitSoftcap: 15,
    },
    ...{ bias: false, embeddingNorm: true, attentionDropout: 0, embeddingDropout: 0.1 },
    ...{ embed: 24, heads: 6, kvHeads: 2 },
  }),
  nanoGPT: gpt({
    activation: 'gelu',
    bias: false,
    tiedEmbeddings: true,
    embeddingDropout: 0.2,
    init: 'gpt2',
  }),
  llama: gpt({ positions: 'rope', norm: 'rms', activation: 'swiglu', bias: false, kvHeads: 1 }),
}

export function programCases(): Case[] {
  return [...exactCases(), ...roundedCases()]
}

function exactCases(): Case[] {
  return Object.entries(configs).flatMap(([name, config]) => {
    const programs = {
      gradient: gradientOf(config),
      update: updateOf(config),
      'update by sgd': updateOf(config, { optimizer: 'sgd' }),
      'update by muon, with averages,': updateOf(config, { optimizer: 'muon', emaDecay: 0.9 }),
      prefill: prefillOf(config),
      decode: decodeOf(config),
    }
    return Object.entries(programs).flatMap(([kind, program]) => [
      wholeCase(`${kind} of a ${name}`, config, program),
      wholeCase(`${kind} of a ${name}, fused`, config, fuse(program, fusedOpNames)),
    ])
  })
}

/** Gradients in the other precisions, fused. */
function roundedCases(): Case[] {
  return (['tf32', 'bf16'] as const).flatMap((precision) =>
    Object.entries(configs).map(([name, config]) => {
      const program = inPrecision(fuse(gradientOf(config), fusedOpNames), precision)
      return wholeCase(`gradient of a ${name} in ${precision}`, config, program)
    }),
  )
}

const corpusLength = 101
const batchSize = 3

function gradientOf(config: ModelConfig): Program {
  const { model, parameters } = createModel(config)
  const corpus = { dtype: 'u16', length: corpusLength } as const
  return gradientProgram(model, parameters, corpus, { batchSize, gradientAccumulationSteps: 2 })
}

const usual: UpdateConfig = {
  optimizer: 'adamw',
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  gradientClip: 0.5,
  momentum: 0.9,
  nesterov: true,
  emaDecay: 0,
}

function updateOf(config: ModelConfig, more: Partial<UpdateConfig> = {}): Program {
  const { parameters } = createModel(config)
  return updateProgram(parameters, { ...usual, ...more })
}

const cache = { name: '0', slots: 4 }

function prefillOf(config: ModelConfig): Program {
  return prefillProgram(createModel(config).model, cache, config.blockSize, { penalty: false })
}

function decodeOf(config: ModelConfig): Program {
  return decodeProgram(createModel(config).model, cache, batchSize, { penalty: true })
}

/** Two records: the second starts from what the first leaves in the Store. */
function wholeCase(name: string, config: ModelConfig, program: Program): Case {
  const { parameters } = createModel(config)
  const initial = new Map(
    parameters.map((parameter) => [parameter.path, initialValues(parameter, { low: 42, high: 0 })]),
  )
  const store = program.buffers
    .filter(({ role }) => role === 'store')
    .map(({ name, dtype, shape }): StoreTensor => {
      const numbers = new Numbers(name)
      const size = sizeOf(shape)
      if (name === corpusName) {
        return { name, dtype, shape, values: Uint16Array.from(numbers.integers(size, config.vocabSize)) }
      }
      if (dtype !== 'f32')
        return { name, dtype, shape, values: new Int32Array((size * bytesPerElement[dtype]) / 4) }
      const low = name.startsWith('adamw/v/') ? 0 : -0.1
      return { name, dtype, shape, values: initial.get(name) ?? numbers.floats(size, low, 0.1) }
    })
  const sequences = program.name.startsWith('decode') ? batchSize : 1
  const keys = (i: number) =>
    program.name === 'gradient'
      ? [1337, 0, i]
      : Array.from({ length: sequences }, (_, b) => [1337, b, i]).flat()
  const records = [0, 1].map((i) => ({
    offsets: new Numbers(`offsets ${i}`).integers(batchSize, corpusLength - config.blockSize),
    rng: keys(i),
    step: i + 1,
    learningRate: 1e-3,
    matrixLearningRate: 0.02,
    momentum: 0.9,
    averageDecay: [0.9, 0.5][i],
    tokens: new Numbers(`tokens ${i}`).integers(config.blockSize, config.vocabSize),
    start: Array.from({ length: sequences }, (_, b) => (sequences > 1 ? b + i : 0)),
    slot: Array.from({ length: sequences }, (_, b) => 3 - b),
    temperature: 0.9,
    topK: 5,
    topP: 0.95,
    minP: 0.01,
    penalty: 1.2,
  }))
  const { error, nmse, rowNmse } = errors[program.precision ?? 'f32']
  const written = new Set(program.ops.flatMap(({ outputs }) => outputs))
  const results = program.buffers.flatMap(({ name, role }, id) =>
    (role === 'store' || role === 'output') && written.has(id) ? [{ kind: role, name } as const] : [],
  )
  return {
    name: `program ${name}`,
    op: 'program',
    program,
    store,
    records,
    results,
    bounds: (expected) =>
      expected.map((values, i) => {
        const { dtype } = program.buffers.find((buffer) => buffer.name === results[i].name)!
        return new Float64Array(values.length).fill(dtype === 'f32' ? error * largestOf(values) : 0)
      }),
    nmse,
    rowNmse,
    large: false,
  }
}

/**
 * Rounding errors of all elements of a tensor have the same magnitude: 32·ε relative to the
 * largest. Where the reference rounds too, an operand may fall on the other side of a tie, one
 * place of its format away: 2⁻¹⁰ (tf32) or 2⁻⁷ (bf16) of it. That happens to one operand in
 * thousands (tf32) or tens of thousands (bf16), so a sum rarely has more than one such term, but it
 * may be the dominant one.
 *
 * Attention in bf16 rounds probabilities, and the reference doesn't. Its result is off by up to 2⁻⁹
 * before it is rounded itself, and about half of the elements then differ by a place. Hence two
 * places, and 2⁻⁹ in the mean over a tensor.
 */
const errors: Record<Precision, { error: number; nmse: number; rowNmse: number }> = {
  f32: { error: 32 * epsilon, nmse: 1e-12, rowNmse: 1e-10 },
  tf32: { error: 2 ** -10, nmse: 2 ** -26, rowNmse: 2 ** -22 },
  bf16: { error: 2 ** -6, nmse: 2 ** -18, rowNmse: 2 ** -14 },
}

function largestOf(values: ArrayLike<number>): number {
  let largest = 1e-3
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]))
  return largest
}
