// The ten stages of the course: what the page tells of each, and how it runs one.

import { readFile } from 'node:fs/promises'
import { availableCorpus } from '../data/available'
import { shakespeareVocabSize } from '../data/shakespeare'
import type { CheckedTrainOptions } from '../options'
import { stages } from '../stages'
import { affordableBatches } from '../stages/09_decoder'
import { type Diagram, diagramOf, weightsOf } from '../stages/diagram'
import { type Lesson, lessons } from '../stages/lessons'
import { type Reference, references } from '../stages/reference'
import { codeOf, newLines, type SourceLine, sourceOf } from '../stages/source'
import { isLong, type Stage, type TrainedStage } from '../stages/stage'
import { estimate } from '../train/train'
import { canDemonstrate, demonstrate, type Shown } from './demonstration'
import { optionsOf as optionsOfFields } from './fields'
import { type Picture, pictureOf } from './picture'
import { RequestError } from './respond'
import type { GivenText, Runner } from './runner'
import type { MeasuringOptions } from './speed'

/** What the page tells of a stage. */
export interface StageView extends Lesson {
  readonly number: string
  readonly name: string
  /** Its numbers in words. */
  readonly facts: string
  readonly picture: Picture
  /** What the symbols of the shapes mean. */
  readonly symbols: Diagram['symbols']
  /** The stage's code, and which of its lines the previous stage has not. */
  readonly code: readonly SourceLine[]
  /** The name of its file. */
  readonly file: string
  /** null: it trains nothing. */
  readonly numbers: TrainedStage['numbers'] | null
  readonly reference: Reference | null
  /** Whether it trains for hours on a CPU. */
  readonly isLong: boolean
  /** Whether it has something to show without a training. */
  readonly canDemonstrate: boolean
}

/** A small batch is measured: the time of a step is nearly proportional to the size of its batch. */
const measuredBatch = 4

export class Course {
  private listed: Promise<readonly StageView[]> | undefined
  /** By the number of the stage. */
  private readonly measured = new Map<string, Promise<number>>()

  constructor(
    private readonly runner: Runner,
    private readonly options: MeasuringOptions,
  ) {}

  list(): Promise<readonly StageView[]> {
    this.listed ??= viewsOf()
    return this.listed
  }

  /** Shows what a stage computes besides its training. */
  demonstrate(number: unknown, text: GivenText): Promise<readonly Shown[]> {
    return demonstrate(find(number), text)
  }

  /**
   * Trains a stage.
   *
   * @param given the number of steps as a text; default: the stage's own
   * @returns the id of the run, when its first step begins
   * @throws RequestError for a stage that trains nothing, or if another run is training
   */
  start(number: unknown, text: GivenText, given: unknown): Promise<string> {
    const stage = trained(number)
    return this.runner.start(text, optionsOf(stage, given), stage.number)
  }

  /**
   * The seconds that a step of a stage takes on this machine, measured for about a second.
   *
   * @throws RequestError if something is training, or begins meanwhile
   */
  async secondsPerStep(number: unknown, text: GivenText): Promise<number> {
    const stage = trained(number)
    const known = this.measured.get(stage.number)
    if (known) return known
    const measuring = this.measure(stage, text)
    this.measured.set(stage.number, measuring)
    measuring.catch(() => this.measured.delete(stage.number))
    return measuring
  }

  private async measure({ name, numbers }: TrainedStage, text: GivenText): Promise<number> {
    await this.options.refuseBusy()
    const data = text ?? (await availableCorpus('studio'))
    const options = { preset: name, data, batchSize: measuredBatch }
    const { secondsPerStep } = await estimate(options as Parameters<typeof estimate>[0])
    await this.options.refuseBusy()
    return (secondsPerStep * numbers.batchSize) / measuredBatch
  }
}

/** @throws RequestError if there is no such stage */
function find(number: unknown): Stage {
  const found = stages.find((stage) => stage.number === number)
  if (!found) throw new RequestError(404, 'There is no such stage. They are numbered 00 to 09.')
  return found
}

function trained(number: unknown): TrainedStage {
  const stage = find(number)
  if (stage.numbers) return stage
  throw new RequestError(400, `Stage ${stage.number} trains nothing: it only computes and shows.`)
}

/** Ten evaluations, which do not change what a run learns. In a run of minutes, they are a small part of the time. */
function optionsOf(stage: TrainedStage, given: unknown): CheckedTrainOptions {
  const { numbers } = stage
  const { steps = numbers.steps } = optionsOfFields({ steps: given })
  const evalInterval = Math.max(1, Math.min(numbers.evalInterval, Math.round(steps / 10)))
  const evalBatches = affordableBatches({ ...numbers, steps, evalInterval })
  return { steps, evalInterval, ...(isLong(stage) && { evalBatches }) }
}

async function viewsOf(): Promise<StageView[]> {
  const codes = await Promise.all(
    stages.map(async (stage) => codeOf(await readFile(sourceOf(stage), 'utf8'))),
  )
  return stages.map((stage, i) => {
    const diagram = diagramOf(stage, shakespeareVocabSize)
    return {
      number: stage.number,
      name: stage.name,
      ...lessons[stage.number],
      facts: factsOf(stage, diagram),
      picture: pictureOf(diagram),
      symbols: diagram.symbols,
      code: newLines(codes[i - 1] ?? [], codes[i]),
      file: `lib/stages/${sourceOf(stage).split(/[\\/]/).at(-1)}`,
      numbers: stage.numbers ?? null,
      reference: references[stage.number] ?? null,
      isLong: stage.numbers !== undefined && isLong(stage),
      canDemonstrate: canDemonstrate(stage),
    }
  })
}

function factsOf({ numbers }: Stage, diagram: Diagram): string {
  if (!numbers) return 'no weights, trains nothing'
  const { batchSize, blockSize, heads, layers, learningRate, dropout, steps } = numbers
  const attends = diagram.parts.some(({ label }) => label === 'attention')
  const facts = [
    `${weightsOf(diagram).toLocaleString('en')} weights`,
    attends && (heads === 1 ? '1 head' : `${heads} heads`),
    layers > 1 && `${layers} blocks`,
    `${batchSize} windows of ${blockSize} characters per step`,
    `learning rate ${learningRate}`,
    dropout > 0 && `dropout ${dropout}`,
    `${steps.toLocaleString('en')} steps`,
  ]
  return facts.filter(Boolean).join(' · ')
}
