// The metadata of a checkpoint: the model, and the state of its training. The two are stored
// separately, because a model may be untrained. docs/checkpoints.md documents the JSON.

import { NanoGptError, type Phrase, printable, show } from '../errors'
import { checkSizes, type ModelConfig, modelKinds, variantNames } from '../model/config'
import { adaptableNames, defaultVariants, type LoraConfig } from '../nn'
import {
  checkValue,
  modelNames,
  type OptionRow,
  pick,
  renamed,
  rowOf,
  type TrainingConfig,
  type TrainingName,
  trainingNames,
  trainOptions,
} from '../options'
import { whole } from '../options/types'
import type { TokenizerJSON } from '../tokenizer/tokenizer'
import { damaged } from './damage'

/** The format that this version writes. */
const format = 3
/**
 * The formats that this version reads. In format 1 the fields of the training are next to those of
 * the model. Formats 1 and 2 have no checksums.
 */
const readable = [1, 2, format]

/** The text that a model was trained on. */
export interface DataInfo {
  readonly name: string
  /** The sha256 of the training text's UTF-8, in hexadecimal. */
  readonly digest: string
  /**
   * Where the text can be read again: corpus names, absolute paths, or file names in the run
   * folder, in order. null: nowhere.
   */
  readonly source: string | readonly string[] | null
  readonly lineEndings: 'normalize' | 'keep'
  /** The options of that name, if they were given. */
  readonly field?: string
  readonly separator?: string
}

/** The state of a training run. */
export interface TrainingState {
  /** All training options, resolved. */
  readonly training: TrainingConfig
  /** The number of updates so far. */
  readonly step: number
  /** 64 bits, in decimal. */
  readonly seed: string
  readonly data: DataInfo
  readonly device: string
  /** On a CPU: the instruction set of its kernels. Files of 0.1.0 may lack it. */
  readonly instructionSet?: string
  readonly best: Best | null
  /**
   * The steps of the last evaluation and the last sample. A resumed run catches up on those that
   * were due but not done.
   */
  readonly done: Done
  /** In order. */
  readonly changes: readonly Change[]
}

/** The lowest validation loss of a run, and its step. */
export interface Best {
  readonly step: number
  readonly valLoss: number
  /** The same loss in bits per byte. Older files lack it. */
  readonly valBitsPerByte?: number
}

/** A training option that a resumed run changed. */
export interface Change {
  /** The step at which it was resumed. */
  readonly step: number
  readonly option: TrainingName
  readonly from: unknown
  readonly to: unknown
}

export interface Done {
  readonly evaluation: number | null
  readonly sample: number | null
}

/** The description of a model. */
interface Identity {
  /** The version of nano-gpt that wrote it. */
  readonly version: string
  readonly model: ModelConfig
  readonly tokenizer: TokenizerJSON
  /** Only of a model with adapters: the model that they were trained on. */
  readonly base?: Base
}

/** The model that adapters were trained on. It is not in their file. */
export interface Base {
  /** The absolute path of a checkpoint or a Hugging Face folder. */
  readonly path: string
  /** The sha256 of its weights, in hexadecimal. */
  readonly digest: string
}

type Untrained = { readonly [Name in keyof TrainingState]: Name extends 'step' ? 0 : null }

/** A model that a run trains or trained. */
export type CheckpointInfo = Identity & TrainingState
/** Any model. If it is untrained, `step` is 0 and the other fields of the training are null. */
export type ModelInfo = Identity & (TrainingState | Untrained)

export const untrained: Untrained = {
  training: null,
  step: 0,
  seed: null,
  data: null,
  device: null,
  best: null,
  done: null,
  changes: null,
}

/**
 * Encodes the JSON of a checkpoint. The fields of the model have a fixed order, so that a resumed run
 * writes the same bytes as one that was never stopped.
 */
export function encodeInfo({ version, model, tokenizer, base, training, ...rest }: ModelInfo): string {
  return JSON.stringify({
    format,
    version,
    model: pick(model as unknown as Record<string, unknown>, ['kind', 'vocabSize', ...modelNames, 'lora']),
    tokenizer,
    base,
    training: training === null ? null : { options: training, ...rest },
  })
}

/** Reads JSON values with checks. Errors name the file and the path of the value. */
class Reader {
  constructor(
    readonly file: string,
    readonly path: string,
    private readonly value: unknown,
  ) {}

  get isNull(): boolean {
    return this.value === null
  }

  has(key: string): boolean {
    return this.object()[key] !== undefined
  }

