// The flags of `train` and `generate`: each option of the library under its name in kebab-case, and strict parsers for values.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { chipNames } from '../bench/chips'
import type { CompleteOptions } from '../generate/options'
import { precisions } from '../graph/program'
import { activationNames, initialNames, normNames, positionNames } from '../nn'
import { optimizerNames, scheduleNames } from '../optim/names'
import { presets } from '../presets'
import type { TrainOptions } from '../train/options'

interface Flag {
  /** What follows the name in the help: `<n>`. Absent: nothing, and `--no-<name>` says the opposite. */
  readonly value?: string
  readonly description: string
  /** @param before what the same flag gave the last time, where it may come again */
  readonly parse?: (text: string, before?: unknown) => unknown
}

type Flags<Name extends string> = Readonly<Record<Name, Flag>>

/** The compiler sees to it that no option of the library lacks a flag. */
type TrainName = Exclude<keyof TrainOptions, 'signal'>

const presetNames = Object.keys(presets).join(', ')

const groups: Readonly<Record<string, Partial<Flags<TrainName | 'text'>>>> = {
  'What to train on:': {
    data: {
      value: '<name|file>',
      description: 'shakespeare, moby-dick or a text file (default: shakespeare)',
    },
    text: { value: '<string>', description: 'train on this very text' },
    resume: {
      value: '<dir|file>',
      description: 'go on with the run in this folder, as if it had never stopped',
    },
    from: {
      value: '<dir|file>',
      description: 'a new run that begins with the weights of a run (its best) or a checkpoint',
    },
    config: {
      value: '<dir|file>',
      description: 'options that are not given here are those of a run, or of a JSON file',
    },
  },
  'Model:': {
    preset: { value: '<name>', description: `where defaults come from: ${presetNames} (default: cpu)` },
    minutes: {
      value: '<n>',
      description: 'with the preset auto: how long to train, about (default: 3)',
      parse: real,
    },
    layers: { value: '<n>', description: 'transformer blocks', parse: whole },
    heads: { value: '<n>', description: 'attention heads; they divide --embed', parse: whole },
    embed: { value: '<n>', description: 'channels of an embedding', parse: whole },
    blockSize: { value: '<n>', description: 'longest sequence that the model sees, in tokens', parse: whole },
    dropout: { value: '<p>', description: 'probability of dropout, from 0 to below 1', parse: real },
  },
  'Variants of the model (docs/variants.md; --no-… is the opposite):': {
    positions: {
      value: '<name>',
      description: `how it knows where a token stands: ${oneOf(positionNames, 'learned')}`,
    },
    norm: {
      value: '<name>',
      description: `before attention, feed-forward and head: ${oneOf(normNames, 'layer')}`,
    },
    normGain: { description: 'norms have a gain, and layer norms a bias (default: they have)' },
    activation: { value: '<name>', description: `in the feed-forward: ${oneOf(activationNames, 'relu')}` },
    qkNorm: { description: 'queries and keys are normalised, head by head' },
    kvHeads: {
      value: '<n>',
      description: 'heads of keys and values; they divide --heads (default: --heads)',
      parse: whole,
    },
    tiedEmbeddings: { description: "the head's weight is the table of token embeddings" },
    logitCap: {
      value: '<x>',
      description: 'logits stay below it, softly; 0: no limit (default: 0)',
      parse: real,
    },
    bias: { description: 'linear layers and layer norms have biases (default: they have)' },
    embeddingNorm: { description: 'embeddings are normalised before the first block' },
    attentionDropout: {
      value: '<p>',
      description: 'probability of dropping an attention weight (default: --dropout)',
      parse: real,
    },
    embeddingDropout: {
      value: '<p>',
      description: 'probability of dropping an element of the embeddings (default: 0)',
      parse: real,
    },
    initial: { value: '<name>', description: `how weights begin: ${oneOf(initialNames, 'torch')}` },
  },
  'Training:': {
    steps: {
      value: '<n>',
      description: 'updates in all, counted from the beginning of the run',
      parse: whole,
    },
    batchSize: { value: '<n>', description: 'sequences in a micro-batch', parse: whole },
    microBatches: {
      value: '<n>',
      description: 'micro-batches averaged before an update (default: 1)',
      parse: whole,
    },
    precision: {
      value: '<name>',
      description: `what products are computed in, on a GPU: ${oneOf(precisions, 'f32')}`,
    },
    seed: {
      value: '<n>',
      description: 'decides weights, batches and dropout; 64 bits (default: 1337)',
      parse: seed,
    },
  },
  'Optimizer (docs/optimizers.md):': {
    optimizer: { value: '<name>', description: oneOf(optimizerNames, 'adamw') },
    learningRate: { value: '<x>', description: 'step size of AdamW or SGD', parse: real },
    beta1: { value: '<x>', description: "decay of the gradient's running mean (default: 0.9)", parse: real },
    beta2: { value: '<x>', description: 'decay of its running square (default: 0.999)', parse: real },
    epsilon: { value: '<x>', description: "Adam's epsilon (default: 1e-8)", parse: real },
    weightDecay: { value: '<x>', description: 'decay of weights (default: 0.01)', parse: real },
    gradientClip: {
      value: '<x>',
      description: 'largest norm of the gradient (default: no limit)',
      parse: real,
    },
    momentum: { value: '<x>', description: 'of sgd (default: 0.9) and muon (default: 0.95)', parse: real },
    momentumWarmup: {
      value: '<n>',
      description: "steps in which muon's momentum rises from 0.85 (default: 0)",
      parse: whole,
    },
    nesterov: { description: 'sgd looks ahead, as muon always does' },
    matrixLearningRate: {
      value: '<x>',
      description: "muon's step size for matrices; --learning-rate is for the rest (default: 0.02)",
      parse: real,
    },
    schedule: {
      value: '<name>',
      description: `how learning rates go on after the warm-up: ${oneOf(scheduleNames, 'constant')}`,
    },
    warmup: { value: '<n>', description: 'steps in which learning rates rise (default: 0)', parse: whole },
    minLearningRate: {
      value: '<x>',
      description: 'the part of learning rates that is left at the end (default: 0)',
      parse: real,
    },
    decayPart: {
      value: '<x>',
      description: 'the part of all steps in which wsd goes down (default: 0.2)',
      parse: real,
    },
    average: {
      value: '<x>',
      description: 'decay of an average of the weights, which is then the model (default: 0, none)',
      parse: real,
    },
  },
  'Progress and checkpoints:': {
    evalInterval: { value: '<n>', description: 'steps between evaluations', parse: whole },
    evalBatches: { value: '<n>', description: 'batches of each split in an evaluation', parse: whole },
    exactEvaluation: { description: 'take the loss of the whole validation split too, each time' },
    sampleInterval: {
      value: '<n>',
      description: 'steps between samples of text (default: 0, none)',
      parse: whole,
    },
    sampleTokens: { value: '<n>', description: 'tokens in a sample (default: 200)', parse: whole },
    checkpointInterval: {
      value: '<n>',
      description: 'steps between checkpoints (default: --eval-interval)',
      parse: whole,
    },
    out: { value: '<dir>', description: 'folder for checkpoints (default: runs/<preset>-<date>-<time>)' },
  },
  'Machine:': {
    device: {
      value: '<name>',
      description: 'auto, cuda, cpu or js; "nano-gpt info" lists them (default: auto)',
    },
    threads: {
      value: '<n>',
      description: 'threads of the native engine (default: one a core)',
      parse: whole,
    },
    instructionSet: { value: '<name>', description: 'avx2, neon, portable or blas (default: the best here)' },
  },
}

