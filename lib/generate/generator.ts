// Generation: the prompt is read into a key/value cache in chunks (prefill), then tokens come one by one (decode), many in a
// native call. Beyond the block size the window slides and each token is computed from its whole window, as in training.

import { randomInt } from 'node:crypto'
import type { Phase, Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import { NanoGptError } from '../errors'
import type { Program } from '../graph/program'
import { generationProgram, tokenName } from '../model/programs'
import type { LanguageModel } from '../nn'
import { type Seed, seedFrom } from '../random/philox'
import type { ResolvedGenerateOptions } from './options'

/** A native call decodes for about this long, so that text flows and an abort is heard. */
const secondsPerCall = 0.03
const mostTokensPerCall = 256

/** One generation's cache and Programs; used by one generation at a time, then by the next. */
class Lane {
  private readonly programs = new Map<string, Promise<Compiled>>()
  private readonly allocated = new Set<string>()

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
    private readonly name: string,
  ) {}

  /** Reads `tokens` into the cache from position 0 on and returns the token drawn after the last. */
  async prefill(tokens: readonly number[], sampling: Sampling): Promise<number> {
    const phases: Phase[] = []
    let last: Compiled | undefined
    let start = 0
    // Chunks of powers of two: few Programs serve prompts of any length, and nothing is padded.
    while (start < tokens.length) {
      const length = 2 ** Math.floor(Math.log2(tokens.length - start))
      last = await this.program('prefill', length)
      const inputs = last.inputs.pack([
        { ...sampling.values(0), start, tokens: tokens.slice(start, start + length) },
      ])
      phases.push({ program: last.handle, times: 1, inputs })
      start += length
    }
    const { outputs } = await this.run(1, phases)
    return last!.outputs.unpack(outputs[outputs.length - 1], 'token')[0]
  }

  /** Draws `count` tokens, the first from the token that the last call drew, which stands at position `start`. */
  async decode(
    count: number,
    start: number,
    sampling: Sampling,
  ): Promise<{ tokens: number[]; seconds: number }> {
    const program = await this.program('decode', 1)
    const records = Array.from({ length: count }, (_, i) => ({ ...sampling.values(i), start: start + i }))
    const { outputs, seconds } = await this.run(count, [
      { program: program.handle, times: 1, inputs: program.inputs.pack(records) },
    ])
    return { tokens: Array.from(program.outputs.unpack(outputs[0], 'token')), seconds }
  }

  private async run(steps: number, phases: Phase[]) {
    const result = await this.session.run(steps, phases)
    if (result.failure) throw new NanoGptError(result.failure.code, `generate: ${result.failure.message}`)
    return result
  }

  private program(kind: 'prefill' | 'decode', length: number): Promise<Compiled> {
    const key = `${kind} ${length}`
    let compiled = this.programs.get(key)
    if (!compiled) {
      compiled = this.prepare(generationProgram(this.model, kind, this.name, length))
      this.programs.set(key, compiled)
    }
    return compiled
  }

  /** Allocates what of the lane's cache is not there yet, and compiles. */
  private async prepare(program: Program): Promise<Compiled> {
    for (const { name, dtype, shape, role } of program.buffers) {
      const own = name === tokenName(this.name) || name.startsWith(`cache/${this.name}/`)
      if (role !== 'store' || !own || this.allocated.has(name)) continue
      this.allocated.add(name)
      await this.session.allocate(name, dtype, shape)
    }
    return compile(this.session, program)
  }
}

/** The sampler's inputs for the next tokens. */
interface Sampling {
  /** @param ahead how many tokens after the next */
  values(ahead: number): { temperature: number; topK: number; rng: number[] }
}

/** Generates on one model; as many generations as are asked for run side by side, each in a lane of its own. */
export class Generator {
  private readonly idle: Lane[] = []
  private lanes = 0

  constructor(
    private readonly session: Session,
    private readonly model: LanguageModel,
  ) {}

  /**
   * Yields tokens as they come, in groups.
   *
   * @param prompt at least one token
   */
  async *tokens(
    prompt: readonly number[],
    options: ResolvedGenerateOptions,
  ): AsyncGenerator<number[], void, void> {
    const lane = this.idle.pop() ?? new Lane(this.session, this.model, String(this.lanes++))
    try {
      yield* this.generate(lane, prompt, options)
    } finally {
      this.idle.push(lane)
    }
  }

  private async *generate(
    lane: Lane,
    prompt: readonly number[],
    options: ResolvedGenerateOptions,
  ): AsyncGenerator<number[], void, void> {
    const { blockSize } = this.model.sizes
    const { maxTokens, signal } = options
    const seed = seedFrom(options.seed ?? randomInt(2 ** 32))
    const text = [...prompt]
    const done = () => text.length - prompt.length
    const sampling = samplingFrom(options, seed, done)
    let perCall = 1
    while (done() < maxTokens) {
      signal?.throwIfAborted()
      const window = text.slice(-blockSize)
      const first = await lane.prefill(window, sampling)
      text.push(first)
      yield [first]
      let start = window.length
      while (done() < maxTokens && start < blockSize) {
        signal?.throwIfAborted()
        const count = Math.min(perCall, maxTokens - done(), blockSize - start)
        const { tokens, seconds } = await lane.decode(count, start, sampling)
        text.push(...tokens)
        start += count
        perCall = Math.max(
          1,
          Math.min(mostTokensPerCall, 2 * perCall, Math.floor((secondsPerCall * count) / seconds)),
        )
        yield tokens
      }
    }
  }
}

function samplingFrom(
  { temperature, topK }: ResolvedGenerateOptions,
  seed: Seed,
  done: () => number,
): Sampling {
  return { values: (ahead) => ({ temperature, topK, rng: [seed.low, seed.high, done() + ahead] }) }
}
