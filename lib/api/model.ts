// A model with its weights on a device: what `await train()` and `load()` give.

import { createModel } from '../architectures/create'
import type { Session } from '../backend/backend'
import { type OpenOptions, onDevice, openSession } from '../backend/devices'
import { type Checkpoint, type ModelInfo, readCheckpoint, writeCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError, suggest } from '../errors'
import { type Completion, type CompletionPiece, Completions, type Prompt } from '../generate/completions'
import { Generator } from '../generate/generator'
import {
  checkGenerateFromOptions,
  resolveCompleteOptions,
  resolveGenerateOptions,
  type SeveralTexts,
} from '../generate/options'
import { arrayClass, copyOf, type Shape, sizeOf } from '../graph/dtype'
import type { Parameter } from '../graph/tensor'
import type { ModelConfig } from '../model/config'
import { TextLoss } from '../model/loss'
import { loadWeights, readWeights } from '../model/weights'
import type { LanguageModel } from '../nn'
import {
  attempt,
  type CompleteOptions,
  checkOptions,
  checkValue,
  type GenerateFromOptions,
  type GenerateOptions,
  type LoadOptions,
  type LossOptions,
  loadOptions,
  lossOptions,
  requireOption,
} from '../options'
import { path } from '../options/types'
import { tokenizerFromJSON } from '../tokenizer'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'

/** What a `Model` is made of; `train` and `load` put it together. */
export interface ModelParts {
  readonly session: Session
  readonly architecture: LanguageModel
  readonly parameters: readonly Parameter[]
  readonly tokenizer: Tokenizer
  /** What a checkpoint of it would say now. */
  readonly info: ModelInfo
}

/** A model. Its methods read their options when they are called: what happens to the object later has no effect. */
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

  /** The device it is on, as `devices()` names it. */
  get device(): string {
    return this.parts.session.device
  }

  /** How it came to be: steps trained, losses, data, options. */
  get info(): ModelInfo {
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

  /**
   * Replaces a weight's values, for example with those of a model trained elsewhere.
   *
   * @param path as in `parameters()`
   * @param data all elements of the weight, row by row
   */
  async setParameter(path: string, data: Float32Array): Promise<void> {
    const session = this.alive
    const found = this.parts.parameters.find((parameter) => parameter.path === path)
    if (!found) throw this.noParameter(path)
    const size = sizeOf(found.shape)
    const refuse = (reason: string, remedy: string) => {
      throw new NanoGptError('option', { where: 'setParameter', subject: path, reason, remedy })
    }
    const kind = arrayClass(data)
    if (kind !== 'Float32Array') {
      const given = kind ?? (Array.isArray(data) ? 'Array' : data === null ? 'null' : typeof data)
      refuse(`its values must be a Float32Array, not ${given}`, 'Float32Array.from(values) makes one')
    }
    if (data.length !== size) {
      refuse(
        `it has the shape [${found.shape.join(', ')}], and ${data.length} values do not fill it`,
        `give ${size} values`,
      )
    }
    await session.write(found.name, data)
  }

  private noParameter(path: unknown): NanoGptError {
    const paths = this.parts.parameters.map((parameter) => parameter.path)
    const close = typeof path === 'string' ? suggest(path, paths) : undefined
    return new NanoGptError('option', {
      where: 'setParameter',
      option: 'path',
      value: path,
      reason: 'there is no such parameter',
      remedy: close === undefined ? 'parameters() lists them' : `Did you mean ${close}?`,
    })
  }

  /**
   * Continues a prompt.
   *
   * @returns the generated text, without the prompt
   */
  async generate(options: GenerateOptions = {}): Promise<string> {
    let text = ''
    for await (const { text: more } of this.piecesOf(this.oneText('generate', options))) text += more
    return text
  }

  /** As `generate`, yielding the text as it comes. */
  stream(options: GenerateOptions = {}): AsyncGenerator<string, void, void> {
    const completions = attempt(() => this.oneText('stream', options))
    return this.stringsOf(completions)
  }

  /**
   * Continues one prompt or several, `n` times each, all at once: on a CPU eight texts take not much longer than two. Each is what it
   * would be alone.
   *
   * @returns a completion for each prompt and sample, prompt by prompt
   */
  async complete(options: CompleteOptions = {}): Promise<Completion[]> {
    return this.severalTexts('complete', options).all(this.generator, this.tokenizer)
  }

  /** As `complete`, yielding pieces of the texts as they come. */
  streamAll(options: CompleteOptions = {}): AsyncGenerator<CompletionPiece, void, void> {
    const completions = attempt(() => this.severalTexts('streamAll', options))
    return this.laterPieces(completions)
  }

  private oneText(where: string, options: unknown): Completions {
    const { prompt, ...generation } = resolveGenerateOptions(options, where)
    return this.completions({ prompt: [prompt], n: 1, ...generation })
  }

  private severalTexts(where: string, options: unknown): Completions {
    return this.completions(resolveCompleteOptions(options, where))
  }

  private completions({ prompt, n, ...generation }: SeveralTexts): Completions {
    this.alive
    return new Completions(
      prompt.map((text) => this.promptOf(text)),
      n,
      generation,
    )
  }

  private async *stringsOf(completions: () => Completions): AsyncGenerator<string, void, void> {
    for await (const { text } of this.piecesOf(completions())) if (text !== '') yield text
  }

  private async *laterPieces(completions: () => Completions): AsyncGenerator<CompletionPiece, void, void> {
    yield* this.piecesOf(completions())
  }

  private piecesOf(completions: Completions): AsyncGenerator<CompletionPiece, void, void> {
    this.alive
    return completions.pieces(this.generator, this.tokenizer)
  }

  /**
   * How well the model foresees a text: its mean loss in nats per token, without dropout. The text is cut in windows of
   * `blockSize` tokens; each token after the text's first is predicted from those before it in its window, and counts once.
   * The same text and weights give the same number, to the bit, on the same device.
   *
   * @param text at least 2 tokens, all of the model's vocabulary; or the tokens
   * @throws NanoGptError 'data_too_short', 'unknown_character', 'option', 'non_finite'; the signal's AbortError
   */
  async loss(text: string | Tokens, options: LossOptions = {}): Promise<number> {
    this.alive
    const { signal } = checkOptions('loss', lossOptions, options)
    const tokens = this.tokensOf(text)
    signal?.throwIfAborted()
    if (tokens.length < 2) {
      throw new NanoGptError('data_too_short', {
        where: 'loss',
        subject: 'text',
        ...(typeof text === 'string' && { value: text }),
        reason: `it has too few tokens, ${tokens.length}`,
        remedy: 'give at least 2: one to predict from and one to predict',
      })
    }
    const loss = await this.textLoss.of(tokens, signal)
    if (Number.isFinite(loss)) return loss
    throw new NanoGptError('non_finite', {
      where: 'loss',
      reason: `the loss is ${loss}: the weights are not finite, or too large to compute with`,
      remedy: 'take a checkpoint from before training diverged',
    })
  }

  /** A text's tokens; given as such, a copy of them. */
  private tokensOf(text: string | Tokens): Tokens {
    if (typeof text === 'string') return this.tokenizer.encode(text)
    const kind = arrayClass(text)
    if (kind === 'Uint16Array' || kind === 'Uint32Array') return copyOf(text, 'a copy of the tokens')
    throw new NanoGptError('option', {
      where: 'loss',
      subject: 'text',
      ...(kind === undefined && { value: text }),
      reason: `must be a string, or its tokens as a Uint16Array or Uint32Array${kind ? `, not ${kind}` : ''}`,
      remedy: 'tokenizer.encode(text) gives the tokens of a string',
    })
  }

  /** Writes the weights as a checkpoint that `load` reads (without the optimizer's state: training can't resume from it). */
  async save(path: string): Promise<void> {
    const session = this.alive
    const file = pathFrom('save', path, 'give the path of a .safetensors file to write')
    await writeCheckpoint(file, this.info, await readWeights(session, this.parts.parameters))
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
    if (this.disposed) {
      throw new NanoGptError('disposed', {
        reason: 'this model has been disposed',
        remedy: 'load() it again',
      })
    }
    return this.parts.session
  }

  /** An empty prompt is a line feed, as if a new paragraph began, or the first token of a vocabulary without. */
  private promptOf(prompt: string): Prompt {
    if (prompt !== '') return { text: prompt, tokens: Array.from(this.tokenizer.encode(prompt)) }
    try {
      return { text: prompt, tokens: Array.from(this.tokenizer.encode('\n')) }
    } catch {
      return { text: prompt, tokens: [0] }
    }
  }
}