const generateFlags: Flags<Exclude<keyof CompleteOptions, 'signal'> | 'model' | 'checkpoint'> = {
  model: {
    value: '<dir|file>',
    description: 'a run folder or a checkpoint (default: the newest run under runs/)',
  },
  checkpoint: { value: '<which>', description: 'of a run folder: best or last (default: best)' },
  prompt: {
    value: '<text>',
    description: 'the opening that the model continues; may be given more than once (default: a line break)',
    parse: (text, before) => [...((before as string[] | undefined) ?? []), text],
  },
  maxTokens: { value: '<n>', description: 'how many tokens to write (default: 500)', parse: whole },
  temperature: {
    value: '<x>',
    description: 'below 1 is bolder, above 1 wilder, 0 takes the likeliest (default: 1)',
    parse: real,
  },
  topK: {
    value: '<k>',
    description: 'draw from the k likeliest tokens only; 0: from all (default: 0)',
    parse: whole,
  },
  topP: {
    value: '<p>',
    description: 'draw from the likeliest tokens that have this probability together (default: 1, all)',
    parse: real,
  },
  minP: {
    value: '<p>',
    description: 'draw from tokens at least so many times as likely as the likeliest (default: 0, all)',
    parse: real,
  },
  repetitionPenalty: {
    value: '<x>',
    description: 'above 1: what the text holds already becomes less likely (default: 1)',
    parse: real,
  },
  stop: {
    value: '<text>',
    description: 'end before this text; may be given more than once',
    parse: (text, before) => [...((before as string[] | undefined) ?? []), text],
  },
  window: {
    value: '<how>',
    description:
      'beyond the block size: exact reads the whole last block for each token, roll goes on from its newer half, ' +
      'far faster (default: exact)',
  },
  n: { value: '<n>', description: 'texts at once, with the seeds n, n + 1, … (default: 1)', parse: whole },
  seed: {
    value: '<n>',
    description: 'the same seed gives the same text (default: another each time)',
    parse: seed,
  },
}

