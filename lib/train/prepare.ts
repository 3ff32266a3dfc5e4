// Everything a run needs before its first step: text, model, device, weights and Programs.

import { join, resolve } from 'node:path'
import type { Session } from '../backend/backend'
import { openSession } from '../backend/devices'
import { type Checkpoint, type CheckpointInfo, readCheckpoint } from '../checkpoint/checkpoint'
import { type Corpus, corpusNames, loadText } from '../data/corpus'
import { splitTokens } from '../data/split'
import { NanoGptError } from '../errors'
import type { Shape } from '../graph/dtype'
import type { Parameter } from '../graph/tensor'
import { createModel } from '../model/architecture'
import type { ModelParts } from '../model/model'
import type { Split } from '../model/programs'
import { initializeWeights, loadTensors, weightTensors } from '../model/weights'
import { type Seed, seedFrom } from '../random/philox'
import { CharTokenizer } from '../tokenizer/char'
import { tokenizerFromJSON } from '../tokenizer/tokenizer'
import { version } from '../version'
import { type CheckedOptions, resolveNew, resolveResumed } from './options'
import { optimizerState, Trainer } from './trainer'

/** A model, where it begins, and a trainer for it. */
export interface Prepared extends ModelParts {
  readonly trainer: Trainer
  /** Tokens of each split. */
  readonly tokens: Readonly<Record<Split, number>>
  /** Run folder; undefined: nothing is saved. */
  readonly out: string | undefined
}

/** What a checkpoint keeps: the parameters and the optimizer's state. */
export function savedTensors(parameters: readonly Parameter[]): { name: string; shape: Shape }[] {
  return [...weightTensors(parameters), ...optimizerState(parameters)]
}

/** @throws NanoGptError for options, text, checkpoint or device; nothing stays allocated then */
export async function prepare(options: CheckedOptions): Promise<Prepared> {
  const checkpoint = options.resume === undefined ? undefined : await readCheckpoint(options.resume, 'last')
  const {
    model: sizes,
    training,
    seed,
  } = checkpoint ? resolveResumed(options, checkpoint) : resolveNew(options)
  const text = await findText(options, checkpoint)
  const tokenizer = checkpoint
    ? tokenizerFromJSON(checkpoint.info.tokenizer)
    : CharTokenizer.fromText(text.text)
  const corpus = splitTokens(tokenizer.encode(text.text), sizes.blockSize)
  const config = { ...sizes, vocabSize: tokenizer.vocabSize }
  const { model, parameters } = createModel(config)
  const session = await openSession(options)
  try {
    await placeWeights(session, parameters, seedFrom(seed), checkpoint)
    const trainer = await Trainer.create({
      session,
      model,
      parameters,
      training,
      seed: seedFrom(seed),
      corpus,
    })
    const info: CheckpointInfo = {
      version,
      model: config,
      training,
      tokenizer: tokenizer.toJSON(),
      step: checkpoint?.info.step ?? 0,
      seed: String(seed),
      data: { name: text.name, digest: text.digest, source: sourceOf(options, checkpoint) },
      device: session.device,
      best: checkpoint?.info.best ?? null,
    }
    return {
      session,
      architecture: model,
      parameters,
      tokenizer,
      trainer,
      info,
      tokens: { train: corpus.train.length, validation: corpus.validation.length },
      out: options.out ?? (checkpoint && folderOf(options.resume!, checkpoint)),
    }
  } catch (error) {
    await session.dispose()
    throw error
  }
}

/** Weights and optimizer state into the Store: from the checkpoint, or as they begin. */
async function placeWeights(
  session: Session,
  parameters: readonly Parameter[],
  seed: Seed,
  checkpoint?: Checkpoint,
): Promise<void> {
  if (checkpoint) {
    await loadTensors(session, savedTensors(parameters), checkpoint)
    return
  }
  await initializeWeights(session, parameters, seed)
  for (const { name, shape } of optimizerState(parameters)) await session.allocate(name, 'f32', shape)
}

/** A resumed run must be given the text that it began with, to the character. */
async function findText(options: CheckedOptions, checkpoint?: Checkpoint): Promise<Corpus> {
  const info = checkpoint?.info
  const source = options.data ?? (info ? info.data.source : 'shakespeare')
  if (source === null) {
    throw new NanoGptError(
      'data',
      `train: ${checkpoint!.path} was trained on a text given as { text }: give the same text as \`data\` to go on`,
    )
  }
  const text = await loadText(source)
  if (info && text.digest !== info.data.digest) {
    throw new NanoGptError(
      'data',
      `train: ${checkpoint.path} was trained on another text (${info.data.name}, sha256 ${info.data.digest.slice(0, 12)}…) than ` +
        `${text.name} (sha256 ${text.digest.slice(0, 12)}…). Give \`data\` the text it began with, or start a new run`,
    )
  }
  return text
}

/** Where the text can be found again: a corpus's name or an absolute path; null for a text given as such. */
function sourceOf({ data }: CheckedOptions, checkpoint?: Checkpoint): string | null {
  if (data === undefined) return checkpoint ? checkpoint.info.data.source : 'shakespeare'
  if (typeof data !== 'string') return null
  return corpusNames.includes(data) ? data : resolve(data)
}

function folderOf(resume: string, { path }: Checkpoint): string {
  return path === resume ? join(path, '..') : resume
}
