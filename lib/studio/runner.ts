// The run that the studio trains. It runs in this process: the native engine computes on its own
// threads, so the server answers meanwhile, and a page never holds it up.

import { rmdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Model } from '../api/model'
import { availableCorpus } from '../data/available'
import { corpusNames, type DataSource, titleOf } from '../data/corpus'
import { wordsOf } from '../errors'
import type { CheckedTrainOptions, TrainingConfig, TrainOptions } from '../options'
import { unitOf } from '../tokenizer/names'
import type { TrainEvent } from '../train/events'
import type { Run } from '../train/run'
import { trainWith } from '../train/train'
import { usualMinutes } from './fields'
import { errorInfo, RequestError } from './respond'
import { stageOf } from './stage_of'
import { surface } from './surface'
import { marksOf, pointsOf, type RunView, type Status } from './view'

/**
 * The shortest time between two updates of the pages, in milliseconds, and that for each page: twenty pages
 * get one per second. Unread steps are merged.
 */
const millisecondsPerUpdate = 200
const millisecondsPerPage = 50

/** What the page trains on if it gives no text. */
const [firstCorpus] = corpusNames

/** What to train on: a text of the user's, or null for the first corpus that is available. */
export type GivenText = { readonly text: string; readonly name: string } | null

export interface RunnerOptions {
  /** Creates the folder of a new run, which contains the name of its text. */
  newFolder(name: string): string
  /** The id of a run, by its folder. */
  idOf(folder: string): string
  /** Tells the pages. */
  publish(type: 'run' | 'update', data: unknown): void
  /** The number of pages. */
  pages(): number
}

/** An update of the page: the new status, and what the run added since the last update. */
export interface Update {
  readonly id: string
  readonly status: Status
  readonly points: RunView['points']
  readonly evaluations: RunView['evaluations']
  readonly samples: RunView['samples']
  readonly warnings: RunView['warnings']
}

type State = {
  -readonly [Name in keyof Omit<RunView, 'points' | 'evaluations' | 'samples' | 'warnings'>]: RunView[Name]
}

export class Runner {
  private current: Training | undefined
  private isClosed = false

  constructor(private readonly options: RunnerOptions) {}

  /** The run that is training, or the last one. */
  get view(): RunView | null {
    return this.current?.view ?? null
  }

  /** Whether a run is training or being prepared. */
  get isBusy(): boolean {
    return this.current !== undefined && !this.current.isOver
  }

  /**
   * Starts a run. The number of steps, and the size of the model, are those of the preset 'auto', or of a
   * stage of the course.
   *
   * @param stage its number; null: none
   * @returns the id of the run, when its first step begins
   * @throws RequestError if another run is training; the errors of `train`
   */
  async start(text: GivenText, options: CheckedTrainOptions, stage: string | null = null): Promise<string> {
    this.refuseBusy()
    const folder = this.options.newFolder(text?.name ?? firstCorpus)
    const training = new Training(this.options, folder, text?.name ?? titleOf(firstCorpus), stage)
    this.current = training
    return this.begin(training, async () => optionsOf(await training.textOf(text), options, folder, stage))
  }

  /**
   * Continues a run exactly where it stopped.
   *
   * @param folder of the run
   * @param name of its text
   */
  async resume(folder: string, name: string): Promise<string> {
    this.refuseBusy()
    const training = new Training(this.options, folder, name)
    this.current = training
    return this.begin(training, async () => ({ resume: folder }))
  }

  /** @throws RequestError if a run is training, or the studio ends */
  refuseBusy(): void {
    if (this.isClosed) throw new RequestError(503, 'The studio has ended.')
    if (this.isBusy)
      throw new RequestError(409, 'Another run is training in this studio. Pause or stop it first.')
  }

  /** Stops the run with a checkpoint. The promise settles when it is saved. */
  async stop(): Promise<void> {
    await this.current?.stop()
  }

