// A key/value cache with slots on a session, and the Programs that fill it (prefill) and extend it
// (decode).

import type { Phase, Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { diverged, NanoGptError } from '../errors'
import { allocate } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { LanguageModel } from '../nn'
import { diagonalWithout } from '../nn/attention'
import { sampleOp } from '../ops/sample'
import type { Seed } from '../random/philox'
import { HeadSwitches, headsName, type SwitchedLayer, type Without } from './heads'
import { type CacheSlots, countsName, decodeProgram, prefillProgram, tokensName } from './programs'

/** The parameters of the sampler. */
export interface Sampling {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  /** 1: none. */
  readonly repetitionPenalty: number
}

/** The state of a sequence before its next token is drawn. */
export interface SequenceState {
  readonly slot: number
  /** The position of the first token that is not in the cache. */
  readonly start: number
  readonly seed: Seed
  /** The number of tokens drawn so far. */
  readonly drawn: number
  /** How often each token has occurred, for the repetition penalty. */
  readonly counts: Int32Array
}

/** A drawn token. */
export interface SampledToken {
  readonly token: number
  readonly logProbability: number
}

/** A submitted call. */
export interface DecodeCall {
  /** The number of tokens that it draws for each sequence. */
  readonly count: number
  /** The drawn tokens of each sequence, and how long the call ran. */
  readonly result: Promise<{ readonly draws: readonly SampledToken[][]; readonly seconds: number }>
}

export class KvCache {
  private readonly programs = new Map<string, Promise<Compiled>>()
  private readonly allocated = new Set<string>()
  private without: Without = []
  /** The attention layers of Programs with switches, and the heads that their matrices switch off. */
  private layers: readonly SwitchedLayer[] = []
  private readonly written: string[] = []

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
    private readonly cache: CacheSlots,
  ) {}

  get slots(): number {
    return this.cache.slots
  }

  /** Sets the heads that are off from now on. What a slot holds stays as it was computed. */
  switchOff(without: Without): void {
    this.without = without
  }

  /** Reads `tokens` into a slot from position 0 on and draws the next token. */
  async prefill(tokens: readonly number[], place: SequenceState, sampling: Sampling): Promise<SampledToken> {
    await this.writeCounts([place], sampling)
    const phases: Phase[] = []
    let last: Compiled | undefined
    let start = 0
    // Chunks are powers of two, so that few Programs serve prompts of any length without padding.
    while (start < tokens.length) {
      const length = 2 ** Math.floor(Math.log2(tokens.length - start))
      const chunk = tokens.slice(start, start + length)
      last = await this.ready('prefill', length, sampling)
      const values = { ...inputsOf([{ ...place, start }], 0, sampling), tokens: chunk }
      phases.push({ program: last.handle, times: 1, inputs: last.inputs.pack([values]) })
      start += length
    }
    const { outputs } = await this.run(1, phases)
    const [draw] = drawsOf(last!, outputs[outputs.length - 1])
    return draw
  }

  /**
   * Submits a call that draws `count` tokens for each sequence. Resolves as soon as the call is
   * submitted, so that another can follow it.
   *
   * @param tokens the last token of each sequence, at position `start`. Undefined: those that the
   *   previous call draws, which was for the same sequences
   */
  async decode(
    count: number,
    tokens: readonly number[] | undefined,
    places: readonly SequenceState[],
    sampling: Sampling,
  ): Promise<DecodeCall> {
    const batch = places.length
    const program = await this.ready('decode', batch, sampling)
    if (tokens) {
      await this.writeCounts(places, sampling)
      await this.session.write(tokensName(this.cache.name, batch), Int32Array.from(tokens))
    }
    const records = Array.from({ length: count }, (_, step) => inputsOf(places, step, sampling))
    const phase = { program: program.handle, times: 1, inputs: program.inputs.pack(records) }
    const result = this.run(count, [phase]).then(({ outputs, seconds }) => {
      const draws = drawsOf(program, outputs[0])
      return { draws: places.map((_, i) => draws.filter((_, at) => at % batch === i)), seconds }
    })
    result.catch(() => {}) // The caller may leave before it awaits the result.
    return { count, result }
  }

  private async run(steps: number, phases: Phase[]) {
    const result = await this.session.run(steps, phases)
    const { failure } = result
    if (!failure) return result
    // The options are checked, so it is the logits that the sampler rejects.
    if (failure.opName === sampleOp.name) throw diverged('generate', 'the logits allow no choice')
    throw new NanoGptError(failure.code, { where: 'generate', reason: failure.message })
  }

  /** Writes the rows of the given slots. The other rows are never read. */
  private async writeCounts(
    places: readonly SequenceState[],
    { repetitionPenalty }: Sampling,
  ): Promise<void> {
    if (repetitionPenalty === 1) return
    const { vocabSize } = this.model.sizes
    const name = countsName(this.cache.name)
    await this.allocate(name, 'i32', [this.cache.slots, vocabSize])
    const counts = allocate('i32', this.cache.slots * vocabSize, `the input ${name}`)
    for (const place of places) counts.set(place.counts, place.slot * vocabSize)
    await this.session.write(name, counts)
  }

  /** Writes the matrices that switch off heads, if they are others than before. */
  private async writeHeads(): Promise<void> {
    if (this.without.length === 0) return
    for (const [layer, { channels, heads }] of this.layers.entries()) {
      const off = this.without.filter((each) => each.layer === layer).map(({ head }) => head)
      const key = off.sort((a, b) => a - b).join()
      if (this.written[layer] === key) continue
      await this.session.write(headsName(this.cache.name, layer), diagonalWithout(channels, heads, off))
      this.written[layer] = key
    }
  }

  /** A compiled Program. The matrices that it multiplies by are written. */
  private async ready(...wanted: Parameters<KvCache['program']>): Promise<Compiled> {
    const program = await this.program(...wanted)
    await this.writeHeads()
    return program
  }

  private program(
    kind: 'prefill' | 'decode',
    size: number,
    { repetitionPenalty }: Sampling,
  ): Promise<Compiled> {
    const penalty = repetitionPenalty !== 1
    const switches = this.without.length > 0 ? new HeadSwitches(this.cache.name) : undefined
    const key = `${kind} ${size} ${penalty} ${!!switches}`
    let compiled = this.programs.get(key)
    if (!compiled) {
      const make = kind === 'prefill' ? prefillProgram : decodeProgram
      compiled = this.prepare(make(this.model, this.cache, size, { penalty, observer: switches }))
      if (switches) this.layers = switches.layers
      this.programs.set(key, compiled)
      // Forget a failure, so that the next call tries again: memory may have been freed.
      compiled.catch(() => this.programs.delete(key))
    }
    return compiled
  }

  /** Allocates the tensors of the cache that are missing, and compiles. */
  private async prepare(program: Program): Promise<Compiled> {
    const { name: cache } = this.cache
    const isOwn = (name: string) =>
      name.startsWith(`generation/${cache}/`) || name.startsWith(`cache/${cache}/`)
    const own = program.buffers.filter(({ name, role }) => role === 'store' && isOwn(name))
    await Promise.all(own.map(({ name, dtype, shape }) => this.allocate(name, dtype, shape)))
    return compile(this.session, program)
  }

  private async allocate(...[name, dtype, shape]: Parameters<Session['allocate']>): Promise<void> {
    if (this.allocated.has(name)) return
    this.allocated.add(name)
    try {
      await this.session.allocate(name, dtype, shape)
    } catch (error) {
      this.allocated.delete(name)
      throw error
    }
  }
}

/** The inputs of a Program for these sequences, `ahead` tokens from now. */
function inputsOf(places: readonly SequenceState[], ahead: number, sampling: Sampling) {
  const { repetitionPenalty: penalty, ...rest } = sampling
  return {
    ...rest,
    penalty,
    start: places.map(({ start }) => start + ahead),
    slot: places.map(({ slot }) => slot),
    rng: places.flatMap(({ seed, drawn }) => [seed.low, seed.high, drawn + ahead]),
  }
}

function drawsOf(program: Compiled, outputs: Uint8Array): SampledToken[] {
  const tokens = program.outputs.unpack(outputs, 'token')
  const logProbabilities = program.outputs.unpack(outputs, 'logProbability')
  return Array.from(tokens, (token, i) => ({ token, logProbability: logProbabilities[i] }))
}