/** @throws NanoGptError 'option' for what is no path */
function pathFrom(where: string, value: unknown, remedy: string): string {
  try {
    return checkValue(where, 'path', path('<path>'), value)
  } catch (error) {
    throw error instanceof NanoGptError ? error.with({ remedy }) : error
  }
}

const checkpointRemedy = 'give a run folder or a checkpoint file'

/**
 * Loads a trained model.
 *
 * @param path a run folder (the `out` of `train`) or a checkpoint file
 * @throws NanoGptError if there is none, it is damaged, or the device is not available
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  const file = pathFrom('load', path, checkpointRemedy)
  const checked = checkOptions('load', loadOptions, options)
  const { checkpoint = loadOptions.checkpoint.default, ...open } = checked
  return loadCheckpoint(await readCheckpoint(file, checkpoint), open)
}

/** The model of a checkpoint that has been read. */
export async function loadCheckpoint(checkpoint: Checkpoint, open: OpenOptions): Promise<Model> {
  const { info } = checkpoint
  const tokenizer = tokenizerFromJSON(info.tokenizer)
  if (tokenizer.vocabSize !== info.model.vocabSize) {
    throw new NanoGptError('checkpoint', {
      subject: checkpoint.path,
      reason: `it is damaged: ${info.model.vocabSize} tokens, but a tokenizer of ${tokenizer.vocabSize}`,
      remedy: 'take another checkpoint of its run',
    })
  }
  const { model: architecture, parameters } = createModel(info.model)
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
  return new Model({ session, architecture, parameters, tokenizer, info })
}

/** Loads a model, generates once and frees it: `generate({ model: 'runs/first', prompt: 'ROMEO:' })`. */
export async function generate(options: GenerateFromOptions): Promise<string> {
  const {
    model: given,
    checkpoint,
    device,
    threads,
    instructionSet,
    ...rest
  } = checkGenerateFromOptions(options)
  const path = requireOption('generate', 'model', given, checkpointRemedy)
  const read = await readCheckpoint(path, checkpoint ?? loadOptions.checkpoint.default)
  return onDevice(device, async (device) => {
    await using model = await loadCheckpoint(read, { device, threads, instructionSet })
    return await model.generate(rest)
  })
}
