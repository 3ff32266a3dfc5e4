// A run: what `train()` returns. It trains whether or not anyone looks; it can be awaited, iterated and stopped.

import type { TrainEvent } from './events'
import { EventQueue } from './queue'

/** What a run asks of the training it stands for. */
export interface RunControl {
  emit(event: TrainEvent): void
  /** Aborted by `stop()`. */
  readonly stopped: AbortSignal
}

/**
 * ```ts
 * const run = train({ … })
 * for await (const event of run) …   // progress; breaking off does not stop the training
 * const model = await run            // the result, or the error that ended it
 * ```
 */
export class Run<T> implements PromiseLike<T>, AsyncIterable<TrainEvent> {
  /** Settles when the training does. */
  get finished(): Promise<T> {
    this.awaited = true
    return this.result
  }

  private readonly result: Promise<T>
  private readonly stopper = new AbortController()
  private readonly queues = new Set<EventQueue>()
  /** Keeps what happens before anyone iterates. */
  private readonly first = new EventQueue()
  private firstTaken = false
  private awaited = false
  /** Iterations under way: neither ended nor broken off. */
  private readers = 0
  /** What ended the run, until someone has heard of it. */
  private untold: { readonly error: unknown } | undefined

  constructor(work: (control: RunControl) => Promise<T>) {
    this.queues.add(this.first)
    const control: RunControl = {
      emit: (event) => {
        for (const queue of this.queues) queue.push(event)
      },
      stopped: this.stopper.signal,
    }
    // The work begins in the next turn, so that whoever made the run can listen first.
    this.result = new Promise<void>((resolve) => setImmediate(resolve)).then(() => work(control))
    this.result.then(
      () => this.close(),
      (error) => this.fail(error),
    )
  }

  /** The run's own async iterator. */
  get events(): AsyncIterable<TrainEvent> {
    return this
  }

  /** Finishes the step in progress and writes a checkpoint; the run then resolves with the model. */
  stop(): void {
    this.stopper.abort()
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is awaited; that is its purpose
  then<A = T, B = never>(
    onResolved?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.finished.then(onResolved, onRejected)
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.finished.catch(onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.finished.finally(onFinally)
  }

  /** The first iteration sees every event from the beginning, a later one those from now on. */
  [Symbol.asyncIterator](): AsyncIterator<TrainEvent, void, void> {
    const queue = this.firstTaken ? new EventQueue() : this.first
    this.firstTaken = true
    this.queues.add(queue)
    this.readers++
    // A run that is over has nothing more to say to a late reader than how it ended.
    this.result.then(
      () => queue.close(),
      (error) => queue.fail(error),
    )
    return {
      next: () =>
        queue.next().catch((error) => {
          this.untold = undefined
          throw error
        }),
      return: async () => {
        if (this.queues.delete(queue)) this.readers--
        queue.close()
        this.warn()
        return { done: true, value: undefined }
      },
    }
  }

  private close(): void {
    for (const queue of this.queues) queue.close()
  }

  private fail(error: unknown): void {
    for (const queue of this.queues) queue.fail(error)
    this.untold = { error }
    setImmediate(() => this.warn())
  }

  /** A failure that nobody listens for is said once; a run must not take the process with it. */
  private warn(): void {
    if (!this.untold || this.awaited || this.readers > 0) return
    const { error } = this.untold
    this.untold = undefined
    process.emitWarning(`training failed: ${(error as Error)?.message ?? error}`, 'NanoGptWarning')
  }
}
