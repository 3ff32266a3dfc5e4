// The harness of a course stage on the command line: printing, and training with progress.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '../api/model'
import { openSession } from '../backend/devices'
import { runOnce } from '../backend/once'
import type { DataSource, Text } from '../data/corpus'
import { writeFileAtomic } from '../files/atomic'
import type { Program } from '../graph/program'
import type { Tensor } from '../graph/tensor'
import { type Checked, pick, type stageOptions, type TrainOptions } from '../options'
import type { Numbers } from '../presets/course'
import type { Seed } from '../random/philox'
import { seedToBigInt } from '../random/philox'
import { matrix } from '../stages/matrix'
import type { Harness, TrainedStage, TrainingHarness } from '../stages/stage'
import { CharTokenizer } from '../tokenizer/char'
import type { EvaluationEvent } from '../train/events'
import { train } from '../train/train'
import { follow } from './follow'
import { block, bold, json, say } from './output'
import { lineColumns } from './progress'
import { wrap } from './words'

/** The options of a stage, with the text in the library's form. */
export interface StageOptions extends Omit<Checked<typeof stageOptions>, 'seed' | 'data'> {
  readonly seed: Seed
  readonly data?: readonly DataSource[]
  readonly json?: boolean
}

/** Thrown when the user presses Ctrl-C: the run is saved, and the rest of the stage is skipped. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted')
  }
}

/** Prints only. The methods are bound, so that stages can destructure the harness. */
export class PrintingLab implements Harness {
  readonly seed: Seed

  constructor(protected readonly options: StageOptions) {
    this.seed = options.seed
  }

  readonly say = (line = ''): void => {
    if (this.options.json) json({ type: 'text', text: line })
    else if (line.length <= lineColumns()) say(line)
    else for (const part of wrap(line, lineColumns())) say(part)
  }

  readonly title = (text: string): void => {
    this.say(this.options.json ? text : `\n${bold(text)}`)
  }

  readonly show = (tensor: Tensor): void => {
    for (const line of matrix(tensor)) this.say(`   ${line}`)
  }

  readonly compute = async (program: Program, inputs: Readonly<Record<string, ArrayLike<number>>>) => {
    const session = await openSession(pick(this.options, ['device', 'threads', 'instructionSet']))
    try {
      return { device: session.device, y: await runOnce(session, program, inputs) }
    } finally {
      await session.dispose()
    }
  }

  readonly quote = (title: string, text: string): void => {
    this.say(this.options.json ? `${title}: ${text}` : block(title, text))
  }
}

/** Also trains on a text, with the stage's numbers. */
export class Laboratory extends PrintingLab implements TrainingHarness {
  readonly text: string
  readonly textName: string
  readonly tokenizer: CharTokenizer
  readonly numbers: Numbers
  /** The result of `train`. */
  model: Model | undefined
  evaluation: EvaluationEvent | undefined

  constructor(
    options: StageOptions,
    private readonly stage: TrainedStage,
    text: Text,
  ) {
    super(options)
    this.text = text.text
    this.textName = text.name
    this.tokenizer = CharTokenizer.fromText(text.text)
    this.numbers = { ...stage.numbers, ...(options.steps !== undefined && { steps: options.steps }) }
  }

  readonly train = async (overrides: { evalBatches?: number } = {}): Promise<Model> => {
    const { json: asJson, seed, ...options } = this.options
    const given = { ...options, preset: this.stage.name, seed: seedToBigInt(seed), ...overrides }
    const run = train(given as TrainOptions)
    const { device, out } = options
    const followed = await follow(run, { json: asJson, device, out })
    this.model = followed.model
    this.evaluation = followed.evaluation
    if (followed.interrupted !== undefined) throw new Interrupted(followed.interrupted)
    return followed.model
  }

  readonly keep = async (file: string, text: string): Promise<void> => {
    const { out = '.' } = this.options
    await mkdir(out, { recursive: true })
    const path = join(out, file)
    await writeFileAtomic(path, [Buffer.from(text)])
    this.say(`${[...text].length} characters written to ${path}`)
  }
}
