// Work in progress that emits events: a training run or a sweep. It runs even if it is never awaited or
// iterated.

import { EventQueue, type Unread } from './queue'

/** The interface between a job and its work. */
export interface JobControl<Event> {
  emit(event: Event): void
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
export class Job<T, Event> implements PromiseLike<T>, AsyncIterable<Event> {
  /** Settles when the work ends. */
  get finished(): Promise<T> {
    this.awaited = true
    return this.result
  }

  private readonly result: Promise<T>
  private readonly stopper = new AbortController()
  private readonly queues = new Set<EventQueue<Event>>()
  /** Buffers the events before the first iteration. */
  private readonly first: EventQueue<Event>
  private firstTaken = false
  private awaited = false
  /** The number of active iterations. */
  private readers = 0
  /** The error that ended the work, until it has been reported. */
  private unreported: { readonly error: unknown } | undefined

  constructor(
    work: (control: JobControl<Event>) => Promise<T>,
    private readonly unread: Unread<Event>,
  ) {
    this.first = new EventQueue(unread)
    this.queues.add(this.first)
    const control: JobControl<Event> = {
      emit: (event) => {
        for (const queue of this.queues) queue.push(event)
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

  /** The job itself, as an iterable of events. */
  get events(): AsyncIterable<Event> {
    return this
  }

  /**
   * Stops after the step in progress and writes a checkpoint. The run then resolves with the model, and a
   * sweep with the results so far.
   */
  stop(): void {
    this.stopper.abort()
  }

  // biome-ignore lint/suspicious/noThenProperty: a job is a thenable, so that it can be awaited
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
   * The first iteration starts with the first event; later ones start with the next
   * event. `EventQueue` merges and limits unread events.
   */
  [Symbol.asyncIterator](): AsyncIterator<Event, void, void> {
    const queue = this.firstTaken ? new EventQueue(this.unread) : this.first
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
