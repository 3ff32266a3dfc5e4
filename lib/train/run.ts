// A run, as `train()` returns it. It runs even if it is never awaited or iterated.

import { History } from '../history/history'
import type { RunHistory } from '../history/types'
import type { TrainEvent } from './events'
import { EventQueue } from './queue'

/** The interface between a run and its training. */
export interface RunControl {
  emit(event: TrainEvent): void
  /** Called before the run starts: where its history is. */
  keepsHistory(history: History): void
  /** Aborted by `stop()`. */
  readonly stopped: AbortSignal
}

/**
 * ```ts
 * const run = train({ … })
 * for await (const event of run) …   // progress; a break does not stop the training
 * const model = await run            // the model; rejects with the error that ended the run
 * ```
 */
export class Run<T> implements PromiseLike<T>, AsyncIterable<TrainEvent> {
  /** Settles when the training ends. */
  get finished(): Promise<T> {
    this.awaited = true
    return this.result
  }

  private readonly result: Promise<T>
  private readonly stopper = new AbortController()
  private readonly queues = new Set<EventQueue>()
  /** Buffers the events before the first iteration. */
  private readonly first = new EventQueue()
  private firstTaken = false
  private awaited = false
  /** The number of active iterations. */
  private readers = 0
  /** Of the newest start: a run may begin on one device and go on on the next. */
  private kept = new History()
  /** The error that ended the run, until it has been reported. */
  private unreported: { readonly error: unknown } | undefined

  constructor(work: (control: RunControl) => Promise<T>) {
    this.queues.add(this.first)
    const control: RunControl = {
      emit: (event) => {
        for (const queue of this.queues) queue.push(event)
      },
      keepsHistory: (history) => {
        this.kept = history
      },
      stopped: this.stopper.signal,
    }
    // The work begins in the next turn of the event loop, so that the caller can attach listeners
    // first.
    this.result = new Promise<void>((resolve) => setImmediate(resolve)).then(() => work(control))
    this.result.then(
      () => this.close(),
      (error) => this.fail(error),
    )
  }

  /** The run itself, as an iterable of events. */
  get events(): AsyncIterable<TrainEvent> {
    return this
  }

  /**
   * What happened so far, during the run and after it, also before a resume. The result does not change
   * afterwards.
   */
  history(): RunHistory {
    return this.kept.view()
  }

  /**
   * Stops after the step in progress and writes a checkpoint. The run then resolves with the model.
   */
  stop(): void {
    this.stopper.abort()
  }

  // biome-ignore lint/suspicious/noThenProperty: a run is a thenable, so that it can be awaited
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

  /**
   * The first iteration starts with the first event of the run; later ones start with the next
   * event. `EventQueue` merges and limits unread events.
   */
  [Symbol.asyncIterator](): AsyncIterator<TrainEvent, void, void> {
    const queue = this.firstTaken ? new EventQueue() : this.first
    this.firstTaken = true
    this.queues.add(queue)
    this.readers++
    // A reader that starts after the end gets only the end or the error.
    this.result.then(
      () => queue.close(),
      (error) => queue.fail(error),
    )
    return {
      next: () =>
        queue.next().catch((error) => {
          this.unreported = undefined
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
    this.unreported = { error }
    setImmediate(() => this.warn())
  }

  /**
   * Emits one warning for an error that nobody handles, and lets the process end with exit code 1. An
   * unhandled rejection would end it at once.
   */
  private warn(): void {
    if (!this.unreported || this.awaited || this.readers > 0) return
    const { error } = this.unreported
    this.unreported = undefined
    process.emitWarning(`training failed: ${(error as Error)?.message ?? error}`, 'NanoGptWarning')
    process.exitCode ??= 1
  }
}
