// Generation. A prompt is read into a slot of a key/value cache in chunks (prefill). Then tokens
// are drawn one by one (decode), many per native call, for several sequences at once. Beyond the
// block size, the option `window` decides how the window moves.

import type { Session } from '../backend/backend'
import type { LanguageModel } from '../nn'
import type { Seed } from '../random/philox'
import { type DecodeCall, KvCache, type SampledToken, type Sampling } from './kv_cache'
import type { Generation } from './options'

/** The target time of a native call, short enough for steady output and prompt cancellation. */
const secondsPerCall = 0.03
const mostTokensPerCall = 256
/**
 * The largest batch of sequences. Larger batches gain little from reading the weights once for all
 * sequences.
 */
const mostSlots = 8

/** A prompt to continue. */
export interface Request {
  /** At least one token. */
  readonly prompt: readonly number[]
  readonly seed: Seed
}

/** New tokens of one of the sequences. */
export interface Drawn {
  /** The index of the request. */
  readonly index: number
  readonly draws: readonly SampledToken[]
}

/** Generates with one model. Concurrent calls each use a cache of their own. */
export class Generator {
  private readonly idle: KvCache[] = []
  private caches = 0

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
  ) {}

  /**
   * Yields tokens as they are drawn. The tokens of a request depend only on it and the options, not
   * on the other requests.
   *
   * @param ended whether a sequence ends early: before it has `maxTokens`
   */
  async *run(
    requests: readonly Request[],
    options: Generation,
    ended: (index: number) => boolean = () => false,
  ): AsyncGenerator<Drawn, void, void> {
    const cache = this.cacheFor(requests.length)
    cache.switchOff(options.without)
    try {
      yield* new ContinuousBatch(cache, this.model, requests, options, ended).run()
    } finally {
      this.idle.push(cache)
    }
  }

  private cacheFor(sequences: number): KvCache {
    const slots = Math.min(mostSlots, 2 ** Math.ceil(Math.log2(sequences)))
    const at = this.idle.findIndex((cache) => cache.slots === slots)
    if (at >= 0) return this.idle.splice(at, 1)[0]
    return new KvCache(this.session, this.model, { name: String(this.caches++), slots })
  }
}

/** A sequence that occupies a slot of the cache. */
interface Active {
  readonly index: number
  readonly slot: number
  readonly seed: Seed
  /** The tokens of the prompt and those drawn so far. */
  readonly text: number[]
  readonly counts: Int32Array
  drawn: number
  /**
   * The position of the last token, which is not in the cache yet; undefined before the prefill.
   */
  start?: number
}

/** Runs the requests of one call, as many at a time as the cache has slots. */
class ContinuousBatch {
  private readonly sampling: Sampling
  private readonly waiting: { request: Request; index: number }[]
  private readonly free: number[]
  private active: Active[] = []
  private perCall = 1

  constructor(
    private readonly cache: KvCache,
    private readonly model: LanguageModel,
    requests: readonly Request[],
    private readonly options: Generation,
    private readonly ended: (index: number) => boolean,
  ) {
    const { temperature, topK, topP, minP, repetitionPenalty } = options
    this.sampling = { temperature, topK, topP, minP, repetitionPenalty }
    this.waiting = requests.map((request, index) => ({ request, index }))
    this.free = Array.from({ length: cache.slots }, (_, slot) => cache.slots - 1 - slot)
  }

  async *run(): AsyncGenerator<Drawn, void, void> {
    for (;;) {
      this.changeOver()
      if (this.active.length === 0) return
      for (const sequence of this.active.filter((sequence) => this.needsPrefill(sequence))) {
        this.options.signal?.throwIfAborted()
        yield this.take(sequence, [await this.prefill(sequence)])
      }
      const ready = this.active.filter((sequence) => !this.isDone(sequence) && !this.needsPrefill(sequence))
      yield* this.decode(ready)
    }
  }

  /** Frees the slots of finished sequences and assigns them to waiting ones. */
  private changeOver(): void {
    for (const sequence of this.active) if (this.isDone(sequence)) this.free.push(sequence.slot)
    this.active = this.active.filter((sequence) => !this.isDone(sequence))
    while (this.free.length > 0 && this.waiting.length > 0) {
      const { request, index } = this.waiting.shift()!
      const counts = new Int32Array(this.model.sizes.vocabSize)
      for (const token of request.prompt) counts[token]++
      const text = [...request.prompt]
      this.active.push({ index, slot: this.free.pop()!, seed: request.seed, text, counts, drawn: 0 })
    }
  }

  private isDone({ index, drawn }: Active): boolean {
    return drawn >= this.options.maxTokens || this.ended(index)
  }

  private needsPrefill({ start }: Active): boolean {
    return start === undefined || start >= this.model.sizes.blockSize
  }

  private take(sequence: Active, draws: readonly SampledToken[]): Drawn {
    for (const { token } of draws) {
      sequence.text.push(token)
      sequence.counts[token]++
    }
    sequence.drawn += draws.length
    return { index: sequence.index, draws }
  }

  private async prefill(sequence: Active): Promise<SampledToken> {
    const { blockSize } = this.model.sizes
    const rolls = sequence.start !== undefined && this.options.window === 'roll'
    const window = sequence.text.slice(-(rolls ? Math.max(1, Math.floor(blockSize / 2)) : blockSize))
    const draw = await this.cache.prefill(window, { ...sequence, start: 0 }, this.sampling)
    sequence.start = window.length
    return draw
  }

  /**
   * Draws tokens for these sequences until one of them is done, or needs a prefill. A call is
   * submitted before the result of the previous one is awaited, so that the device does not wait for
   * JavaScript.
   */
  private async *decode(ready: readonly Active[]): AsyncGenerator<Drawn, void, void> {
    let call = await this.call(ready)
    while (call && !ready.every((sequence) => this.isDone(sequence))) {
      const next = ready.some((sequence) => this.isDone(sequence)) ? undefined : await this.call(ready, call)
      const { draws, seconds } = await call.result
      for (const [i, sequence] of ready.entries()) {
        if (this.isDone(sequence)) continue
        sequence.start! += call.count
        yield this.take(sequence, draws[i])
      }
      const affordable = Math.floor((secondsPerCall * call.count) / seconds)
      this.perCall = Math.max(1, Math.min(mostTokensPerCall, 2 * this.perCall, affordable))
      call = next
    }
  }

  /**
   * Submits a call that draws the same number of tokens for each sequence: as many as fit in the
   * target time of a call, in the block size and in `maxTokens`. Undefined if that is none.
   *
   * @param previous a call that is not finished yet
   * @throws the signal's reason
   */
  private async call(ready: readonly Active[], previous?: DecodeCall): Promise<DecodeCall | undefined> {
    const { blockSize } = this.model.sizes
    const ahead = previous?.count ?? 0
    const places = ready.map((sequence) => ({
      ...sequence,
      start: sequence.start! + ahead,
      drawn: sequence.drawn + ahead,
    }))
    const left = places.map(({ start, drawn }) => Math.min(blockSize - start, this.options.maxTokens - drawn))
    const count = Math.min(this.perCall, ...left)
    if (ready.length === 0 || count < 1) return undefined
    this.options.signal?.throwIfAborted()
    const last = previous ? undefined : ready.map(({ text }) => text[text.length - 1])
    return this.cache.decode(count, last, places, this.sampling)
  }
}
