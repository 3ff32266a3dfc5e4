// `bench generate`: the generation speed of stage 09's model, for one text and for eight, within
// the block size and beyond it.

import { createModel } from '../architectures/create'
import { openSession } from '../backend/devices'
import { shakespeareVocabSize as vocabSize } from '../data/shakespeare'
import { Generator } from '../generate/generator'
import { resolveGenerateOptions } from '../generate/options'
import { initializeWeights } from '../model/weights'
import type { GenerateOptions } from '../options'
import { findPreset } from '../presets'
import { findCases } from './cases'
import { RivalProcess, rivalArguments } from './competitors'
import { measure, type Ours } from './measure'
import { seed } from './random_trainer'
import type { BenchOptions, Result } from './result'

interface GenerateCase {
  readonly name: string
  /** The numbers of prompt tokens and of generated tokens. */
  readonly prompt: number
  readonly tokens: number
  /** The number of texts at once. */
  readonly batch: number
  readonly window?: GenerateOptions['window']
  /** Whether scripts/torch/bench.py can do the same. */
  readonly torch: boolean
}

const stage = '09'
const { blockSize } = findPreset(stage).model

const cases: readonly GenerateCase[] = [
  // All tokens are in the key/value cache.
  { name: 'within-block', prompt: 1, tokens: blockSize - 1, batch: 1, torch: true },
  { name: 'batch-8', prompt: 1, tokens: blockSize - 1, batch: 8, torch: false },
  // The window slides, so each token is computed from the whole window.
  { name: 'beyond-block', prompt: blockSize, tokens: 8, batch: 1, window: 'exact', torch: true },
  // The newer half of the window is read again once every half block.
  { name: 'beyond-block-roll', prompt: blockSize, tokens: blockSize, batch: 1, window: 'roll', torch: false },
]

export async function* benchGenerate(options: BenchOptions): AsyncGenerator<Result, void, void> {
  const chosen = findCases(cases, options.only, (wanted) => cases.filter(({ name }) => name === wanted))
  const args = options.python ? ['--stage', stage, ...(await rivalArguments('torch', options))] : []
  const torch = options.python && new RivalProcess('torch', options.python, 'bench.py', args)
  try {
    for (const each of chosen) yield await benchCase(each, options, torch || undefined)
  } finally {
    if (torch) torch.close()
  }
}

async function benchCase(
  each: GenerateCase,
  options: BenchOptions,
  torch: RivalProcess | undefined,
): Promise<Result> {
  const { name, prompt, tokens } = each
  const ours = await ourWriter(each, options)
  // Both sides generate `count` texts and report milliseconds per text.
  const theirs =
    torch && each.torch
      ? [{ name: 'reference', run: (count: number) => theirText(torch, prompt, tokens, count) }]
      : []
  const measured = await measure([ours, ...theirs], options)
  const perToken = (ms: number) => ms / (each.batch * tokens)
  const ms = perToken(measured.ms)
  const others = measured.others.map((other) => ({ ...other, ms: perToken(other.ms) }))
  return {
    kind: 'generate',
    name,
    device: ours.device,
    threads: options.threads,
    ms,
    tokensPerSecond: 1000 / ms,
    ...(others.length > 0 && { torch: others }),
  }
}

/** Milliseconds per text of PyTorch. */
async function theirText(torch: RivalProcess, prompt: number, tokens: number, count: number) {
  let ms = 0
  for (let i = 0; i < count; i++) {
    const { ms: perToken } = await torch.ask(`generate ${prompt} ${tokens}`)
    ms += (perToken as number) * tokens
  }
  return ms / count
}

async function ourWriter(
  { prompt, tokens, batch, window }: GenerateCase,
  options: BenchOptions,
): Promise<Ours & { device: string }> {
  const { model, parameters } = createModel({ ...findPreset(stage).model, vocabSize })
  const session = await openSession(options)
  await initializeWeights(session, parameters, seed)
  const generator = new Generator(session, model)
  const text = Array.from({ length: prompt }, (_, i) => i % vocabSize)
  const generation = resolveGenerateOptions({ maxTokens: tokens, window })
  const requests = Array.from({ length: batch }, (_, low) => ({ prompt: text, seed: { low, high: 0 } }))
  return {
    name: 'nano-gpt',
    device: session.device,
    run: async (count) => {
      const start = performance.now()
      for (let i = 0; i < count; i++) {
        for await (const _ of generator.run(requests, generation));
      }
      return (performance.now() - start) / count
    },
    close: () => session.dispose(),
  }
}