  at(key: string): Reader {
    return new Reader(this.file, this.path === '' ? key : `${this.path}.${key}`, this.object()[key])
  }

  keys(): string[] {
    return Object.keys(this.object())
  }

  items(): Reader[] {
    return this.expect<unknown[]>(Array.isArray, 'a list').map(
      (item, i) => new Reader(this.file, `${this.path}.${i}`, item),
    )
  }

  /** The value of an option that a resumed run may change. */
  plain(): unknown {
    const isPlain = (value: unknown) => value === null || ['number', 'string'].includes(typeof value)
    return this.expect(isPlain, 'a number, a string or null')
  }

  /** The same object with former option names replaced by the current ones. */
  renamed(): Reader {
    return new Reader(this.file, this.path, renamed(trainOptions, this.object()))
  }

  object(): Record<string, unknown> {
    return this.expect(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'an object',
    )
  }

  string(pattern = /(?:)/, what = 'a string'): string {
    return this.expect((value) => typeof value === 'string' && pattern.test(value), what)
  }

  /** A number of 64 bits, in decimal. */
  seed(): string {
    const fits = (value: unknown) =>
      typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n
    return this.expect(fits, 'a number of 64 bits, as up to 20 digits')
  }

  whole(): number {
    return this.expect((value) => Number.isSafeInteger(value) && (value as number) >= 0, 'a whole number')
  }

  finite(): number {
    return this.expect((value) => Number.isFinite(value), 'a number')
  }

  oneOf<const T extends string>(names: readonly T[]): T {
    return this.expect((value) => names.includes(value as T), names.join(' or '))
  }

  nullable<T>(read: (reader: Reader) => T): T | null {
    return this.value === null ? null : read(this)
  }

  /** A valid value of an option of `train`. */
  option(row: OptionRow): unknown {
    try {
      return checkValue('', this.path, row.type, this.value)
    } catch (error) {
      if (!(error instanceof NanoGptError)) throw error
      throw this.damaged(error.reason)
    }
  }

  expect<T>(holds: (value: unknown) => boolean, what: string): T {
    if (holds(this.value)) return this.value as T
    throw this.damaged(`must be ${what}`)
  }

  damaged(problem: string | Phrase): NanoGptError {
    const is = this.value === undefined ? 'is missing' : `is ${show(this.value)}`
    return damaged(this.file, `${printable(this.path) || 'its metadata'} ${is}: ${problem}`)
  }
}

/**
 * Decodes the JSON of a checkpoint. Fields missing from older files get their old defaults.
 *
 * @param hasChecksums whether the file's checksums were compared
 * @throws NanoGptError 'checkpoint' with the file and what is wrong in it
 */
export function decodeInfo(file: string, json: string, hasChecksums = true): ModelInfo {
  const root = new Reader(file, '', parse(file, json))
  const found = root.at('format')
  const number = found.whole()
  if (!readable.includes(number)) {
    throw new NanoGptError('checkpoint', {
      subject: file,
      reason: `${file} has checkpoint format ${number}; this version of nano-gpt reads ${readable.join(', ')}`,
      remedy: 'use a newer version',
    })
  }
  if (number === format && !hasChecksums) throw damaged(file, 'its checksums are missing')
  const model = readModel(root.at('model').renamed())
  const identity = {
    version: root.at('version').string(/^[\w.+-]{1,64}$/, 'a version'),
    model,
    tokenizer: root.at('tokenizer').object() as unknown as TokenizerJSON,
    ...(model.lora && { base: readBase(root.at('base')) }),
  }
  if (number === 1) return { ...identity, ...readTraining(root, root.at('training').renamed()) }
  const training = root.at('training')
  if (training.isNull) return { ...identity, ...untrained }
  return { ...identity, ...readTraining(training, training.at('options').renamed()) }
}

function parse(file: string, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw damaged(file, 'its nano_gpt metadata is not JSON', cause)
  }
}

