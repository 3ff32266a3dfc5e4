// The trainer: compiles and runs the Programs of one model on one session. Events and files are
// handled elsewhere.

import { allocateAll } from '../backend/allocate'
import type { Failure, Phase, RunOptions, RunResult, Session } from '../backend/backend'
import { type Compiled, compile } from '../backend/compiled'
import type { Range } from '../data/split'
import { NanoGptError, option, say } from '../errors'
import { sizeOf } from '../graph/dtype'
import { type Program, print } from '../graph/program'
import type { Parameter } from '../graph/tensor'
import { corpusName, evaluationProgram, gradientProgram, mostLogits, type Split } from '../model/programs'
import type { LanguageModel } from '../nn'
import { gradientName, stepInputs, updateProgram } from '../optim/update'
import type { TrainingConfig } from '../options'
import { batchOffsets, type Seed, site } from '../random/philox'
import type { Corpus } from '../tokenizer/span'
import { failedUpdate, isFailedUpdate } from './failed_update'

export interface TrainerOptions {
  readonly session: Session
  readonly model: LanguageModel
  /** Those that are trained. */
  readonly parameters: readonly Parameter[]
  /** The model to evaluate: the one with averaged weights, if there is one. Default: `model`. */
  readonly evaluated?: LanguageModel
  readonly training: TrainingConfig
  readonly seed: Seed
  readonly corpus: Corpus
  /** The ranges of the corpus to train on, and to evaluate. */
  readonly splits: Readonly<Record<Split, Range>>
}

export interface Steps {
  /** One for each completed step. */
  readonly losses: number[]
  readonly gradientNorms: number[]
  readonly seconds: number
  /**
   * With the option `timings`: the time of each op of the two `programs`, summed over all steps.
   */
  readonly timings?: RunResult['timings']
  readonly failure?: Failure
}

/** Where the batches of training are drawn. */
export const trainSite = site('batch')
const evaluationSite = { train: site('evaluation.train'), validation: site('evaluation.validation') }

export class Trainer {
  private constructor(
    private readonly options: TrainerOptions,
    private readonly gradient: Compiled,
    private readonly update: Compiled,
    private readonly evaluation: Compiled,
  ) {}

