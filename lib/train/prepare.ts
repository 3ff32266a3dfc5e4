// Everything a run needs before its first step: text, model, device, weights and Programs.

import { join, resolve } from 'node:path'
import type { ModelParts } from '../api/model'
import { createModel } from '../architectures/create'
import type { Session } from '../backend/backend'
import { openSession } from '../backend/devices'
import {
  type Checkpoint,
  type CheckpointInfo,
  readCheckpoint,
  type TrainingConfig,
} from '../checkpoint/checkpoint'
import { type Corpus, corpusNames, loadText } from '../data/corpus'
import { splitTokens } from '../data/split'
import { NanoGptError } from '../errors'
import type { Parameter } from '../graph/tensor'
import type { Split } from '../model/programs'
import { initializeWeights, loadTensors, loadWeights, weightTensors } from '../model/weights'
import { averageName } from '../optim/average'
import type { StoreTensor } from '../optim/optimizer'
import { stateTensors } from '../optim/update'
import { type Seed, seedFrom } from '../random/philox'
import { CharTokenizer } from '../tokenizer/char'
import { tokenizerFromJSON } from '../tokenizer/from_json'
import type { Tokenizer, Tokens } from '../tokenizer/tokenizer'
import { version } from '../version'
import { type CheckedOptions, type Resolved, resolveFrom, resolveNew, resolveResumed } from './options'
import { Trainer } from './trainer'

/** A model, where it begins, and a trainer for it. Its weights, as `ModelParts` has them, are averages where the training keeps some. */
export interface Prepared extends ModelParts {
  readonly trainer: Trainer
  readonly corpus: Readonly<Record<Split, Tokens>>
  /** Run folder; undefined: nothing is saved. */
  readonly out: string | undefined
}

/** What a checkpoint keeps: the parameters, the optimizer's state, and averages if there are any. */
export function savedTensors(parameters: readonly Parameter[], training: TrainingConfig): StoreTensor[] {
  return [...weightTensors(parameters), ...stateTensors(parameters, training)]
}

/** @throws NanoGptError for options, text, checkpoint or device; nothing stays allocated then */
export async function prepare(options: CheckedOptions): Promise<Prepared> {
  const origin = await readOrigin(options)
  const resumed = origin.how === 'resume' ? origin.checkpoint : undefined
  const { model: sizes, training, seed } = resolveOptions(options, origin)
  const text = await findText(options, origin)
  const tokenizer = origin.checkpoint
    ? tokenizerFromJSON(origin.checkpoint.info.tokenizer)
    : CharTokenizer.fromText(text.text)
  const corpus = splitTokens(
    encode(tokenizer, text, origin),
    sizes.blockSize,
    origin.checkpoint !== undefined,
  )
  const config = { ...sizes, vocabSize: tokenizer.vocabSize }
  const { model, parameters } = createModel(config)
  const session = await openSession(options)
  try {
    await placeWeights(session, parameters, training, seedFrom(seed), origin)
    const used = training.average > 0 ? createModel(config, { averaged: true }) : { model, parameters }
    const trainer = await Trainer.create({
      session,
      model,
      parameters,
      evaluated: used.model,
      training,
      seed: seedFrom(seed),
      corpus,
    })
    const info: CheckpointInfo = {
      version,
      model: config,
      training,
      tokenizer: tokenizer.toJSON(),
      step: resumed?.info.step ?? 0,
      seed: String(seed),
      data: { name: text.name, digest: text.digest, source: sourceOf(options, origin) },
      device: session.device,
      best: resumed?.info.best ?? null,
    }
    return {
      session,
      architecture: used.model,
      parameters: used.parameters,
      tokenizer,
      trainer,
      info,
      corpus,
      out: options.out ?? (resumed && folderOf(options.resume!, resumed)),
    }
  } catch (error) {
    await session.dispose()
    throw error
  }
}