function readModel(reader: Reader): ModelConfig {
  const kind = reader.at('kind').oneOf(modelKinds)
  const names = modelNames.filter(
    (name) => kind === 'gpt' || !variantNames.some((variant) => variant === name),
  )
  const stranger = reader.keys().find((key) => !['kind', 'vocabSize', 'lora', ...names].includes(key))
  if (stranger !== undefined)
    throw reader.at(stranger).damaged('this version of nano-gpt has no such model option')
  const read = names
    .filter((name) => !variantNames.some((variant) => variant === name) || reader.has(name))
    .map((name) => [name, reader.at(name).option(rowOf(trainOptions, name))])
  const vocabSize = reader.at('vocabSize').option(rowOf(trainOptions, 'blockSize'))
  const lora = reader.has('lora') && { lora: readLora(reader.at('lora')) }
  const sizes = { kind, ...Object.fromEntries(read), vocabSize, ...lora }
  const model = (kind === 'gpt' ? { ...defaultVariants(sizes), ...sizes } : sizes) as ModelConfig
  try {
    checkSizes(model)
  } catch (error) {
    if (!(error instanceof NanoGptError)) throw error
    throw reader.at(error.option!).damaged(error.reason)
  }
  return model
}

function readLora(reader: Reader): LoraConfig {
  reader.at('targets').expect((value) => Array.isArray(value) && value.length > 0, 'a list that is not empty')
  return {
    rank: reader.at('rank').option({ ...trainOptions.loraRank, type: whole() }) as number,
    alpha: reader.at('alpha').option(trainOptions.loraAlpha) as number,
    targets: reader
      .at('targets')
      .items()
      .map((each) => each.oneOf(adaptableNames)),
  }
}

function readBase(reader: Reader): Base {
  return {
    path: reader.at('path').string(/^[^\0]+$/, 'a path'),
    digest: reader.at('digest').string(/^[0-9a-f]{64}$/, 'a SHA-256'),
  }
}

/** @param root the object with the fields other than the training options */
function readTraining(root: Reader, options: Reader): TrainingState {
  const step = root.at('step').whole()
  const data = root.at('data')
  return {
    training: readOptions(options),
    step,
    seed: root.at('seed').seed(),
    data: {
      name: data.at('name').string(),
      digest: data.at('digest').string(/^[0-9a-f]{1,64}$/, 'a SHA-256'),
      source: readSource(data.at('source')),
      // Files without the field are from versions that always kept line endings.
      lineEndings: data.has('lineEndings') ? data.at('lineEndings').oneOf(['normalize', 'keep']) : 'keep',
      ...(data.has('field') && { field: data.at('field').string() }),
      ...(data.has('separator') && { separator: data.at('separator').string() }),
    },
    device: root.at('device').string(/^[\w:-]{1,64}$/, 'the name of a device'),
    ...(root.has('instructionSet') && {
      instructionSet: root.at('instructionSet').string(/^\w{1,64}$/, 'the name of an instruction set'),
    }),
    best: root.at('best').nullable((best) => ({
      step: best.at('step').whole(),
      valLoss: best.at('valLoss').finite(),
      ...(best.has('valBitsPerByte') && { valBitsPerByte: best.at('valBitsPerByte').finite() }),
    })),
    // Older files lack the field: assume that everything due at this step is done.
    done: root.has('done')
      ? {
          evaluation: root
            .at('done')
            .at('evaluation')
            .nullable((at) => at.whole()),
          sample: root
            .at('done')
            .at('sample')
            .nullable((at) => at.whole()),
        }
      : { evaluation: step, sample: step },
    changes: root.has('changes') ? root.at('changes').items().map(readChange) : [],
  }
}

function readChange(reader: Reader): Change {
  return {
    step: reader.at('step').whole(),
    option: reader.at('option').oneOf(trainingNames),
    from: reader.at('from').plain(),
    to: reader.at('to').plain(),
  }
}

function readSource(reader: Reader): DataInfo['source'] {
  return reader.expect(
    (value) =>
      value === null ||
      typeof value === 'string' ||
      (Array.isArray(value) && value.every((each) => typeof each === 'string')),
    'the source of the text, or null',
  )
}

/** Reads the training options. Options missing from older files get their old defaults. */
function readOptions(reader: Reader): TrainingConfig {
  const read: Record<string, unknown> = {}
  for (const name of trainingNames) {
    const row = rowOf(trainOptions, name)
    if (reader.has(name) || (row.unused === undefined && row.follows === undefined)) {
      read[name] = readOption(reader.at(name), row)
    } else read[name] = row.follows === undefined ? row.unused : read[row.follows]
  }
  return read as TrainingConfig
}

/**
 * Where an option does not apply, its stored value is `unused`, which may be outside the option's
 * range.
 */
function readOption(reader: Reader, row: OptionRow): unknown {
  return reader.expect((value) => value === row.unused || value !== undefined, 'a value') === row.unused &&
    row.unused !== undefined
    ? row.unused
    : reader.option(row)
}