export function addTrainFlags(command: Command): void {
  for (const [heading, flags] of Object.entries(groups)) {
    for (const [name, flag] of Object.entries(flags)) {
      command.addOption(option(name, flag).helpGroup(heading))
      // Both ways, since a preset may have either. (Defined second, it leaves the option without a default.)
      if (flag.value === undefined) command.addOption(new Option(`--no-${kebab(name)}`).hideHelp())
      if (name === 'out') command.addOption(new Option('--no-out', 'write no checkpoints').helpGroup(heading))
    }
  }
}

/** Of the flags of `train`, those that leave a stage the stage that it is. */
const stageFlags = ['data', 'steps', 'seed', 'out', 'device', 'threads'] as const

export function addStageFlags(command: Command): void {
  const all: Partial<Record<string, Flag>> = Object.assign({}, ...Object.values(groups))
  const descriptions: Partial<Record<string, string>> = {
    steps: 'updates (default: as many as the stage has)',
    out: 'folder for checkpoints (default: none; stage 09: runs/stage-09-<date>-<time>)',
  }
  for (const name of stageFlags) {
    const flag = all[name]!
    command.addOption(option(name, { ...flag, description: descriptions[name] ?? flag.description }))
  }
}

const benchFlags: Readonly<Record<string, Flag>> = {
  only: {
    value: '<names>',
    description: 'measure only these, separated by commas (default: all; roofline: 09)',
  },
  rounds: { value: '<n>', description: 'rounds to take the median of (default: 7)', parse: whole },
  batchSize: { value: '<n>', description: "sequences in a batch (default: each case's own)", parse: whole },
  precision: {
    value: '<name>',
    description: `what products are computed in, on a GPU: ${oneOf(precisions, 'f32')}`,
  },
  paper: {
    value: '<chip>',
    description: `for roofline: by a GPU's published peak, without measuring: ${listed(chipNames)}`,
  },
  compare: {
    value: '<what>',
    description: 'torch, mlx or torch,mlx: take turns with PyTorch, or MLX, doing the same',
  },
  python: {
    value: '<path>',
    description: 'a Python that has them (default: NANO_GPT_PYTHON, or python3)',
  },
  save: { value: '<file>', description: 'write the results to a file, with machine, date and versions' },
  baseline: { value: '<file>', description: 'show the change since a file that --save wrote' },
}

export function addBenchFlags(command: Command): void {
  for (const [name, flag] of Object.entries(benchFlags)) command.addOption(option(name, flag))
  for (const [name, flag] of Object.entries(groups['Machine:'])) command.addOption(option(name, flag))
}

/** Of the flags of `generate`, those that say which model it is. */
export function addEvaluateFlags(command: Command): void {
  for (const name of ['model', 'checkpoint'] as const) command.addOption(option(name, generateFlags[name]))
  command.addOption(
    option('data', { value: '<name|file>', description: 'another text (default: what it was trained on)' }),
  )
  for (const [name, flag] of Object.entries(groups['Machine:'])) command.addOption(option(name, flag))
}

export function addGenerateFlags(command: Command): void {
  for (const [name, flag] of Object.entries(generateFlags)) command.addOption(option(name, flag))
  for (const [name, flag] of Object.entries(groups['Machine:'])) command.addOption(option(name, flag))
}

function option(name: string, { value, description, parse }: Flag): Option {
  const option = new Option(
    value === undefined ? `--${kebab(name)}` : `--${kebab(name)} ${value}`,
    description,
  )
  return parse ? option.argParser(parse) : option
}

/** Names to choose from, for the help. */
function oneOf(names: readonly string[], usual: string): string {
  return `${listed(names)} (default: ${usual})`
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** `batchSize` → `batch-size`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** A whole number, all of it digits; its bounds are the library's to check. */
export function whole(text: string): number {
  const value = Number(text)
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

/** A decimal number: `0.001`, `1e-3`. */
export function real(text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number, such as 0.001 or 1e-3.')
}

/** A seed of up to 64 bits: a number while it is one exactly, beyond that a bigint. */
export function seed(text: string): number | bigint {
  if (!/^\d+$/.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${2n ** 64n - 1n}.`)
  }
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)
}
