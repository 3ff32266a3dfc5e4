// What a stage of the course is, and what it is given to show itself with.

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
  /** What the preset is called, and the kind of model. */
  readonly name: string
  /** What it adds, in a line. */
  readonly idea: string
}

/** A stage that only looks and computes. */
export interface Sketch extends Common {
  readonly numbers?: undefined
  readonly run: (harness: Harness) => Promise<void>
}

/** A stage that trains. */
export interface TrainedStage extends Common {
  readonly numbers: Numbers
  /** The program. Where there is none, the stage trains its model and lets it write. */
  readonly run?: (harness: TrainingHarness) => Promise<void>
}

/** A stage that trains a model of its own. */
export interface ModelStage extends TrainedStage {
  readonly model: new (sizes: ModelSizes) => LanguageModel
}

export type Stage = Sketch | TrainedStage

/** What every stage has to show itself with. */
export interface Harness {
  readonly seed: Seed
  /** Prints a line. */
  say(line?: string): void
  /** Prints a heading. */
  title(text: string): void
  /** Prints a tensor of rank 1 or 2, a row a line. */
  show(tensor: Tensor): void
  /** Prints a text between rules. */
  quote(title: string, text: string): void
  /** Runs a Program whose one output is y on the device, with these inputs. */
  compute(
    program: Program,
    inputs: Readonly<Record<string, ArrayLike<number>>>,
  ): Promise<{ device: string; y: TypedArray }>
}

/** What a stage that trains has besides: the text, its numbers, and the engine. */
export interface TrainingHarness extends Harness {
  readonly text: string
  readonly textName: string
  readonly tokenizer: Tokenizer
  /** The stage's numbers, with the steps that were asked for. */
  readonly numbers: Numbers
  /** Trains the stage's model with its numbers, and shows how it goes. */
  train(options?: { evalBatches?: number }): Promise<Writer>
  /** Writes a text to a file in the run's folder, and says where. */
  keep(file: string, text: string): Promise<void>
}

/** A trained model, as far as a stage needs it. */
export interface Writer {
  generate(options: { prompt?: string; maxTokens: number; seed: bigint }): Promise<string>
}

/** Trains, and prints some text of the model's. */
export async function trainAndWrite(harness: TrainingHarness): Promise<void> {
  const model = await harness.train()
  const text = await model.generate({ maxTokens: 300, seed: seedToBigInt(harness.seed) })
  harness.quote('what it writes now', text)
}

/** The first characters of a text: code points, which may be two units of a string each. */
export function beginningOf(text: string, count: number): string {
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('')
}
