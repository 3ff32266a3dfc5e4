// A model with its weights on a device, as `await train()` and `load()` return it.

import { createModel } from '../architectures/create'
import type { Session } from '../backend/backend'
import { type OpenOptions, onDevice, openSession } from '../backend/devices'
import { merged } from '../checkpoint/base'
import { type Checkpoint, type ModelInfo, readCheckpoint, writeCheckpoint } from '../checkpoint/checkpoint'
import { type Exported, exportModel } from '../checkpoint/export'
import { diverged, NanoGptError, suggest } from '../errors'
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
import { type Experiment, Inspector, type Values } from '../model/inspect'
import { TextLoss } from '../model/loss'
import { elementsOf, loadWeights, readWeights, type StoredTensor, type TensorState } from '../model/weights'
import type { LanguageModel } from '../nn'
import {
  type AttentionOptions,
  attempt,
  attentionOptions,
  type CompleteOptions,
  checkOptions,
  checkValue,
  type ExportOptions,
  exportOptions,
  type GenerateFromOptions,
  type GenerateOptions,
  type GradientOptions,
  gradientOptions,
  type LoadOptions,
  type LossOptions,
  loadOptions,
  lossOptions,
  requireOption,
} from '../options'
import { oneOrMore, path, text as word } from '../options/types'
import { tokenizerFromJSON } from '../tokenizer'
import { corpusOf, type TokenSpan } from '../tokenizer/span'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'

/** The parts of a `Model`, which `train` and `load` assemble. */
export interface ModelParts {
  readonly session: Session
  readonly architecture: LanguageModel
  readonly parameters: readonly Parameter[]
  readonly tokenizer: Tokenizer
  /** The metadata that a checkpoint would have now. */
  readonly info: ModelInfo
}

/**
 * A model. Methods copy their options when they are called; later changes to the object have no
 * effect.
 */
export class Model {
  private readonly generator: Generator
  private readonly textLoss: TextLoss
  private readonly inspector: Inspector
  private disposed = false

  constructor(private readonly parts: ModelParts) {
    this.generator = new Generator(parts.session, parts.architecture)
    this.textLoss = new TextLoss(parts.session, parts.architecture)
    this.inspector = new Inspector(parts.session, parts.architecture, parts.parameters)
  }

  /** Its kind, sizes and variants. */
  get config(): Readonly<ModelConfig> {
    return this.parts.info.model
  }

  get tokenizer(): Tokenizer {
    return this.parts.tokenizer
  }

  /** The name of its device, as in `devices()`. */
  get device(): string {
    return this.parts.session.device
  }

  /**
   * Its metadata: version, model and tokenizer; and options, step, data and best validation loss of
   * its training.
   */
  get info(): ModelInfo {
    return this.parts.info
  }

  /** The number of parameters. */
  get parameterCount(): number {
    return this.parts.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  }

  /** Copies of the weights, by path: `blocks.0.attention.query.weight` and so on. */
  async parameters(): Promise<Map<string, { shape: Shape; data: Float32Array }>> {
    const states = await readWeights(this.alive, this.parts.parameters)
    // Copies again, because what a session reads may not be transferable to another thread.
    return new Map(
      states.map(({ name, shape, data }) => [name, { shape, data: copyOf(data, name) as Float32Array }]),
    )
  }

  /**
   * Replaces a weight's values, for example with those of a model trained elsewhere.
   *
   * @param path as in `parameters()`
   * @param data all elements of the weight, in row-major order
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
        `its shape is [${found.shape.join(', ')}], which ${data.length} values do not fit`,
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

  /** Like `generate`, but yields the text as it is generated. */
  stream(options: GenerateOptions = {}): AsyncGenerator<string, void, void> {
    const completions = attempt(() => this.oneText('stream', options))
    return this.stringsOf(completions)
  }

  /**
   * Continues one or several prompts, `n` times each, in batches of up to eight: on a CPU, eight
   * texts take little longer than two texts one after the other. Each text is the same as if it were
   * generated alone.
   *
   * @returns a completion for each prompt and sample, grouped by prompt
   */
  async complete(options: CompleteOptions = {}): Promise<Completion[]> {
    return this.severalTexts('complete', options).all(this.generator, this.tokenizer)
  }

  /** Like `complete`, but yields pieces of the texts as they are generated. */
  streamAll(options: CompleteOptions = {}): AsyncGenerator<CompletionPiece, void, void> {
    const completions = attempt(() => this.severalTexts('streamAll', options))
    return this.laterPieces(completions)
  }

