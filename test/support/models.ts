// Small models of every kind, and helpers for them: sessions with weights, trainers, all their
// Programs.

import { createModel } from '../../lib/architectures/create'
import { allocateAll } from '../../lib/backend/allocate'
import type { Phase, Session } from '../../lib/backend/backend'
import { RecordLayout } from '../../lib/backend/records'
import { decodeProgram, prefillProgram } from '../../lib/generate/programs'
import type { TypedArray } from '../../lib/graph/dtype'
import type { Program } from '../../lib/graph/program'
import type { GptConfig, ModelConfig } from '../../lib/model/config'
import { corpusName, evaluationProgram, gradientProgram } from '../../lib/model/programs'
import { initializeWeights } from '../../lib/model/weights'
import { defaultVariants } from '../../lib/nn'
import { averageName } from '../../lib/optim/average'
import { stateTensors, updateProgram } from '../../lib/optim/update'
import type { TrainingConfig } from '../../lib/options'
import { type Seed, seedFrom } from '../../lib/random/philox'
import { corpusOf } from '../../lib/tokenizer/span'
import { checkTrainOptions, resolveNew } from '../../lib/train/resolve'
import { Trainer } from '../../lib/train/trainer'
import { goldenCorpus } from './text'

/** A training with default options, except for these numbers. */
export const training: TrainingConfig = {
  ...resolveNew(checkTrainOptions({ preset: 'decoder' })).training,
  ...{
    steps: 100,
    batchSize: 3,
    learningRate: 1e-3,
    evalInterval: 10,
    evalBatches: 2,
    checkpointInterval: 10,
  },
}

/** A gpt that equals the decoder except for these variants. */
function gpt(variants: Partial<GptConfig>): ModelConfig {
  const sizes = { vocabSize: 65, blockSize: 11, embed: 15, heads: 3, layers: 2, dropout: 0, ...variants }
  return { kind: 'gpt', ...defaultVariants(sizes), ...sizes }
}

/**
 * One of each kind and variant. Odd sizes reveal indexing errors. (With RoPE the head size is even:
 * 6 channels, 3 pairs.)
 */
export const configs: Record<string, ModelConfig> = {
  bigram: { kind: 'bigram', vocabSize: 65, blockSize: 7, embed: 32, heads: 1, layers: 1, dropout: 0 },
  'single-head': {
    kind: 'single-head',
    vocabSize: 65,
    blockSize: 9,
    embed: 10,
    heads: 1,
    layers: 1,
    dropout: 0,
  },
  'multi-head': {
    kind: 'multi-head',
    vocabSize: 65,
    blockSize: 9,
    embed: 15,
    heads: 5,
    layers: 1,
    dropout: 0,
  },
  'feed-forward': {
    kind: 'feed-forward',
    vocabSize: 65,
    blockSize: 9,
    embed: 10,
    heads: 2,
    layers: 1,
    dropout: 0,
  },
  blocks: { kind: 'blocks', vocabSize: 65, blockSize: 11, embed: 15, heads: 3, layers: 2, dropout: 0 },
  residual: { kind: 'residual', vocabSize: 65, blockSize: 11, embed: 15, heads: 3, layers: 2, dropout: 0 },
  'layer-norm': {
    kind: 'layer-norm',
    vocabSize: 65,
    blockSize: 11,
    embed: 15,
    heads: 3,
    layers: 2,
    dropout: 0,
  },
  decoder: { kind: 'decoder', vocabSize: 65, blockSize: 11, embed: 15, heads: 3, layers: 2, dropout: 0 },
  'decoder with dropout': {
    kind: 'decoder',
    vocabSize: 65,
    blockSize: 11,
    embed: 15,
    heads: 3,
    layers: 2,
    dropout: 0.2,
  },
  'gpt with rope': gpt({ positions: 'rope', embed: 18 }),
  'gpt with rms norm': gpt({ norm: 'rms' }),
  'gpt with bare norms': gpt({ normAffine: false }),
  'gpt with relu²': gpt({ activation: 'relu-squared', bias: false }),
  'gpt with gelu': gpt({ activation: 'gelu' }),
  'gpt with tanh gelu': gpt({ activation: 'gelu-tanh' }),
  'gpt with swiglu': gpt({ activation: 'swiglu' }),
  'gpt with qk norm': gpt({ qkNorm: true }),
  'gpt with shared key heads': gpt({ embed: 21, heads: 3, kvHeads: 1 }),
  'gpt with tied embeddings': gpt({ tiedEmbeddings: true, init: 'gpt2' }),
  'gpt with capped logits': gpt({ logitSoftcap: 1.5 }),
  'gpt as nanoGPT': gpt({
    ...{
      activation: 'gelu',
      bias: false,
      tiedEmbeddings: true,
      dropout: 0.2,
      embeddingDropout: 0.2,
      init: 'gpt2',
    },
  }),
  'gpt as Llama': gpt({
    ...{ positions: 'rope', ropeBase: 50, norm: 'rms', normEpsilon: 0.01, activation: 'swiglu' },
    ...{ heads: 4, kvHeads: 2, headSize: 6, feedForwardWidth: 23, qkvBias: true, outputBias: false },
  }),
  'gpt with adapters': gpt({
    ...{ activation: 'swiglu', embed: 24, heads: 4, kvHeads: 2, dropout: 0.1 },
    lora: { rank: 3, alpha: 5, targets: ['query', 'value', 'gate', 'contract'] },
  }),
  'gpt as speedrun': gpt({
    ...{
      positions: 'rope',
      norm: 'rms',
      normAffine: false,
      activation: 'relu-squared',
      qkNorm: true,
      logitSoftcap: 15,
    },
    ...{ bias: false, embeddingNorm: true, dropout: 0.1, attentionDropout: 0, embeddingDropout: 0.1 },
    ...{ embed: 24, heads: 4, kvHeads: 2 },
  }),
}

