// A model with its weights on a device: what `await train()` and `load()` give.

import * as v from 'valibot'
import { createModel } from '../architectures/create'
import type { Session } from '../backend/backend'
import { onDevice, openSession } from '../backend/devices'
import { type CheckpointInfo, readCheckpoint, writeCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError, show } from '../errors'
import { type Completion, type CompletionPiece, Completions, type Prompt } from '../generate/completions'
import { Generator } from '../generate/generator'
import {
  type CompleteOptions,
  type GenerateOptions,
  resolveCompleteOptions,
  resolveGenerateOptions,
} from '../generate/options'
import { type Shape, sizeOf } from '../graph/dtype'
import type { Parameter } from '../graph/tensor'
import type { ModelConfig } from '../model/config'
import { TextLoss } from '../model/loss'
import { loadWeights, readWeights } from '../model/weights'
import type { LanguageModel } from '../nn'
import { checkOptions, count, signal } from '../options'
import { tokenizerFromJSON } from '../tokenizer/from_json'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'

/** What a `Model` is made of; `train` and `load` put it together. */
export interface ModelParts {
  readonly session: Session
  readonly architecture: LanguageModel
  readonly parameters: readonly Parameter[]
  readonly tokenizer: Tokenizer
  /** What a checkpoint of it would say now. */
  readonly info: CheckpointInfo
}

export class Model {
  private readonly generator: Generator
  private readonly textLoss: TextLoss
  private disposed = false

  constructor(private readonly parts: ModelParts) {
    this.generator = new Generator(parts.session, parts.architecture)
    this.textLoss = new TextLoss(parts.session, parts.architecture)
  }

  /** Its sizes. */
  get config(): Readonly<ModelConfig> {
    return this.parts.info.model
  }

  get tokenizer(): Tokenizer {
    return this.parts.tokenizer
  }

  /** The device it is on: 'cuda', 'cpu', 'js'. */
  get device(): string {
    return this.parts.session.device
  }

  /** How it came to be: steps trained, losses, data, options. */
  get info(): CheckpointInfo {
    return this.parts.info
  }

  /** How many numbers it has learned. */
  get parameterCount(): number {
    return this.parts.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  }

  /** Copies of the weights, by path: `blocks.0.attention.query.weight` and so on. */
  async parameters(): Promise<Map<string, { shape: Shape; data: Float32Array }>> {
    const states = await readWeights(this.alive, this.parts.parameters)
    return new Map(states.map(({ name, shape, data }) => [name, { shape, data: data as Float32Array }]))
  }

  /** Replaces a weight's values, for example with those of a model trained elsewhere. */
  async setParameter(path: string, data: Float32Array): Promise<void> {
    const found = this.parts.parameters.find((parameter) => parameter.path === path)
    if (!found) throw new NanoGptError('option', `there is no parameter ${path}; parameters() lists them`)
    await this.alive.write(found.name, data)
  }

  /**
   * Continues a prompt.
   *
   * @returns the generated text, without the prompt
   */
  async generate(options: GenerateOptions = {}): Promise<string> {
    let text = ''
    for await (const piece of this.stream(options)) text += piece
    return text
  }

  /** As `generate`, yielding the text as it comes. */
  async *stream(options: GenerateOptions = {}): AsyncGenerator<string, void, void> {
    this.alive
    const { prompt, ...generation } = resolveGenerateOptions(options)
    const completions = new Completions([this.promptOf(prompt)], 1, generation)
    for await (const { text } of completions.pieces(this.generator, this.tokenizer))
      if (text !== '') yield text
  }

  /**
   * Continues one prompt or several, `n` times each, all at once: on a CPU eight texts take not much longer than two. Each is what it
   * would be alone.
   *
   * @returns a completion for each prompt and sample, prompt by prompt
   */
  async complete(options: CompleteOptions = {}): Promise<Completion[]> {
    return this.completions(options).all(this.generator, this.tokenizer)
  }

  /** As `complete`, yielding pieces of the texts as they come. */
  async *streamAll(options: CompleteOptions = {}): AsyncGenerator<CompletionPiece, void, void> {
    yield* this.completions(options).pieces(this.generator, this.tokenizer)
  }

  private completions(options: CompleteOptions): Completions {
    this.alive
    const { prompt = '', n, ...generation } = resolveCompleteOptions(options)
    const prompts = typeof prompt === 'string' ? [prompt] : prompt
    return new Completions(
      prompts.map((text) => this.promptOf(text)),
      n,
      generation,
    )
  }

