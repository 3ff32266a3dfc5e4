// The definition of a stage of the course, and the harness with which it prints, computes and
// trains.

import type { TypedArray } from '../graph/dtype'
import type { Program } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import type { LanguageModel, ModelSizes } from '../nn'
import type { Numbers } from '../presets/course'
import { type Seed, seedToBigInt } from '../random/philox'
import type { Tokenizer } from '../tokenizer/tokenizer'

interface Common {
  /** '00' … '09'. */
  readonly number: string
  /** The name of the stage, of its preset and of its kind of model. */
  readonly name: string
  /** What the stage adds, in one line. */
  readonly idea: string
}

/** A stage that prints and computes, but does not train. */
export interface Sketch extends Common {
  readonly numbers?: undefined
  readonly run: (harness: Harness) => Promise<void>
}

/** A stage that trains. */
export interface TrainedStage extends Common {
  readonly numbers: Numbers
  /** What the stage prints and computes before it trains. Default: nothing. */
  readonly look?: (harness: LookingHarness) => void
  /** How the stage trains. Default: `trainAndWrite`. */
  readonly run?: (harness: TrainingHarness) => Promise<void>
}

/** A stage that defines the model it trains. */
export interface ModelStage extends TrainedStage {
  readonly model: new (sizes: ModelSizes) => LanguageModel
}

export type Stage = Sketch | TrainedStage

/** Whether a stage trains for hours on a CPU. */
export function isLong({ numbers }: TrainedStage): boolean {
  return numbers.layers * numbers.embed > 1000
}

/** What every stage can use to print and compute. */
export interface Harness {
  readonly seed: Seed
  /** Prints a line. */
  say(line?: string): void
  /** Prints a heading. */
  title(text: string): void
  /** Prints a tensor of rank 1 or 2, one row per line. */
  show(tensor: Tensor): void
  /** Prints a text with a title, between rules. */
  quote(title: string, text: string): void
  /** Runs a Program on the device with these inputs. Its only output must be named `y`. */
  compute(
    program: Program,
    inputs: Readonly<Record<string, ArrayLike<number>>>,
  ): Promise<{ device: string; y: TypedArray }>
}

/** What a stage that trains can use in addition: the text and its hyperparameters … */
export interface LookingHarness extends Harness {
  readonly text: string
  readonly textName: string
  readonly tokenizer: Tokenizer
  /** The stage's hyperparameters, with the requested number of steps. */
  readonly numbers: Numbers
}

/** … and training. */
export interface TrainingHarness extends LookingHarness {
  /** Trains the stage's model and prints its progress. */
  train(options?: { evalBatches?: number }): Promise<Writer>
  /** Writes a text to a file in the run folder, and prints its path. */
  keep(file: string, text: string): Promise<void>
}

/** The part of a trained model that a stage uses. */
export interface Writer {
  generate(options: { prompt?: string; maxTokens: number; seed: bigint }): Promise<string>
}

/** Trains the stage's model and prints a sample of 300 tokens. */
export async function trainAndWrite(harness: TrainingHarness): Promise<void> {
  const model = await harness.train()
  const text = await model.generate({ maxTokens: 300, seed: seedToBigInt(harness.seed) })
  harness.quote('text generated after training', text)
}

/**
 * The first `count` characters of a text: code points, each of which takes one or two UTF-16 units.
 */
export function beginningOf(text: string, count: number): string {
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('')
}