  private oneText(where: string, options: unknown): Completions {
    const { prompt, ...generation } = resolveGenerateOptions(options, where)
    return this.completions(where, { prompt: [prompt], n: 1, ...generation })
  }

  private severalTexts(where: string, options: unknown): Completions {
    return this.completions(where, resolveCompleteOptions(options, where))
  }

  private completions(where: string, { prompt, n, ...generation }: SeveralTexts): Completions {
    this.alive
    this.inspector.checkHeads(generation.without, where)
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
   * Computes the mean loss of the model on a text in nats per token, without dropout; lower is
   * better. The text is cut into windows of `blockSize` tokens. Each token except the first of the
   * text is predicted once, from those before it in its window. The same text and weights give the
   * same bits on the same device. With `without` or `replace` the model computes with these changes.
   *
   * @param text a text of at least 2 tokens from the model's vocabulary, or its tokens
   * @throws NanoGptError 'data_too_short', 'unknown_character', 'option', 'non_finite'; the
   *   signal's AbortError
   */
  async loss(text: string | Tokens, options: LossOptions = {}): Promise<number> {
    this.alive
    const checked = checkOptions('loss', lossOptions, options)
    const tokens = this.toPredict('loss', text)
    checked.signal?.throwIfAborted()
    if (!isExperiment(checked)) return this.lossOf(corpusOf(tokens), checked.signal)
    const losses = await this.inspector.losses(tokens, { ...checked, where: 'loss' })
    return finiteMean('loss', losses)
  }

  /**
   * Computes the loss of each token but the first, in nats: how surprising the token is after those
   * before it in its window. The windows are those of `loss`, which is the mean of these losses up to
   * rounding.
   *
   * @param text as in `loss`
   * @returns [tokens − 1]. Element i is the loss of token i + 1
   * @throws NanoGptError as `loss` does; 'option' for a text of several windows with `replace`
   */
  async tokenLosses(text: string | Tokens, options: LossOptions = {}): Promise<Float32Array> {
    this.alive
    const checked = checkOptions('tokenLosses', lossOptions, options)
    const tokens = this.toPredict('tokenLosses', text)
    const losses = await this.inspector.losses(tokens, { ...checked, where: 'tokenLosses' })
    finiteMean('tokenLosses', losses)
    return losses
  }

  /**
   * Computes the logits at each token of a text: the scores of all tokens that may follow, of which
   * the softmax is their probabilities.
   *
   * @param text a text of 1 to `blockSize` tokens from the model's vocabulary, or its tokens
   * @returns shape [tokens, vocabulary]
   * @throws NanoGptError 'option' for a longer text, an invalid option, or a result of more than
   *   1 GiB; 'data_too_short', 'unknown_character'; the signal's AbortError
   */
  async logits(text: string | Tokens, options: LossOptions = {}): Promise<Values> {
    this.alive
    const checked = checkOptions('logits', lossOptions, options)
    return this.inspector.logits(this.tokensOf('logits', text), { ...checked, where: 'logits' })
  }

  /**
   * Computes the attention weights of a text, without dropout. Element [l, h, t, s] is the share of
   * token s in what head h of layer l gathers for token t. Each row sums to 1, and tokens after t have
   * the share 0. A model without attention has 0 layers.
   *
   * @param text as in `logits`
   * @returns shape [layers, heads, tokens, tokens]
   * @throws NanoGptError as `logits` does
   */
  async attention(text: string | Tokens, options: AttentionOptions = {}): Promise<Values> {
    this.alive
    const { layers, ...checked } = checkOptions('attention', attentionOptions, options)
    const tokens = this.tokensOf('attention', text)
    return this.inspector.attention(tokens, layers, { ...checked, where: 'attention' })
  }

  /**
   * The names of the activations that `activations` returns and the option `replace` replaces, in the
   * order in which they are computed. They are paths of modules: `blocks.0.attention` is what the
   * attention of the first block returns, and `blocks.0` what the block returns. In addition,
   * `blocks.0.attention.heads` is the concatenated results of the heads.
   */
  get activationNames(): readonly string[] {
    return this.inspector.names
  }

  /**
   * Computes activations of a text: results of modules, without dropout.
   *
   * @param text as in `logits`
   * @param names a name of `activationNames`, or an array of them
   * @returns by name, each of shape [tokens, channels]
   * @throws NanoGptError as `logits` does
   */
  async activations(
    text: string | Tokens,
    names: string | readonly string[],
    options: LossOptions = {},
  ): Promise<Map<string, Values>> {
    this.alive
    const checked = checkOptions('activations', lossOptions, options)
    const given = checkValue(
      'activations',
      'names',
      oneOrMore(word, 'a string, or an array of strings'),
      names,
    )
    const tokens = this.tokensOf('activations', text)
    return this.inspector.activations(tokens, given, { ...checked, where: 'activations' })
  }

  /** A copy of the table of token embeddings. Its shape is [vocabulary, channels]. */
  async embeddings(): Promise<Values> {
    const table = this.parts.parameters.find(({ path }) => path === 'tokenEmbedding.weight')!
    const [{ shape, data }] = await readWeights(this.alive, [table])
    return { shape, data: copyOf(data, table.path) as Float32Array }
  }

  /**
   * Computes the gradients of `loss(text)` with respect to each parameter, without dropout, in nats per
   * unit of the parameter.
   *
   * @param text as in `loss`
   * @returns by path, as in `parameters()`
   * @throws NanoGptError as `loss` does; 'option' for a model of more than 1 GiB
   */
  async gradients(text: string | Tokens, options: GradientOptions = {}): Promise<Map<string, Values>> {
    this.alive
    const checked = checkOptions('gradients', gradientOptions, options)
    const tokens = this.toPredict('gradients', text)
    return this.inspector.gradients(tokens, { ...checked, where: 'gradients' })
  }

  /**
   * The mean loss on at least 2 tokens, which may be in a file.
   *
   * @internal
   */
  async lossOf(tokens: TokenSpan, signal?: AbortSignal): Promise<number> {
    const loss = await this.textLoss.of(tokens, signal)
    if (Number.isFinite(loss)) return loss
    throw diverged('loss', `the loss is ${loss}`)
  }

  /** At least 2 tokens. */
  private toPredict(where: string, text: string | Tokens): Tokens {
    const tokens = this.tokensOf(where, text)
    if (tokens.length >= 2) return tokens
    throw new NanoGptError('data_too_short', {
      where,
      subject: 'text',
      ...(typeof text === 'string' && { value: text }),
      reason: `it has too few tokens, ${tokens.length}`,
      remedy: 'give at least 2: one to predict from and one to predict',
    })
  }

  /** The tokens of a text, or a copy of given tokens. */
  private tokensOf(where: string, text: string | Tokens): Tokens {
    if (typeof text === 'string') return this.tokenizer.encode(text)
    const kind = arrayClass(text)
    if (kind === 'Uint8Array' || kind === 'Uint16Array' || kind === 'Uint32Array')
      return copyOf(text, 'a copy of the tokens')
    throw new NanoGptError('option', {
      where,
      subject: 'text',
      ...(kind === undefined && { value: text }),
      reason: `must be a string, or its tokens as a Uint8Array, Uint16Array or Uint32Array${kind ? `, not ${kind}` : ''}`,
      remedy: 'tokenizer.encode(text) returns the tokens of a string',
    })
  }

  /**
   * Writes the weights as a checkpoint that `load` reads. It lacks the optimizer's state, so
   * training cannot resume from it. Adapters are merged into the weights, so that the file needs no
   * other one.
   */
  async save(path: string): Promise<void> {
    this.alive
    const file = pathFrom('save', path, 'give the path of a .safetensors file to write')
    const { info, tensors } = await this.copyWeights()
    await writeCheckpoint(file, info, tensors)
  }

  /**
   * Copies what `save` writes. Steps that are requested later do not change it.
   *
   * @internal
   */
  async copyWeights(): Promise<{ info: ModelInfo; tensors: TensorState[] }> {
    const session = this.alive
    const { info } = this
    const states = await readWeights(session, this.parts.parameters)
    const tensors = new Map(states.map((state) => [state.name, state]))
    const whole = merged({ path: '', info, tensors })
    return { info: whole.info, tensors: await Promise.all([...whole.tensors.values()].map(computed)) }
  }

  /**
   * Writes the model for other programs: as a Hugging Face folder, which transformers reads, or as GGUF for
   * llama.cpp, Ollama and LM Studio. docs/models.md says what can be exported.
   *
   * @param folder a folder, which is created if necessary
   * @throws NanoGptError 'export' that names what the format cannot express; 'foreign_files' if the
   *   folder has such files and `overwrite` is not given; 'write_failed', 'non_finite', 'option'
   */
  async export(folder: string, options: ExportOptions = {}): Promise<Exported> {
    const session = this.alive
    const target = pathFrom('export', folder, 'give the path of a folder to write to')
    const checked = checkOptions('export', exportOptions, options)
    const names = new Map(this.parts.parameters.map(({ path, name }) => [path, name]))
    const parameters = {
      has: (path: string) => names.has(path),
      read: async (path: string) => (await session.read(names.get(path)!)) as Float32Array,
    }
    return exportModel(target, this.info, this.tokenizer, parameters, checked)
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

  /**
   * An empty prompt stands for a line feed, as at the start of a paragraph, or for token 0 if the
   * vocabulary has no line feed.
   */
  private promptOf(prompt: string): Prompt {
    if (prompt !== '') return { text: prompt, tokens: Array.from(this.tokenizer.encode(prompt)) }
    try {
      return { text: prompt, tokens: Array.from(this.tokenizer.encode('\n')) }
    } catch {
      return { text: prompt, tokens: [0] }
    }
  }
}

async function computed(tensor: StoredTensor): Promise<TensorState> {
  const { name, dtype, shape } = tensor
  return { name, dtype, shape, data: await elementsOf(tensor) }
}

const isExperiment = ({ without = [], replace }: Experiment) => without.length > 0 || !!replace?.size

/** @throws NanoGptError 'non_finite' if a loss is not finite */
function finiteMean(where: string, losses: Float32Array): number {
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
  if (Number.isFinite(mean)) return mean
  throw diverged(where, `the loss is ${mean}`)
}

/** @throws NanoGptError 'option' for a value that is not a path */
function pathFrom(where: string, value: unknown, remedy: string): string {
  try {
    return checkValue(where, 'path', path('<path>'), value)
  } catch (error) {
    throw error instanceof NanoGptError ? error.with({ remedy }) : error
  }
}

/** What to give as a model. */
export const checkpointRemedy = 'give a run folder, a checkpoint file or a Hugging Face folder'

/**
 * Loads a model.
 *
 * @param path a run folder (the `out` of `train`), a checkpoint file, or a Hugging Face folder
 * @throws NanoGptError if the checkpoint is missing or damaged, its weights are not finite, or the
 *   device is not available
 */
export async function load(path: string, options: LoadOptions = {}): Promise<Model> {
  const file = pathFrom('load', path, checkpointRemedy)
  const checked = checkOptions('load', loadOptions, options)
  const { checkpoint = loadOptions.checkpoint.default, blockSize, base, ...open } = checked
  return loadCheckpoint(await readCheckpoint(file, checkpoint, undefined, { blockSize, base }), open)
}

/** Creates the model of a checkpoint that has been read. */
export async function loadCheckpoint(checkpoint: Checkpoint, open: OpenOptions): Promise<Model> {
  const { info } = checkpoint
  const tokenizer = tokenizerFromJSON(info.tokenizer)
  if (tokenizer.vocabSize !== info.model.vocabSize) {
    throw new NanoGptError('checkpoint', {
      subject: checkpoint.path,
      reason: `it is damaged: the model has ${info.model.vocabSize} tokens, but the tokenizer has ${tokenizer.vocabSize}`,
      remedy: 'use another checkpoint of its run',
    })
  }
  const { model: architecture, parameters, trained } = createModel(info.model)
  const frozen = parameters.filter(({ isFrozen }) => isFrozen)
  const place = async (device: string) => {
    const session = await openSession({ ...open, device })
    try {
      if (checkpoint.base) await loadWeights(session, frozen, checkpoint.base)
      await loadWeights(session, trained, checkpoint)
      return session
    } catch (error) {
      await session.dispose()
      throw error
    }
  }
  const session = await onDevice(open.device, place)
  return new Model({ session, architecture, parameters, tokenizer, info })
}

/**
 * Loads a model, generates once and frees it: `generate({ model: 'runs/first', prompt: 'ROMEO:'
 * })`.
 */
export async function generate(options: GenerateFromOptions): Promise<string> {
  const {
    model: given,
    checkpoint,
    blockSize,
    base,
    device,
    threads,
    instructionSet,
    ...rest
  } = checkGenerateFromOptions(options)
  const path = requireOption('generate', 'model', given, checkpointRemedy)
  const prefer = checkpoint ?? loadOptions.checkpoint.default
  const read = await readCheckpoint(path, prefer, undefined, { blockSize, base })
  return onDevice(device, async (device) => {
    await using model = await loadCheckpoint(read, { device, threads, instructionSet })
    return await model.generate(rest)
  })
}