/** Every Program of a model, unfused. */
export function programsOf(config: ModelConfig, corpusLength = 500): Record<string, Program> {
  const { model, trained } = createModel(config)
  const corpus = { dtype: 'u16', length: corpusLength } as const
  const sizes = { batchSize: training.batchSize, gradientAccumulationSteps: 2 }
  const cache = { name: 'a', slots: 8 }
  return {
    gradient: gradientProgram(model, trained, corpus, sizes),
    update: updateProgram(trained, { ...training, gradientClip: 0.5 }),
    evaluation: evaluationProgram(model, corpus, 4),
    prefill: prefillProgram(model, cache, 5, { penalty: false }),
    decode: decodeProgram(model, cache, 2, { penalty: true }),
  }
}

export interface TestModel {
  readonly session: Session
  readonly model: ReturnType<typeof createModel>['model']
  readonly parameters: ReturnType<typeof createModel>['parameters']
  /** Those that are trained. */
  readonly trained: ReturnType<typeof createModel>['trained']
  readonly trainer: Trainer
  readonly seed: Seed
}

/** A model with initial weights on a session, ready to train on the golden corpus. */
export async function prepare(
  session: Session,
  config: ModelConfig,
  overrides: Partial<TrainingConfig> = {},
  seed = seedFrom(1337),
  corpus = goldenCorpus(2000, seed),
): Promise<TestModel> {
  const { model, parameters, trained } = createModel(config)
  await initializeWeights(session, parameters, seed)
  const settings = { ...training, ...overrides }
  await allocateAll(session, stateTensors(trained, settings))
  const averaged = settings.emaDecay > 0 ? createModel(config, { averaged: true }).model : undefined
  if (averaged) {
    for (const { path } of trained) await session.write(averageName(path), await session.read(path))
  }
  const whole = { from: 0, length: corpus.length }
  const trainer = await Trainer.create({
    session,
    model,
    parameters: trained,
    evaluated: averaged,
    training: settings,
    seed,
    corpus: corpusOf(corpus),
    splits: { train: whole, validation: whole },
  })
  return { session, model, parameters, trained, trainer, seed }
}

/** All weights, by path. */
export async function weightsOf({ session, parameters }: Pick<TestModel, 'session' | 'parameters'>) {
  const weights: Record<string, TypedArray> = {}
  const read = async (path: string) => (weights[path] = await session.read(path))
  await Promise.all(parameters.map(({ path }) => read(path)))
  return weights
}

type Values = Readonly<Record<string, number | ArrayLike<number>>>

/** Allocates the Program's Store buffers that do not exist yet. */
export async function allocateStores(
  session: Session,
  program: Program,
  known = new Set<string>(),
): Promise<void> {
  const missing = program.buffers.filter(({ name, role }) => role === 'store' && !known.has(name))
  for (const { name } of missing) known.add(name)
  await allocateAll(session, missing)
}

/** A compiled Program that runs with values given by name. */
export async function compiled(session: Session, program: Program) {
  const handle = await session.compile(program)
  const inputs = new RecordLayout(program, 'input')
  const outputs = new RecordLayout(program, 'output')
  const phase = (...records: Values[]): Phase => ({
    program: handle,
    times: 1,
    inputs: inputs.pack(records.length > 0 ? records : [{}]),
  })
  return {
    handle,
    outputs,
    phase,
    /** Runs it once for each record; throws if the run fails. */
    async run(...records: Values[]): Promise<Record<string, TypedArray>> {
      const result = await session.run(Math.max(1, records.length), [phase(...records)])
      if (result.failure) throw new Error(`${result.failure.opName}: ${result.failure.message}`)
      return Object.fromEntries(
        outputs.fields.map(({ name }) => [name, outputs.unpack(result.outputs[0], name)]),
      )
    },
  }
}

export { corpusName }
