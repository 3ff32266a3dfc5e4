// A Run can be awaited, iterated, stopped and aborted in any order. No failure is lost, and none
// ends the process.

import { setTimeout as sleep } from 'node:timers/promises'
import { load } from '../../lib/api/model'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { NanoGptError, say } from '../../lib/errors'
import type { TrainOptions } from '../../lib/options'
import type { TrainEvent } from '../../lib/train/events'
import { Run, type RunControl } from '../../lib/train/run'
import { train } from '../../lib/train/train'
import { expectSameBits, sameBits } from '../support/bits'
import { runChild } from '../support/child'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { eventsOf, lossesOf, parametersOf, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

/** An event that is identified by its step. */
const event = (step: number): TrainEvent => ({ type: 'checkpoint', step, path: '' })
const steps = (from: number, to: number): TrainEvent => ({
  type: 'step',
  from,
  to,
  losses: Array.from({ length: to - from }, (_, i) => from + i),
  gradientNorms: Array.from({ length: to - from }, () => 1),
  seconds: 0.5,
  tokensPerSecond: 10 * (to - from),
  bytesPerSecond: 30 * (to - from),
})
const numbers = (events: readonly TrainEvent[]) => events.map((found) => (found as { step: number }).step)

/** A run that the test controls. */
function driven() {
  let control!: RunControl
  let resolve!: (value: string) => void
  let reject!: (error: unknown) => void
  const begun: Promise<Run<string>> = new Promise((begin) => {
    const run: Run<string> = new Run((given) => {
      control = given
      // A Run is thenable: resolving with it directly would wait for its result.
      begin({ run } as never)
      return new Promise((...settle) => {
        ;[resolve, reject] = settle
      })
    })
  })
  return (begun as unknown as Promise<{ run: Run<string> }>).then(({ run }) => ({
    run,
    control,
    resolve: (value = 'done') => resolve(value),
    reject: (error: unknown = new NanoGptError('option', 'failed')) => reject(error),
  }))
}

async function take(iterator: AsyncIterator<TrainEvent>, count: number): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for (let i = 0; i < count; i++) events.push((await iterator.next()).value as TrainEvent)
  return events
}