  /** As `stop`. No run begins afterwards, not even that of a call in progress. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.stop()
  }

  private async begin(training: Training, work: () => Promise<TrainOptions>): Promise<string> {
    await training.begin(work)
    return training.view.id
  }
}

/** One training: from the start, or a resume, to its end. */
class Training {
  isOver = false
  private readonly state: State
  /** Aborted by a stop. */
  private readonly stopper = new AbortController()
  /** Aborted by a stop before the run begins, of which nothing remains then. */
  private readonly preparing = new AbortController()
  private run: Run<Model> | undefined
  private tokensPerStep = 0
  /** A note that stays. */
  private lasting: string | null = null
  /** How much of the history the pages have. */
  private sent = { from: 0, evaluation: -1, sample: -1, warning: -1 }
  private ended: Promise<void> = Promise.resolve()

  constructor(
    private readonly options: RunnerOptions,
    private readonly folder: string,
    text: string,
    stage: string | null = null,
  ) {
    this.state = {
      id: options.idOf(folder),
      text,
      state: 'preparing',
      note: 'Reading the text.',
      step: 0,
      steps: 0,
      tokensPerSecond: null,
      secondsLeft: null,
      isSaved: false,
      device: null,
      parameters: null,
      unit: 'character',
      isOurs: true,
      stage,
    }
  }

  get view(): RunView {
    const history = this.run?.history() ?? { steps: [], evaluations: [], samples: [], warnings: [] }
    return { ...this.state, ...marksOf(history as Parameters<typeof marksOf>[0]) }
  }

  /** Settles with the first step, or rejects with the error that prevented it. */
  begin(work: () => Promise<TrainOptions>): Promise<void> {
    this.options.publish('run', this.view)
    return new Promise((resolve, reject) => {
      const isStopped = () => reject(new RequestError(409, 'The run was stopped before its first step.'))
      this.ended = this.follow(work, resolve).then(isStopped, (error) =>
        this.stopper.signal.aborted ? isStopped() : reject(error),
      )
    })
  }

  async stop(): Promise<void> {
    if (this.isOver) return
    this.change({ state: 'stopping', note: 'Saving the run.' })
    this.stopper.abort()
    if (this.state.steps === 0) this.preparing.abort()
    else this.run?.stop()
    await this.ended
  }

  /** The source of the text. */
  async textOf(given: GivenText): Promise<DataSource> {
    if (given !== null) return given
    const name = await availableCorpus('studio', (message) =>
      this.change({ note: sentence(wordsOf(message, surface)) }),
    )
    this.state.text = titleOf(name)
    if (name !== firstCorpus)
      this.lasting = `${titleOf(firstCorpus)} could not be downloaded, so it reads ${titleOf(name)} instead.`
    return name
  }

  /** Follows the run to its end. */
  private async follow(work: () => Promise<TrainOptions>, onStart: () => void): Promise<void> {
    try {
      const options = { ...(await work()), signal: this.preparing.signal } as TrainOptions
      const run = trainWith(options, {
        keepsSnapshots: true,
        adjust: (...resolved) => this.adjusted(options, ...resolved),
      })
      this.run = run
      for await (const event of run) {
        this.take(event)
        if (event.type === 'start') onStart()
        // Unread ones are merged in the meantime.
        if (event.type === 'step' || event.type === 'evaluating')
          await sleep(Math.max(millisecondsPerUpdate, millisecondsPerPage * this.options.pages()))
      }
      await (await run).dispose()
      this.isOver = true
      this.update()
    } catch (error) {
      this.isOver = true
      const isStopped = this.stopper.signal.aborted
      this.change({
        state: isStopped ? 'stopped' : 'failed',
        note: isStopped ? null : errorInfo(error).message,
        tokensPerSecond: null,
        secondsLeft: null,
      })
      // A run that never began leaves an empty folder.
      await rmdir(this.folder).catch(() => {})
      throw error
    }
  }

