// `bench generate`: how fast stage 09's model writes, one sequence at a time.

import { openSession } from '../backend/devices'
import { Generator } from '../generate/generator'
import { resolveGenerateOptions } from '../generate/options'
import { createModel } from '../model/architecture'
import { findPreset } from '../model/config'
import { initializeWeights } from '../model/weights'
import { findCases, seed, vocabSize } from './cases'
import { measure, type Ours } from './measure'
import type { BenchOptions, Result } from './result'
import { TorchProcess } from './torch'

interface GenerateCase {
  readonly name: string
  /** Tokens before the first that is written, and how many are written at a time. */
  readonly prompt: number
  readonly tokens: number
}

const stage = '09'
const { blockSize } = findPreset(stage).model

const cases: readonly GenerateCase[] = [
  // The cache holds what was read.
  { name: 'within-block', prompt: 1, tokens: blockSize - 1 },
  // The window slides: each token is computed from the whole of it.
  { name: 'beyond-block', prompt: blockSize, tokens: 8 },
]

export async function* benchGenerate(options: BenchOptions): AsyncGenerator<Result, void, void> {
  const chosen = findCases(cases, options.only, (wanted) => cases.filter(({ name }) => name === wanted))
  const args = ['--stage', stage, '--threads', String(options.threads)]
  const torch = options.python && new TorchProcess(options.python, 'bench.py', args)
  try {
    for (const each of chosen) yield await benchCase(each, options, torch || undefined)
  } finally {
    if (torch) torch.close()
  }
}

async function benchCase(
  { name, prompt, tokens }: GenerateCase,
  options: BenchOptions,
  torch: TorchProcess | undefined,
): Promise<Result> {
  const ours = await ourWriter(prompt, tokens, options)
  // Both write whole sequences: `count` of them.
  const theirs = torch
    ? [{ name: 'reference', run: (count: number) => theirTokens(torch, prompt, tokens, count) }]
    : []
  const { ms, others } = await measure([ours, ...theirs], options)
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

/** Milliseconds a token. */
async function theirTokens(torch: TorchProcess, prompt: number, tokens: number, count: number) {
  let ms = 0
  for (let i = 0; i < count; i++) ms += (await torch.ask(`generate ${prompt} ${tokens}`)).ms as number
  return ms / count
}

async function ourWriter(
  prompt: number,
  tokens: number,
  options: BenchOptions,
): Promise<Ours & { device: string }> {
  const { model, parameters } = createModel({ ...findPreset(stage).model, vocabSize })
  const session = await openSession(options)
  await initializeWeights(session, parameters, seed)
  const generator = new Generator(session, model)
  const text = Array.from({ length: prompt }, (_, i) => i % vocabSize)
  const generation = resolveGenerateOptions({ maxTokens: tokens, seed: 1337 })
  return {
    name: 'nano-gpt',
    device: session.device,
    run: async (count) => {
      const start = performance.now()
      for (let i = 0; i < count; i++) {
        for await (const _ of generator.tokens(text, generation));
      }
      return (performance.now() - start) / (count * tokens)
    },
    close: () => session.dispose(),
  }
}