/** What a run begins with: nothing, the run that it goes on with, or the weights of another. */
type Origin =
  | { readonly how: 'new'; readonly checkpoint?: undefined }
  | { readonly how: 'resume' | 'from'; readonly checkpoint: Checkpoint }

async function readOrigin({ resume, from }: CheckedOptions): Promise<Origin> {
  if (resume !== undefined) return { how: 'resume', checkpoint: await readCheckpoint(resume, 'last') }
  if (from !== undefined) return { how: 'from', checkpoint: await readCheckpoint(from, 'best') }
  return { how: 'new' }
}

function resolveOptions(options: CheckedOptions, { how, checkpoint }: Origin): Resolved {
  if (how === 'new') return resolveNew(options)
  return how === 'resume' ? resolveResumed(options, checkpoint) : resolveFrom(options, checkpoint)
}

function encode(tokenizer: Tokenizer, { text }: Corpus, { how, checkpoint }: Origin): Tokens {
  if (how !== 'from') return tokenizer.encode(text)
  return tokenizer.encode(
    text,
    `it is that of ${checkpoint.path}. Train on a text without this character, or leave \`from\` out to start a new model`,
  )
}

/** Weights, optimizer state and averages into the Store: from the checkpoint, or as they begin. */
async function placeWeights(
  session: Session,
  parameters: readonly Parameter[],
  training: TrainingConfig,
  seed: Seed,
  { how, checkpoint }: Origin,
): Promise<void> {
  if (how === 'resume') {
    const lost = stateTensors(parameters, training).find(({ name }) => !checkpoint.tensors.has(name))
    if (lost) {
      throw new NanoGptError(
        'checkpoint',
        `${checkpoint.path}: ${lost.name} is missing: a file of weights alone (as model.save() writes it) has no run to go ` +
          'on with. Begin a new run with its weights: `from` instead of `resume`',
      )
    }
    await loadTensors(session, savedTensors(parameters, training), checkpoint)
    return
  }
  if (how === 'from') await loadWeights(session, parameters, checkpoint)
  else await initializeWeights(session, parameters, seed)
  for (const { name, shape } of stateTensors(parameters, training)) await session.allocate(name, 'f32', shape)
  if (training.average === 0) return
  // Until the first update the average is what the weights are.
  for (const { path } of parameters) await session.write(averageName(path), await session.read(path))
}

/** A resumed run must be given the text that it began with, to the character. */
async function findText(options: CheckedOptions, { how, checkpoint }: Origin): Promise<Corpus> {
  const source = options.data ?? (checkpoint ? checkpoint.info.data.source : 'shakespeare')
  if (source === null) {
    const which = how === 'resume' ? 'give the same text as `data` to go on' : 'give a text as `data`'
    throw new NanoGptError(
      'data',
      `train: ${checkpoint!.path} was trained on a text given as { text }: ${which}`,
    )
  }
  const text = await loadText(source)
  if (how === 'resume' && text.digest !== checkpoint.info.data.digest) {
    const { name, digest } = checkpoint.info.data
    throw new NanoGptError(
      'data',
      `train: ${checkpoint.path} was trained on another text (${name}, sha256 ${digest.slice(0, 12)}…) than ` +
        `${text.name} (sha256 ${text.digest.slice(0, 12)}…). Give \`data\` the text it began with, or start a new run ` +
        'with its weights: `from` instead of `resume`',
    )
  }
  return text
}

/** Where the text can be found again: a corpus's name or an absolute path; null for a text given as such. */
function sourceOf({ data }: CheckedOptions, { checkpoint }: Origin): string | null {
  if (data === undefined) return checkpoint ? checkpoint.info.data.source : 'shakespeare'
  if (typeof data !== 'string') return null
  return corpusNames.includes(data) ? data : resolve(data)
}

function folderOf(resume: string, { path }: Checkpoint): string {
  return path === resume ? join(path, '..') : resume
}
