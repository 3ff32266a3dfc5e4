// A look inside a model: logits, attention weights, results of modules, gradients, and the loss of
// each token. Each call traces the model anew with other outputs, and frees the Program when it is
// done, so training and generation are not affected.

import type { Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { NanoGptError, suggest } from '../errors'
import { bytesPerElement, type Shape, sizeOf } from '../graph/dtype'
import { buffersOf, type Program } from '../graph/program'
import type { Parameter, Tensor } from '../graph/tensor'
import { Trace } from '../graph/trace'
import type { LanguageModel } from '../nn'
import { crossEntropy, embedding, matmul } from '../ops'
import { crossEntropyOp } from '../ops/cross_entropy'
import { apply } from '../ops/op'
import { gradientName } from '../optim/update'
import { gradients } from '../passes/autodiff'
import { prune } from '../passes/prune'
import type { Tokens } from '../tokenizer/tokenizer'
import { type Experiment, type HeadIndex, outputOf, Probe } from './probe'

export type { Experiment, HeadIndex } from './probe'

/** The elements of a tensor in row-major order. */
export interface Values {
  readonly shape: Shape
  readonly data: Float32Array
}

export interface InspectionOptions extends Experiment {
  /** The function that was called, for errors. */
  readonly where: string
  readonly signal?: AbortSignal
}

/** The name of a result in a Program, which may have a tensor of the result's own name. */
const resultName = (name: string) => `result/${name}`

/** The most bytes that a call returns. */
const mostBytes = 2 ** 30
/** What to do about a larger result, by the function that was called. */
const remedies: Readonly<Record<string, string>> = {
  attention: 'give a shorter text, or fewer `layers`',
  activations: 'give a shorter text, or fewer names',
  gradients: 'a smaller model has fewer',
}
/** Tokens per batch of losses, about. Their logits are transposed by a product with [tokens, tokens]. */
const tokensPerBatch = 256

/** Consecutive windows of equal length, without overlap. */
interface Windows {
  /** Index of the first token. */
  readonly from: number
  readonly count: number
  readonly length: number
}

interface Traced {
  readonly program: Program
  /** The values of its inputs besides the tokens and targets. */
  readonly inputs: Readonly<Record<string, ArrayLike<number>>>
}

type Run = (inputs: Readonly<Record<string, ArrayLike<number>>>) => Promise<(name: string) => Float32Array>

/** What does not depend on the text: the size of each result per token, and the heads of each layer. */
interface Anatomy {
  readonly sizes: ReadonlyMap<string, number>
  readonly heads: readonly number[]
}

export class Inspector {
  private known: Anatomy | undefined

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
    private readonly parameters: readonly Parameter[],
  ) {}

  /** The names of the results that `activations` returns and an experiment replaces. */
  get names(): readonly string[] {
    return [...this.anatomy.sizes.keys()]
  }

  /** Tokens [T] → logits [T, V]. */
  async logits(tokens: Tokens, options: InspectionOptions): Promise<Values> {
    const found = await this.look(tokens, options, (logits) => new Map([['logits', logits]]))
    return found.get('logits')!
  }

  /**
   * The attention weights of layers.
   *
   * @param layers default: all
   * @returns [layers, heads, T, T]. Row t of a matrix is the attention that token t pays to tokens
   *   0 … t
   */
  async attention(
    tokens: Tokens,
    layers: readonly number[] | undefined,
    options: InspectionOptions,
  ): Promise<Values> {
    const { heads } = this.anatomy
    const chosen = layers ?? heads.map((_, layer) => layer)
    for (const layer of chosen) this.checkLayer(layer, 'layers', options.where)
    const found = await this.look(
      tokens,
      options,
      (_, probe) => new Map(chosen.map((layer) => [String(layer), probe.weights(probe.layers[layer])])),
    )
    const matrices = chosen.map((layer) => found.get(String(layer))!.data)
    const data = new Float32Array(matrices.reduce((sum, { length }) => sum + length, 0))
    matrices.forEach((each, i) => {
      data.set(each, i * each.length)
    })
    return { shape: [chosen.length, heads[chosen[0]] ?? 0, tokens.length, tokens.length], data }
  }

  /** Results of modules by name, [T, ·] each. */
  async activations(
    tokens: Tokens,
    names: readonly string[],
    options: InspectionOptions,
  ): Promise<Map<string, Values>> {
    for (const name of names) this.checkName(name, 'names', options.where)
    return this.look(tokens, options, (_, probe) => {
      const unique = [...new Set(names)]
      return new Map(unique.map((name) => [name, probe.results.get(name)!]))
    })
  }

  /**
   * The loss of each token but the first in nats. Windows are those of `TextLoss`.
   *
   * @param tokens at least 2
   */
  async losses(tokens: Tokens, options: InspectionOptions): Promise<Float32Array> {
    this.checkExperiment(tokens, options)
    const { blockSize } = this.model.sizes
    const predicted = tokens.length - 1
    if (options.replace && options.replace.size > 0 && predicted > blockSize) {
      throw new NanoGptError('option', {
        ...{ where: options.where, subject: 'text' },
        reason: `it has ${tokens.length} tokens, and replaced values are those of one window, of at most ${blockSize + 1}`,
        remedy: 'give a shorter text',
      })
    }
    const losses = new Float32Array(predicted)
    const batch = Math.max(1, Math.floor(tokensPerBatch / blockSize))
    for (const windows of windowsOf(predicted, blockSize, batch)) {
      const share = Math.min(batch, windows.count)
      const size = share * windows.length
      const traced = this.lossesProgram(share, windows.length, options)
      await this.withProgram(traced.program, options, async (run) => {
        for (let i = 0; i < windows.count; i += share) {
          const from = windows.from + i * windows.length
          const output = await run({ ...traced.inputs, ...pairOf(tokens, from, size) })
          const [sums, picked] = [output('sums'), output('picked')]
          for (let t = 0; t < size; t++) losses[from + t] = sums[t] - picked[t * size + t]
        }
      })
    }
    return losses
  }

  /**
   * The gradients of the loss of a text, by path.
   *
   * @param tokens at least 2
   */
  async gradients(tokens: Tokens, options: InspectionOptions): Promise<Map<string, Values>> {
    const { blockSize } = this.model.sizes
    const predicted = tokens.length - 1
    const results = new Map<string, Values>()
    for (const windows of windowsOf(predicted, blockSize, 1)) {
      const program = this.gradientsProgram(windows.length)
      await this.withProgram(program, options, async (run) => {
        for (let i = 0; i < windows.count; i++) {
          const output = await run(pairOf(tokens, windows.from + i * windows.length, windows.length))
          for (const { path, shape } of this.parameters) {
            const more = output(gradientName(path))
            const share = windows.length / predicted
            if (share < 1) for (let j = 0; j < more.length; j++) more[j] *= share
            const sum = results.get(path)?.data
            if (sum) for (let j = 0; j < more.length; j++) sum[j] += more[j]
            else results.set(path, { shape, data: more })
          }
        }
      })
    }
    return results
  }

  private get anatomy(): Anatomy {
    if (!this.known) {
      const probe = new Probe()
      const trace = new Trace('anatomy', { observer: probe })
      probe.watch(this.model, () => this.model.forward(trace.input('tokens', 'i32', [1, 1])))
      const sizes = new Map([...probe.results].map(([name, { shape }]) => [name, sizeOf(shape)]))
      this.known = { sizes, heads: probe.layers.map(({ heads }) => heads) }
    }
    return this.known
  }

  /** Runs one window, and returns values that were traced, without the dimension of the batch. */
  private async look(
    tokens: Tokens,
    options: InspectionOptions,
    select: (logits: Tensor, probe: Probe) => ReadonlyMap<string, Tensor>,
  ): Promise<Map<string, Values>> {
    this.checkLength(tokens, options.where)
    this.checkExperiment(tokens, options)
    const shapes = new Map<string, Shape>()
    const traced = this.trace(
      `inspect ${tokens.length}`,
      [1, tokens.length],
      options,
      (logits, probe, trace) => {
        for (const [name, value] of select(logits, probe)) {
          shapes.set(name, value.shape.slice(-2))
          outputOf(trace, resultName(name), value)
        }
      },
    )
    if (shapes.size === 0) return new Map()
    return this.withProgram(traced.program, options, async (run) => {
      const output = await run({ ...traced.inputs, tokens })
      return new Map([...shapes].map(([name, shape]) => [name, { shape, data: output(resultName(name)) }]))
    })
  }

  private trace(
    name: string,
    shape: readonly [number, number],
    experiment: Experiment,
    finish: (logits: Tensor, probe: Probe, trace: Trace) => void,
  ): Traced {
    const probe = new Probe(experiment)
    const trace = new Trace(name, { observer: probe })
    const tokens = trace.input('tokens', 'i32', shape)
    const logits = probe.watch(this.model, () => this.model.forward(tokens))
    finish(logits, probe, trace)
    return { program: prune(trace.finish()), inputs: probe.inputs }
  }

  /**
   * Inputs: tokens, targets i32 [batch, length]. With N = batch · length, outputs: sums [batch,
   * length], the log-sum-exp of the logits at each position; picked [batch, length, N], whose
   * diagonal is the logit of each target.
   */
  private lossesProgram(batch: number, length: number, experiment: Experiment): Traced {
    const N = batch * length
    const identity = new Float32Array(N * N)
    for (let i = 0; i < N; i++) identity[i * N + i] = 1
    const traced = this.trace(
      `losses ${batch} × ${length}`,
      [batch, length],
      experiment,
      (logits, _, trace) => {
        const targets = trace.input('targets', 'i32', [batch, length])
        const [, sums] = apply(crossEntropyOp, [logits, targets])
        // Rows of the transposed logits [V, N] can be selected. The product is exact.
        const transposed = matmul(logits, trace.input('identity', 'f32', [N, N]), true)
        outputOf(trace, 'sums', sums)
        outputOf(trace, 'picked', embedding(targets, transposed))
      },
    )
    return { ...traced, inputs: { ...traced.inputs, identity } }
  }

  /** Inputs: tokens, targets i32 [1, length]. Outputs: the gradients of the mean loss. */
  private gradientsProgram(length: number): Program {
    const trace = new Trace(`gradients ${length}`)
    const tokens = trace.input('tokens', 'i32', [1, length])
    const targets = trace.input('targets', 'i32', [1, length])
    const loss = crossEntropy(this.model.forward(tokens), targets)
    const tensors = this.parameters.map((parameter) => trace.parameter(parameter))
    gradients(loss, tensors).forEach((gradient, i) => {
      outputOf(trace, gradientName(this.parameters[i].path), gradient)
    })
    return trace.finish()
  }

  private async withProgram<T>(
    program: Program,
    { where, signal }: InspectionOptions,
    work: (run: Run) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const bytes = buffersOf(program, 'output').reduce(
      (sum, { dtype, shape }) => sum + sizeOf(shape) * bytesPerElement[dtype],
      0,
    )
    if (bytes > mostBytes) {
      throw new NanoGptError('option', {
        where,
        reason: `the result would take ${(bytes / 2 ** 20).toFixed()} MiB, more than the limit of ${mostBytes / 2 ** 20} MiB`,
        remedy: remedies[where] ?? 'give a shorter text',
      })
    }
    const compiled = await compile(this.session, program)
    try {
      return await work((inputs) => this.run(compiled, inputs, where, signal))
    } finally {
      // If the session has been disposed meanwhile, the Program is already freed.
      await this.session.release(compiled.handle).catch(() => {})
    }
  }

  private async run(
    { handle, inputs, outputs }: Compiled,
    values: Readonly<Record<string, ArrayLike<number>>>,
    where: string,
    signal?: AbortSignal,
  ): Promise<(name: string) => Float32Array> {
    signal?.throwIfAborted()
    const result = await this.session.run(1, [
      { program: handle, times: 1, inputs: inputs.pack([values]), interruptible: true },
    ])
    signal?.throwIfAborted()
    const { failure } = result
    if (failure) throw new NanoGptError(failure.code, { where, reason: failure.message })
    return (name) => outputs.unpack(result.outputs[0], name) as Float32Array
  }

  private checkLength(tokens: Tokens, where: string): void {
    const { blockSize } = this.model.sizes
    if (tokens.length >= 1 && tokens.length <= blockSize) return
    const [reason, remedy] =
      tokens.length === 0
        ? ['it has no tokens', 'give at least 1']
        : [
            `it has ${tokens.length} tokens, and the model reads at most ${blockSize} at a time, its block size`,
            `give a part of it: tokenizer.encode(text).slice(0, ${blockSize}) are tokens that fit`,
          ]
    const code = tokens.length === 0 ? 'data_too_short' : 'option'
    throw new NanoGptError(code, { where, subject: 'text', reason, remedy })
  }

  /** @throws NanoGptError 'option' for a head that the model does not have */
  checkHeads(without: readonly HeadIndex[], where: string): void {
    if (without.length === 0) return
    const { heads } = this.anatomy
    for (const { layer, head } of without) {
      this.checkLayer(layer, 'without', where)
      if (head < heads[layer]) continue
      const reason = `layer ${layer} has the heads 0 to ${heads[layer] - 1}, not ${head}`
      throw new NanoGptError('option', { where, option: 'without', reason })
    }
  }

  private checkExperiment(tokens: Tokens, { without = [], replace = new Map(), where }: InspectionOptions) {
    const { sizes } = this.anatomy
    this.checkHeads(without, where)
    for (const [name, values] of replace) {
      this.checkName(name, 'replace', where)
      const size = sizes.get(name)!
      if (values.length === size * tokens.length) continue
      throw new NanoGptError('option', {
        ...{ where, option: 'replace', value: name },
        reason: `its shape is [${tokens.length}, ${size}], which ${values.length} values do not fit`,
        remedy: `give ${size * tokens.length} values: ${size} for each token of the text`,
      })
    }
  }

  private checkLayer(layer: number, option: string, where: string): void {
    const layers = this.anatomy.heads.length
    if (layer < layers) return
    const has = layers === 0 ? 'no attention' : `the attention layers 0 to ${layers - 1}, not ${layer}`
    throw new NanoGptError('option', { where, option, reason: `the model has ${has}` })
  }

  private checkName(name: string, option: string, where: string): void {
    if (this.anatomy.sizes.has(name)) return
    const close = suggest(name, this.names)
    throw new NanoGptError('option', {
      ...{ where, option, value: name },
      reason: 'no module of the model has this name',
      remedy: close === undefined ? 'activationNames lists them' : `Did you mean ${close}?`,
    })
  }
}

/** `length` tokens, and for each the next one. */
function pairOf(tokens: Tokens, from: number, length: number) {
  return {
    tokens: tokens.subarray(from, from + length),
    targets: tokens.subarray(from + 1, from + length + 1),
  }
}

/**
 * The windows that predict all tokens: full ones, a multiple of `batch`, the full ones that are
 * left, and one that is shorter.
 */
function windowsOf(predicted: number, blockSize: number, batch: number): Windows[] {
  const full = Math.floor(predicted / blockSize)
  const batched = full - (full % batch)
  return [
    { from: 0, count: batched, length: blockSize },
    { from: batched * blockSize, count: full - batched, length: blockSize },
    { from: full * blockSize, count: 1, length: predicted - full * blockSize },
  ].filter(({ count, length }) => count > 0 && length > 0)
}