  /**
   * Uploads the corpus, allocates the gradients and compiles. Parameters and `stateTensors` must be
   * in the Store.
   */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const { session, model, parameters, training, corpus, evaluated = model } = options
    await place(corpus, session)
    await allocateAll(
      session,
      parameters.map(({ path, shape }) => ({ name: gradientName(path), shape })),
    )
    const { batchSize, gradientAccumulationSteps, gradientClip, precision } = training
    const most = mostLogits(session.device)
    return new Trainer(
      options,
      await compile(
        session,
        gradientProgram(model, parameters, corpus, { batchSize, gradientAccumulationSteps }, most),
        precision,
      ),
      await compile(
        session,
        updateProgram(parameters, { ...training, gradientClip: gradientClip ?? Infinity }),
      ),
      await compile(session, evaluationProgram(evaluated, corpus, batchSize, most), precision),
    )
  }

  /**
   * The compiled Programs of a step: the gradient Program runs for each micro-batch, then the
   * update Program.
   */
  get programs(): readonly [gradient: Program, update: Program] {
    return [this.gradient.program, this.update.program]
  }

  /** The tokens per step. */
  get tokensPerStep(): number {
    const { batchSize, gradientAccumulationSteps } = this.options.training
    return batchSize * gradientAccumulationSteps * this.options.model.sizes.blockSize
  }

  /** Runs updates `step` … `step + count − 1`, counted from 0, in one native call. */
  async steps(step: number, count: number, options: RunOptions = {}): Promise<Steps> {
    const { session, training } = this.options
    const result = await session.run(count, this.phases(step, count), options)
    const whole = result.completed
    const losses = Array.from(this.gradient.outputs.unpack(result.outputs[0], 'loss'))
    const norms = this.update.outputs.unpack(result.outputs[1], 'gradientNorm')
    const { gradientAccumulationSteps } = training
    const mean = (at: number) =>
      sum(losses.slice(at * gradientAccumulationSteps, (at + 1) * gradientAccumulationSteps)) /
      gradientAccumulationSteps
    return {
      losses: Array.from({ length: whole }, (_, i) => mean(i)),
      gradientNorms: Array.from(norms.slice(0, whole)),
      seconds: result.seconds,
      timings: result.timings,
      failure: result.failure,
    }
  }

  /**
   * The error for a step with a non-finite value. Unless the update wrote it, repeats the step and
   * checks the result of each op, to name the first op with such a value.
   *
   */
  async explain(step: number, failure: Failure): Promise<NanoGptError> {
    if (isFailedUpdate(failure)) return failedUpdate(step, failure)
    await this.clearGradients()
    const { failure: found } = await this.steps(step, 1, { checkFinite: true })
    await this.clearGradients()
    const where = found?.code === 'non_finite' ? this.describe(found) : this.describe(failure)
    return new NanoGptError('non_finite', {
      subject: `step ${step}`,
      reason:
        `the loss or its gradient is no longer a finite number; the first non-finite value came from ${where}. ` +
        'The weights are unchanged by this step',
      remedy: say`a lower ${option('learningRate')} or ${option('gradientClip', 1)} usually helps`,
    })
  }

  /**
   * The losses of evaluation batches `from` … `from + count − 1` of a split. Batches are fixed by
   * their number.
   */
  async evaluate(
    split: Split,
    from: number,
    count: number,
  ): Promise<{ losses: number[]; seconds: number; failure?: Failure }> {
    const program = this.evaluation
    const records = Array.from({ length: count }, (_, i) => ({
      offsets: this.batch(split, evaluationSite[split], from + i),
    }))
    const { outputs, seconds, failure } = await this.options.session.run(count, [
      { program: program.handle, times: 1, inputs: program.inputs.pack(records), interruptible: true },
    ])
    return { losses: Array.from(program.outputs.unpack(outputs[0], 'loss')), seconds, failure }
  }

  private phases(step: number, count: number): Phase[] {
    const { training, seed } = this.options
    const { gradientAccumulationSteps } = training
    const micro = Array.from({ length: count * gradientAccumulationSteps }, (_, i) => {
      const draw = step * gradientAccumulationSteps + i
      return { offsets: this.batch('train', trainSite, draw), rng: [seed.low, seed.high, draw] }
    })
    const updates = Array.from({ length: count }, (_, i) => stepInputs(step + i, training))
    return [
      {
        program: this.gradient.handle,
        times: gradientAccumulationSteps,
        inputs: this.gradient.inputs.pack(micro),
        interruptible: true,
      },
      { program: this.update.handle, times: 1, inputs: this.update.inputs.pack(updates) },
    ]
  }

  /** The start offsets of the sequences of a batch in a split. */
  private batch(split: Split, siteId: number, draw: number): Uint32Array {
    const { training, model, splits, seed } = this.options
    const { from, length } = splits[split]
    const offsets = new Uint32Array(training.batchSize)
    batchOffsets(offsets, length, model.sizes.blockSize, siteId, draw, seed)
    return from === 0 ? offsets : offsets.map((offset) => from + offset)
  }

  private async clearGradients(): Promise<void> {
    for (const { path, shape } of this.options.parameters) {
      await this.options.session.write(gradientName(path), new Float32Array(sizeOf(shape)))
    }
  }

  /** The op of a failure, with its line of the Program's listing. */
  private describe({ phase, op, opName }: Failure): string {
    const { program } = phase === 0 ? this.gradient : this.update
    const listing = print({ ...program, ops: program.ops.slice(op, op + 1) })
    const line = listing.trimEnd().split('\n').at(-1)!.trim()
    return `${opName} (op ${op} of the ${program.name} Program: ${line.length > 200 ? `${line.slice(0, 200)}…` : line})`
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Makes the corpus a tensor of the session. */
async function place({ dtype, length, from }: Corpus, session: Session): Promise<void> {
  if ('path' in from) return session.map(corpusName, dtype, [length], from)
  await session.allocate(corpusName, dtype, [length])
  await session.write(corpusName, from.tokens)
}