  /** A new run has a sample after every evaluation. */
  private adjusted(
    { resume, sampleInterval }: TrainOptions,
    chosen: CheckedTrainOptions,
    { evalInterval }: TrainingConfig,
  ): CheckedTrainOptions {
    this.change({ note: 'Getting the model ready.' })
    return resume !== undefined ? chosen : { ...chosen, sampleInterval: sampleInterval ?? evalInterval }
  }

  private take(event: TrainEvent): void {
    const { state } = this
    if (event.type === 'start') {
      const { batchSize, gradientAccumulationSteps } = event.plan.training
      this.tokensPerStep = batchSize * gradientAccumulationSteps * event.plan.model.blockSize
      state.state = this.stopper.signal.aborted ? 'stopping' : 'running'
      state.note = this.lasting
      state.steps = event.steps
      state.step = event.step
      state.device = event.device
      state.parameters = event.parameters
      state.isSaved = event.plan.begins === 'resume'
      state.text = titleOf(event.plan.data.name)
      state.unit = unitOf(event.plan.tokenizer)
      state.stage = stageOf(event.plan.model, event.plan.training)
      this.options.publish('run', this.view)
      return
    }
    if (event.type === 'notice') state.note = sentence(wordsOf(event.message, surface))
    if (event.type === 'measuring')
      state.note = `Measuring this computer for about ${Math.ceil(event.seconds)} s, to choose a model that fits it.`
    if (event.type === 'evaluating')
      state.note = `Testing it on text it has not seen: ${Math.round((100 * event.done) / event.total)} %.`
    if (event.type === 'evaluation') state.note = this.lasting
    if (event.type === 'checkpoint') state.isSaved = true
    if (event.type === 'step') {
      state.step = event.to
      state.tokensPerSecond = event.tokensPerSecond
      state.secondsLeft = ((state.steps - event.to) * this.tokensPerStep) / event.tokensPerSecond
    }
    if (event.type === 'end') {
      state.state = event.stopped ? 'stopped' : 'finished'
      state.note = event.unsaved ?? this.lasting
      state.step = event.step
      state.tokensPerSecond = null
      state.secondsLeft = null
    }
    this.update()
  }

  private change(changes: Partial<State>): void {
    Object.assign(this.state, changes)
    this.update()
  }

  /** Tells the pages what is new. */
  private update(): void {
    const { id, state, note, step, steps, tokensPerSecond, secondsLeft, isSaved } = this.state
    const update: Update = {
      id,
      status: { state, note, step, steps, tokensPerSecond, secondsLeft, isSaved },
      ...this.news(),
    }
    this.options.publish('update', update)
  }

  /** What the history has more than the pages. The newest point replaces those that begin where it does. */
  private news(): Omit<Update, 'id' | 'status'> {
    const history = this.run?.history()
    if (!history) return { points: [], evaluations: [], samples: [], warnings: [] }
    const { sent } = this
    const steps = history.steps.filter(({ from }) => from >= sent.from)
    const { evaluations, samples, warnings } = marksOf({
      ...history,
      steps: [],
      evaluations: history.evaluations.filter((each) => each.step > sent.evaluation),
      samples: history.samples.filter((each) => each.step > sent.sample),
      warnings: history.warnings.filter((each) => each.step > sent.warning),
    })
    this.sent = {
      from: steps.at(-1)?.from ?? sent.from,
      evaluation: evaluations.at(-1)?.step ?? sent.evaluation,
      sample: samples.at(-1)?.step ?? sent.sample,
      warning: warnings.at(-1)?.step ?? sent.warning,
    }
    return { points: pointsOf(steps), evaluations, samples, warnings }
  }
}

/** Options of a run of a stage, or else of the preset 'auto'. */
function optionsOf(
  data: DataSource,
  given: CheckedTrainOptions,
  out: string,
  stage: string | null,
): TrainOptions {
  const { minutes = usualMinutes } = given
  return {
    ...given,
    preset: stage ?? 'auto',
    ...(stage === null && given.steps === undefined && { minutes }),
    data,
    out,
  } as TrainOptions
}

/** With a capital letter and a full stop. */
function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}