  /**
   * How well the model foresees a text: its mean loss in nats per token, without dropout. The text is cut in windows of
   * `blockSize` tokens; each token after the text's first is predicted from those before it in its window, and counts once.
   * The same text and weights give the same number, to the bit, on the same device.
   *
   * @param text at least 2 tokens, all of the model's vocabulary; or the tokens
   * @throws NanoGptError 'data_too_short', 'unknown_character', 'option'; the signal's AbortError
   */
  async loss(text: string | Tokens, options: LossOptions = {}): Promise<number> {
    this.alive
    const { signal } = checkOptions('loss', lossSchema, options)
    signal?.throwIfAborted()
    const isTokens = text instanceof Uint16Array || text instanceof Uint32Array
    if (typeof text !== 'string' && !isTokens) {
      throw new NanoGptError(
        'option',
        `loss: text is ${show(text)}: must be a string, or tokens of the tokenizer`,
      )
    }
    const tokens = isTokens ? text : this.tokenizer.encode(text)
    if (tokens.length < 2) {
      throw new NanoGptError(
        'data_too_short',
        `loss: the text ${show(text)} has too few tokens, ${tokens.length}: give at least 2, one to predict from and one to predict`,
      )
    }
    return this.textLoss.of(tokens, signal)
  }

  /** Writes the weights as a checkpoint that `load` reads (without the optimizer's state: training can't resume from it). */
  async save(path: string): Promise<void> {
    await writeCheckpoint(path, this.info, await readWeights(this.alive, this.parts.parameters))
  }

  /** Frees the device's memory. Later calls fail. */
  async dispose(): Promise<void> {
    this.disposed = true
    await this.parts.session.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  private get alive(): Session {
    if (this.disposed) throw new NanoGptError('disposed', 'this model has been disposed; load() it again')
    return this.parts.session
  }

  /** An empty prompt is a line break, as if a new paragraph began, or the first character where the text has none. */
  private promptOf(prompt = ''): Prompt {
    if (prompt !== '') return { text: prompt, tokens: Array.from(this.tokenizer.encode(prompt)) }
    try {
      return { text: prompt, tokens: Array.from(this.tokenizer.encode('\n')) }
    } catch {
      return { text: prompt, tokens: [0] }
    }
  }
}

const lossSchema = v.strictObject({
  /** Ends the computation with an AbortError. */
  signal: v.optional(signal),
})

export type LossOptions = v.InferInput<typeof lossSchema>

export const loadSchema = v.strictObject({
  /** Which checkpoint of a run folder: the one with the lowest validation loss, or the last. Default 'best'. */
  checkpoint: v.optional(v.picklist(['best', 'last'], "must be 'best' or 'last'")),
  /** 'auto', 'cuda', 'cuda:1', 'cpu' or 'js'. Default 'auto'. */
  device: v.optional(v.string('must be a string')),
  /** Threads of the native pool, shared by the whole process. Default: as many as `os.availableParallelism()` counts. */
  threads: v.optional(count),
  /** CPU instruction set: 'avx2', 'neon', 'portable' or 'blas'. Default: the best here. */
  instructionSet: v.optional(v.string('must be a string')),
})

export type LoadOptions = v.InferInput<typeof loadSchema>

/**
 * Loads a trained model.
 *
 * @param path a run folder (the `out` of `train`) or a checkpoint file
 * @throws NanoGptError if there is none, it is damaged, or the device is not available
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  const { checkpoint: prefer, ...open } = checkOptions('load', loadSchema, options)
  const checkpoint = await readCheckpoint(path, prefer)
  const tokenizer = tokenizerFromJSON(checkpoint.info.tokenizer)
  const config = checkpoint.info.model
  if (tokenizer.vocabSize !== config.vocabSize) {
    throw new NanoGptError(
      'checkpoint',
      `${checkpoint.path} is damaged: ${config.vocabSize} tokens, but a tokenizer of ${tokenizer.vocabSize}; take another checkpoint of its run`,
    )
  }
  const { model: architecture, parameters } = createModel(config)
  const place = async (device: string) => {
    const session = await openSession({ ...open, device })
    try {
      await loadWeights(session, parameters, checkpoint)
      return session
    } catch (error) {
      await session.dispose()
      throw error
    }
  }
  const session = await onDevice(open.device, place)
  return new Model({ session, architecture, parameters, tokenizer, info: checkpoint.info })
}

/** Loads a model, generates once and frees it: `generate({ model: 'runs/first', prompt: 'ROMEO:' })`. */
export async function generate(options: GenerateOptions & LoadOptions & { model: string }): Promise<string> {
  const { model: path, device, threads, instructionSet, checkpoint, ...rest } = options
  if (typeof path !== 'string')
    throw new NanoGptError('option', 'generate: model is missing: give a run folder or a checkpoint file')
  const resolved = resolveGenerateOptions(rest)
  return onDevice(device, async (device) => {
    await using model = await load(path, { device, threads, instructionSet, checkpoint })
    return await model.generate({ ...rest, seed: resolved.seed })
  })
}