describe('reading events', () => {
  test('the first reader gets all events from the start, however late it starts', async () => {
    const { run, control, resolve } = await driven()
    for (let i = 0; i < 3; i++) control.emit(event(i))
    resolve()
    await run
    expect(numbers(await collect(run))).toEqual([0, 1, 2])
  })

  test('two readers get the same events; a later one gets only those after its start', async () => {
    const { run, control, resolve } = await driven()
    const [a, b] = [run[Symbol.asyncIterator](), run[Symbol.asyncIterator]()]
    control.emit(event(0))
    const c = run[Symbol.asyncIterator]()
    control.emit(event(1))
    resolve()
    await run.finished
    expect(numbers(await take(a, 2))).toEqual([0, 1])
    expect(numbers(await take(b, 2))).toEqual([0, 1])
    expect(numbers(await take(c, 1))).toEqual([1])
    for (const iterator of [a, b, c]) expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  test('pending reads are resolved in order', async () => {
    const { run, control, resolve } = await driven()
    const iterator = run[Symbol.asyncIterator]()
    const waiting = [iterator.next(), iterator.next(), iterator.next()]
    control.emit(event(0))
    control.emit(event(1))
    resolve()
    expect(await Promise.all(waiting)).toEqual([
      { done: false, value: event(0) },
      { done: false, value: event(1) },
      { done: true, value: undefined },
    ])
  })

  test('unread progress events are merged, all others are kept', async () => {
    const { run, control, resolve } = await driven()
    control.emit(steps(0, 2))
    control.emit(steps(2, 5))
    control.emit({ type: 'evaluating', step: 5, done: 1, total: 9 })
    control.emit({ type: 'evaluating', step: 5, done: 2, total: 9 })
    control.emit(event(5))
    control.emit(event(6))
    control.emit(steps(5, 6))
    control.emit(event(7))
    control.emit(steps(6, 7))
    resolve()
    expect(await collect(run)).toEqual([
      {
        type: 'step',
        from: 0,
        to: 5,
        losses: [0, 1, 2, 3, 4],
        gradientNorms: [1, 1, 1, 1, 1],
        seconds: 1,
        tokensPerSecond: 25,
        bytesPerSecond: 75,
      },
      { type: 'evaluating', step: 5, done: 2, total: 9 },
      event(5),
      event(6),
      steps(5, 6),
      event(7),
      steps(6, 7),
    ])
  })

  test('of too many unread events the oldest are dropped, but never those that describe the run', async () => {
    const { run, control, resolve } = await driven()
    const notice = { type: 'notice', step: 0, message: say`a notice` } as const
    const start = { type: 'start', step: 0 } as unknown as TrainEvent
    control.emit(notice)
    control.emit(start)
    for (let step = 0; step < 10_005; step++) control.emit(event(step))
    resolve()
    const events = await collect(run)
    expect(events).toHaveLength(10_000)
    expect(events.slice(0, 3)).toEqual([notice, start, event(7)])
    expect(events.at(-1)).toEqual(event(10_004))
  })

  test('a reader that keeps up gets every event unmerged', async () => {
    const { run, control, resolve } = await driven()
    const reading = collect(run)
    for (let i = 0; i < 3; i++) {
      await sleep(1)
      control.emit(steps(i, i + 1))
    }
    resolve()
    expect((await reading).map(({ type }) => type)).toEqual(['step', 'step', 'step'])
  })

  test('run.events is the run', async () => {
    const { run, resolve } = await driven()
    expect(run.events).toBe(run)
    resolve()
    await run
  })
})

async function collect(run: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for await (const found of run) events.push(found)
  return events
}

describe('the result', () => {
  test('then, catch, finally and finished give the same result', async () => {
    const { run, resolve } = await driven()
    resolve('value')
    const final = jest.fn()
    expect(await run).toBe('value')
    expect(await run.finished).toBe('value')
    expect(await run.then((value) => `${value}!`)).toBe('value!')
    expect(await run.catch(() => 'none')).toBe('value')
    expect(await run.finally(final)).toBe('value')
    expect(final).toHaveBeenCalledTimes(1)
  })

  test('leaving the loop does not stop the work', async () => {
    const { run, control, resolve } = await driven()
    control.emit(event(0))
    for await (const found of run) {
      expect(found).toEqual(event(0))
      break
    }
    expect(control.stopped.aborted).toBe(false)
    control.emit(event(1))
    resolve()
    expect(await run).toBe('done')
  })

  test('stop() signals the work, and can be called repeatedly', async () => {
    const { run, control, resolve } = await driven()
    run.stop()
    run.stop()
    expect(control.stopped.aborted).toBe(true)
    resolve()
    await run
    run.stop()
  })
})

describe('a failure', () => {
  const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {})
  beforeEach(() => warning.mockClear())
  afterAll(() => warning.mockRestore())
  const told = () => sleep(20).then(() => warning.mock.calls.map(([message, name]) => `${name}: ${message}`))

  test('rejects the promise, and each iteration after the events before it', async () => {
    const { run, control, reject } = await driven()
    control.emit(event(0))
    const iterator = run[Symbol.asyncIterator]()
    const other = run[Symbol.asyncIterator]()
    const waiting = other.next()
    reject()
    await expect(run).rejects.toThrow('failed')
    await expect(waiting).rejects.toThrow('failed')
    expect(await iterator.next()).toEqual({ done: false, value: event(0) })
    await expect(iterator.next()).rejects.toThrow('failed')
    // An iterator throws the error once, and is then done.
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    await expect(collect(run)).rejects.toThrow('failed')
    expect(await told()).toEqual([])
  })

  test.each(['before', 'after'])(
    'reached by an iteration that began %s it emits no warning',
    async (when) => {
      const { run, reject } = await driven()
      const reading = when === 'before' ? collect(run).catch((error) => error) : undefined
      reject()
      const error = await (reading ?? collect(run).catch((caught) => caught))
      expect(error).toMatchObject({ message: 'failed' })
      expect(await told()).toEqual([])
    },
  )

  test('that nobody observes emits one warning', async () => {
    const { reject } = await driven()
    reject()
    expect(await told()).toEqual(['NanoGptWarning: training failed: failed'])
  })

  test('after the only reader left its loop emits a warning', async () => {
    const { run, control, reject } = await driven()
    control.emit(event(0))
    for await (const _ of run) break
    reject()
    expect(await told()).toEqual(['NanoGptWarning: training failed: failed'])
  })

  test('while a reader is busy emits a warning only if the reader then leaves its loop', async () => {
    const { run, control, reject } = await driven()
    control.emit(event(0))
    for await (const _ of run) {
      reject()
      expect(await told()).toEqual([])
      break
    }
    expect(await told()).toEqual(['NanoGptWarning: training failed: failed'])
  })
})

onEveryDevice('train()', ({ name: device }) => {
  const options = { ...short, device }

  test('resolves with the model if it is only awaited', async () => {
    await using model = await train(options)
    expect(model.device).toBe(device)
    expect(model.info.step).toBe(10)
  })

  test('can be iterated, then awaited', async () => {
    const run = train(options)
    expect(lossesOf(await eventsOf(run))).toHaveLength(10)
    await (await run).dispose()
  })

  test('can be awaited, then iterated', async () => {
    const run = train(options)
    const model = await run
    const events = await eventsOf(run)
    expect(events[0].type).toBe('start')
    expect(events.at(-1)!.type).toBe('end')
    expect(lossesOf(events)).toHaveLength(10)
    await model.dispose()
  })

  test('two readers get the same losses', async () => {
    const run = train(options)
    const [a, b] = await Promise.all([eventsOf(run), eventsOf(run)])
    expect(lossesOf(a)).toEqual(lossesOf(b))
    expect(lossesOf(a)).toHaveLength(10)
    await (await run).dispose()
  })

  test('leaving the loop does not stop the training', async () => {
    const run = train(options)
    for await (const _ of run) break
    const model = await run
    expect(model.info.step).toBe(10)
    await model.dispose()
  })

  test('stop() finishes the step, saves, and resolves with the model', async () => {
    const out = folder.path(`stop-${device}`)
    const run = train({ ...options, steps: 1_000_000, evalInterval: 1_000_000, out })
    let last: TrainEvent | undefined
    for await (const found of run) {
      if (found.type === 'step') run.stop()
      last = found
    }
    const model = await run
    const { step } = model.info
    expect(step).toBeGreaterThan(0)
    expect(step).toBeLessThan(1_000_000)
    expect(last).toMatchObject({ type: 'end', stopped: true, step })
    expect((await readCheckpoint(out, 'last')).info.step).toBe(step)
    await using loaded = await load(out, { device, checkpoint: 'last' })
    expectSameBits(await parametersOf(loaded), await parametersOf(model))
    await model.dispose()
  })

  test('stop() before the first step: the run makes no step and still resolves with a model', async () => {
    const run = train(options)
    run.stop()
    const events = await eventsOf(run)
    expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
    await using model = await run
    expect(model.info.step).toBe(0)
    expect((await model.generate({ maxTokens: 5 })).length).toBe(5)
  })

  test('an AbortSignal also saves, and rejects with an AbortError', async () => {
    const out = folder.path(`abort-${device}`)
    const controller = new AbortController()
    const run = train({
      ...options,
      steps: 1_000_000,
      evalInterval: 1_000_000,
      out,
      signal: controller.signal,
    })
    const types: string[] = []
    const reading = (async () => {
      for await (const found of run) {
        types.push(found.type)
        if (found.type === 'step') controller.abort()
      }
    })()
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    expect(types.at(-1)).toBe('checkpoint')
    expect(types).not.toContain('end')
    const { info } = await readCheckpoint(out, 'last')
    expect(info.step).toBeGreaterThan(0)
    await using resumed = await train({
      ...pick(options),
      resume: out,
      data: short.data,
      steps: info.step + 2,
    })
    expect(resumed.info.step).toBe(info.step + 2)
  })

  test('with an aborted signal, nothing starts', async () => {
    const out = folder.path(`aborted-${device}`)
    const run = train({ ...options, out, signal: AbortSignal.abort() })
    await expect(run).rejects.toMatchObject({ name: 'AbortError' })
    await expect(eventsOf(run)).rejects.toMatchObject({ name: 'AbortError' })
    expect((await failureOf(() => readCheckpoint(out))).code).toBe('file_not_found')
  })

  test('an aborted signal with a reason rejects with that reason', async () => {
    const reason = new Error('closing time')
    await expect(train({ ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('concurrent runs train as they would alone', async () => {
    const alone = await train(options)
    const together = await Promise.all([train(options), train({ ...options, seed: 8 }), train(options)])
    expectSameBits(await parametersOf(together[0]), await parametersOf(alone))
    expectSameBits(await parametersOf(together[2]), await parametersOf(alone))
    const [one, other] = [await parametersOf(together[0]), await parametersOf(together[1])]
    for (const path of Object.keys(one)) expect(sameBits(one[path], other[path])).toBe(false)
    for (const model of [alone, ...together]) await model.dispose()
  })

  test('a failure that nobody observes emits one warning, and the process continues, to end with 1', async () => {
    const { code, stdout, stderr } = await runChild(`
      nano.train({ data: { text }, preset: 'bigram', device: '${device}', steps: 3, batchSize: 4, evalBatches: 1, learningRate: 1e300 })
      process.on('exit', () => console.log('alive'))
    `)
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'alive\n' })
    expect(stderr.match(/NanoGptWarning: training failed/g)).toHaveLength(1)
    expect(stderr).not.toMatch(/Unhandled/)
  })
})

const pick = ({ device }: { device: TrainOptions['device'] }) => ({ device })
