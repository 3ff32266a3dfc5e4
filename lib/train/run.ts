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
    this.observed = true
    return this.result
  }

  private readonly result: Promise<T>
  private readonly stopper = new AbortController()
  private readonly queues = new Set<EventQueue>()
  /** Keeps what happens before anyone iterates. */
  private readonly first = new EventQueue()
  private firstTaken = false
  private observed = false

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
    this.observed = true
    const queue = this.firstTaken ? new EventQueue() : this.first
    this.firstTaken = true
    this.queues.add(queue)
    // A run that is over has nothing more to say to a late reader than how it ended.
    this.result.then(
      () => queue.close(),
      (error) => queue.fail(error),
    )
    return {
      next: () => queue.next(),
      return: async () => {
        this.queues.delete(queue)
        queue.close()
        return { done: true, value: undefined }
      },
    }
  }

  private close(): void {
    for (const queue of this.queues) queue.close()
  }

  private fail(error: unknown): void {
    for (const queue of this.queues) queue.fail(error)
    // A failure that nobody is listening for is said once; a run must not take the process with it.
    setImmediate(() => {
      if (!this.observed)
        process.emitWarning(`training failed: ${(error as Error)?.message ?? error}`, 'NanoGptWarning')
    })
  }
}
