// What every Session guarantees: a Store of named tensors, and runs on it that stop early in a
// consistent state.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '../../lib/backend/backend'
import { openSession } from '../../lib/backend/devices'
import { loadAddon } from '../../lib/backend/native/addon'
import { NanoGptError } from '../../lib/errors'
import { allocate, dtypes } from '../../lib/graph/dtype'
import type { Program } from '../../lib/graph/program'
import { Trace } from '../../lib/graph/trace'
import { encode } from '../../lib/graph/wire'
import {
  accumulate,
  add,
  cacheWrite,
  copy,
  crossEntropy,
  embedding,
  fill,
  gatherBatch,
  layerNorm,
  matmul,
  opsByName,
  requireFinite,
  sample,
  selectRow,
} from '../../lib/ops'
import { expectSameBits } from '../support/bits'
import { handleOf, onEveryDevice, onNative } from '../support/devices'
import { failureOf } from '../support/errors'
import { compiled, configs, prepare, weightsOf } from '../support/models'
import { sampled, sampleInputs } from '../support/sampling'

/** total += x; outputs the new total. */
function counter(): Program {
  const trace = new Trace('counter')
  const total = trace.store('total', 'f32', [2])
  const sum = accumulate(total, trace.input('x', 'f32', [2]))
  trace.output('sum', copy(sum))
  return trace.finish()
}

/** The loss of logits [x, 0], then total += loss, unless the loss isn't finite. */
function guarded(): Program {
  const trace = new Trace('guarded')
  const x = trace.input('x', 'f32', [1, 2])
  const loss = crossEntropy(x, trace.input('target', 'i32', [1]))
  trace.output('before', copy(loss))
  const finite = requireFinite(loss)
  accumulate(trace.store('sum', 'f32', []), finite)
  trace.output('after', finite)
  return trace.finish()
}

/** A slow Program: a chain of products on the Store, where each step continues from the last. */
function slow(size: number, products = 4): Program {
  const trace = new Trace('slow')
  const x = trace.store('slow/x', 'f32', [size, size])
  let y = x
  for (let i = 0; i < products; i++) y = matmul(y, x)
  accumulate(trace.store('slow/total', 'f32', [size, size]), y)
  accumulate(trace.store('slow/steps', 'f32', []), fill([], 1, trace))
  return trace.finish()
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

onEveryDevice('a session', ({ name, open }) => {
  let session: Session
  beforeEach(() => {
    session = open()
  })
  afterEach(() => session.dispose())

  /** Reads a Store tensor of floats. */
  const read = async (tensor: string) => Array.from(await session.read(tensor))

  async function prepareCounter() {
    await session.allocate('total', 'f32', [2])
    return compiled(session, counter())
  }

  test('names its device', () => {
    expect(session.device).toBe(name)
    expect(session.fusedOps).toEqual(expect.arrayContaining(['linear', 'dropout_add', 'matmul_accumulate']))
  })

  describe('the Store', () => {
    test.each(dtypes)('%s: initially zero, then the written values', async (dtype) => {
      await session.allocate('t', dtype, [2, 3])
      // JsSession computes f32 in f32 by default; f64 tensors stay f64.
      const values = allocate(dtype, 6)
      expect(Array.from(await session.read('t'))).toEqual([0, 0, 0, 0, 0, 0])
      values.set([1, 2, 3, 4, 5, 65000])
      await session.write('t', values)
      const got = await session.read('t')
      expect(got).toEqual(values)
      expect(got).not.toBe(values)
    })

    test('rank 0 is one element, and any text is a name', async () => {
      await session.allocate('gradient/é😀 x', 'f32', [])
      await session.write('gradient/é😀 x', Float32Array.from([7]))
      expect(await read('gradient/é😀 x')).toEqual([7])
    })

    test('writing and reading copy', async () => {
      await session.allocate('t', 'f32', [2])
      const values = Float32Array.from([1, 2])
      const writing = session.write('t', values)
      values.fill(9)
      await writing
      values.fill(8)
      const first = await session.read('t')
      expect(Array.from(first)).toEqual([1, 2])
      first.fill(7)
      expect(await read('t')).toEqual([1, 2])
    })

    test('writing a view into a larger buffer writes only the view', async () => {
      await session.allocate('t', 'f32', [2])
      await session.write('t', Float32Array.from([1, 2, 3, 4]).subarray(1, 3))
      expect(await read('t')).toEqual([2, 3])
    })

    test.each(['f32', 'u8'] as const)('a part of %s is written from an element on', async (dtype) => {
      const [large, small] = [allocate(dtype, 300_000), allocate(dtype, 3)]
      await session.allocate('t', dtype, [3, 100_001])
      await session.write('t', large.fill(5), 2)
      await session.write('t', small.fill(7), 300_000)
      await session.write('t', small.subarray(0, 0), 300_003)
      const found = await session.read('t')
      expect([...found.subarray(0, 4)]).toEqual([0, 0, 5, 5])
      expect([...found.subarray(299_998)]).toEqual([5, 5, 7, 7, 7])
      for (const first of [300_001, 300_004, -1, 0.5, Number.NaN, 2 ** 60])
        expect(await failureOf(() => session.write('t', small, first))).toMatchObject({
          code: 'invalid_argument',
        })
      expect(await session.read('t')).toEqual(found)
    })

    test('tensors of any size do not overlap', async () => {
      const sizes = [1, 3, 2 ** 20 - 7, 17, 2 ** 18, 2 ** 20 + 5, 2 ** 21 - 1, 1, 2 ** 21 + 1, 2 ** 22 + 3]
      for (const [i, size] of sizes.entries()) await session.allocate(`t${i}`, 'i32', [size])
      for (const [i, size] of sizes.entries()) {
        expect((await session.read(`t${i}`)).every((value) => value === 0)).toBe(true)
        await session.write(`t${i}`, new Int32Array(size).fill(i + 1))
      }
      for (const [i, size] of sizes.entries()) {
        const values = await session.read(`t${i}`)
        expect(values).toHaveLength(size)
        expect(values.every((value) => value === i + 1)).toBe(true)
      }
    })

    test('errors name the tensor', async () => {
      await session.allocate('t', 'f32', [2, 3])
      const again = await failureOf(() => session.allocate('t', 'f32', [2, 3]))
      expect(again).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('t') })
      const short = await failureOf(() => session.write('t', new Float32Array(5)))
      expect(short).toMatchObject({ code: 'invalid_argument', message: expect.stringMatching(/\bt\b/) })
      for (const missing of [
        () => session.read('nobody'),
        () => session.write('nobody', new Float32Array(1)),
      ]) {
        expect(await failureOf(missing)).toMatchObject({
          code: 'invalid_argument',
          message: expect.stringContaining('nobody'),
        })
      }
      // Nothing has changed.
      expect(await read('t')).toEqual([0, 0, 0, 0, 0, 0])
    })

    test('a Program binds only to tensors of its dtype and shape', async () => {
      expect(await failureOf(() => session.compile(counter()))).toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('total'),
      })
      await session.allocate('total', 'f32', [3])
      expect(await failureOf(() => session.compile(counter()))).toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('f32 [3]'),
      })
    })

    test('compiling an unknown op fails', async () => {
      const program: Program = {
        name: 'p',
        buffers: [],
        ops: [{ op: 'swish', inputs: [], outputs: [], attributes: {} }],
      }
      expect(await failureOf(() => session.compile(program))).toMatchObject({
        message: expect.stringContaining('swish'),
      })
    })
  })

  describe('a run', () => {
    test('takes an input record and returns an output record for each execution', async () => {
      const { run, phase, outputs } = await prepareCounter()
      expect(Array.from((await run({ x: [1, 2] }, { x: [10, 20] })).sum)).toEqual([1, 2, 11, 22])
      const once = phase({ x: [1, 1] }, { x: [2, 2] }, { x: [3, 3] }, { x: [4, 4] })
      const result = await session.run(2, [{ ...once, times: 2 }])
      expect(result.completed).toBe(2)
      expect(result.failure).toBeUndefined()
      expect(result.seconds).toBeGreaterThanOrEqual(0)
      expect(Array.from(outputs.unpack(result.outputs[0], 'sum'))).toEqual([12, 23, 14, 25, 17, 28, 21, 32])
    })

    test('runs all phases in every step', async () => {
      const { phase, outputs, handle } = await prepareCounter()
      const trace = new Trace('double')
      const total = trace.store('total', 'f32', [2])
      accumulate(total, copy(total))
      const double = await session.compile(trace.finish())
      const result = await session.run(3, [
        phase({ x: [1, 0] }, { x: [1, 0] }, { x: [1, 0] }),
        { program: double, times: 2, inputs: new Uint8Array(0) },
      ])
      // ((1 · 4) + 1) · 4 …
      expect(Array.from(outputs.unpack(result.outputs[0], 'sum'))).toEqual([1, 0, 5, 0, 21, 0])
      expect(result.outputs[1]).toHaveLength(0)
      expect(await read('total')).toEqual([84, 0])
      expect(handle).not.toBe(double)
    })

    test('reports the time of each op on request', async () => {
      await session.allocate('slow/x', 'f32', [64, 64])
      await session.allocate('slow/total', 'f32', [64, 64])
      await session.allocate('slow/steps', 'f32', [])
      const program = slow(64)
      const { phase } = await prepareCounter()
      const executable = await session.compile(program)
      const phases = [
        phase({ x: [1, 0] }, { x: [1, 0] }),
        { program: executable, times: 3, inputs: new Uint8Array(0) },
      ]
      expect(await session.run(2, phases)).not.toHaveProperty('timings') // and memory is touched for the first time
      const { timings, seconds } = await session.run(2, phases, { timings: true })
      expect(timings!.map((ops) => ops.length)).toEqual([counter().ops.length, program.ops.length])
      const all = timings!.flat()
      expect(Math.min(...all)).toBeGreaterThanOrEqual(0)
      expect(sum(all)).toBeLessThanOrEqual(seconds)
      // Six executions of four products each are most of the work.
      const products = timings![1].filter((_, op) => program.ops[op].op === 'matmul')
      expect(sum(products)).toBeGreaterThan(0.5 * sum(all))
    })

    test('copies its inputs', async () => {
      const { phase, outputs } = await prepareCounter()
      const inputs = phase({ x: [1, 2] }, { x: [3, 4] }, { x: [5, 6] })
      const running = session.run(3, [inputs])
      inputs.inputs.fill(255)
      const { outputs: results } = await running
      expect(Array.from(outputs.unpack(results[0], 'sum'))).toEqual([1, 2, 4, 6, 9, 12])
      const first = results[0].slice()
      await session.run(3, [phase({ x: [1, 1] }, { x: [1, 1] }, { x: [1, 1] })])
      expect(results[0]).toEqual(first)
    })

    test('requires inputs of the right length, an existing Program, steps and phases', async () => {
      const { handle, phase } = await prepareCounter()
      const right = phase({ x: [1, 1] })
      const wrong: [string, () => Promise<unknown>][] = [
        [
          'a byte too many',
          () => session.run(1, [{ ...right, inputs: new Uint8Array(right.inputs.length + 1) }]),
        ],
        ['too few', () => session.run(1, [{ ...right, inputs: new Uint8Array(0) }])],
        ['another number of steps', () => session.run(2, [right])],
        ['another number of times', () => session.run(1, [{ ...right, times: 3 }])],
        ['a Program that is not there', () => session.run(1, [{ ...right, program: handle + 100 }])],
        ['a handle that is no number', () => session.run(1, [{ ...right, program: -1 }])],
        ['no steps', () => session.run(0, [{ ...right, inputs: new Uint8Array(0) }])],
        ['half a step', () => session.run(0.5, [right])],
        ['no times', () => session.run(1, [{ ...right, times: 0, inputs: new Uint8Array(0) }])],
        ['no phases', () => session.run(1, [])],
      ]
      for (const [what, attempt] of wrong) {
        const error = await failureOf(attempt).catch((other) => {
          throw new Error(`${what}: ${other.message}`)
        })
        expect([what, error.code]).toEqual([what, 'invalid_argument'])
      }
      expect(await read('total')).toEqual([0, 0])
    })
  })

  describe('stopping early', () => {
    test('a loss that is not finite stops the run before any later op', async () => {
      await session.allocate('sum', 'f32', [])
      const { phase, outputs } = await compiled(session, guarded())
      const target = 0
      const good = { x: [0, 0], target }
      const {
        completed,
        failure,
        outputs: records,
      } = await session.run(4, [phase(good, good, { x: [Number.NaN, 0], target }, good)])
      expect(completed).toBe(2)
      expect(failure).toMatchObject({ code: 'non_finite', step: 2, phase: 0, opName: 'require_finite' })
      expect(failure!.message).toMatch(/nan/i)
      expect(guarded().ops[failure!.op].op).toBe('require_finite')
      expect(Array.from(outputs.unpack(records[0], 'after'), (x) => x.toFixed(4))).toEqual([
        '0.6931',
        '0.6931',
      ])
      expect((await read('sum'))[0]).toBeCloseTo(2 * Math.log(2), 6)
      // The session still works.
      expect((await session.run(1, [phase(good)])).completed).toBe(1)
    })

    test.each([Infinity, -Infinity, Number.NaN])('require_finite stops %p', async (value) => {
      const trace = new Trace('t')
      trace.output('y', requireFinite(trace.input('x', 'f32', [])))
      const { phase } = await compiled(session, trace.finish())
      expect((await session.run(1, [phase({ x: value })])).failure).toMatchObject({ code: 'non_finite' })
      expect((await session.run(1, [phase({ x: 3e38 })])).failure).toBeUndefined()
    })

    test('a step that stops early returns the outputs it has written', async () => {
      await session.allocate('sum', 'f32', [])
      const { phase } = await compiled(session, guarded())
      const good = { x: [0, 0], target: 0 }
      const bad = { x: [Infinity, 0], target: 0 }
      const inputs = phase(good, good, good, good, bad, good)
      const { completed, outputs, failure } = await session.run(2, [{ ...inputs, times: 3 }])
      expect({ completed, step: failure!.step, records: outputs[0].length / 16 }).toEqual({
        completed: 1,
        step: 1,
        records: 4,
      })
    })

    test('contents out of range stop the run and leave the weights unchanged', async () => {
      const cases: Record<
        string,
        { build(trace: Trace): void; good: Record<string, number[]>; bad: Record<string, number[]>[] }
      > = {
        embedding: {
          build: (t) =>
            t.output('y', embedding(t.input('tokens', 'i32', [2]), t.store('table', 'f32', [3, 2]) as never)),
          good: { tokens: [0, 2] },
          bad: [
            { tokens: [0, 3] },
            { tokens: [-1, 0] },
            { tokens: [2 ** 31 - 1, 0] },
            { tokens: [-(2 ** 31), 0] },
          ],
        },
        cross_entropy: {
          build: (t) =>
            t.output('y', crossEntropy(t.input('x', 'f32', [2, 3]), t.input('targets', 'i32', [2]))),
          good: { x: [0, 0, 0, 0, 0, 0], targets: [0, 2] },
          bad: [
            { x: [0, 0, 0, 0, 0, 0], targets: [0, 3] },
            { x: [0, 0, 0, 0, 0, 0], targets: [-1, 0] },
          ],
        },
        gather_batch: {
          build: (t) => {
            const [tokens] = gatherBatch(t.store('corpus', 'u16', [10]), t.input('offsets', 'u32', [2]), 4)
            t.output('y', tokens)
          },
          good: { offsets: [0, 5] },
          bad: [{ offsets: [6, 0] }, { offsets: [0, 2 ** 32 - 1] }, { offsets: [0, 2 ** 32 - 4] }],
        },
        select_row: {
          build: (t) => t.output('y', selectRow(t.input('x', 'f32', [1, 3, 1]), t.input('row', 'i32', []))),
          good: { x: [1, 2, 3], row: [2] },
          bad: [
            { x: [1, 2, 3], row: [3] },
            { x: [1, 2, 3], row: [-1] },
          ],
        },
        cache_write: {
          build: (t) => {
            const cache = t.store('cache', 'f32', [1, 4, 1])
            const [start, slot] = [t.input('start', 'i32', [1]), t.input('slot', 'i32', [1])]
            cacheWrite(cache, t.input('x', 'f32', [1, 2, 1]), start, slot)
          },
          good: { x: [1, 2], start: [2], slot: [0] },
          bad: [
            { x: [1, 2], start: [3], slot: [0] },
            { x: [1, 2], start: [-1], slot: [0] },
            { x: [1, 2], start: [2 ** 31 - 1], slot: [0] },
            { x: [1, 2], start: [2], slot: [1] },
          ],
        },
        sample: {
          build: (t) => {
            t.output('y', sample(t.input('x', 'f32', [1, 3]), sampleInputs(t, [1]), 1).token)
          },
          good: { x: [1, 2, -Infinity], ...sampled },
          bad: [
            { x: [1, Number.NaN, 0], ...sampled },
            { x: [-Infinity, -Infinity, -Infinity], ...sampled },
            { x: [1, 2, 3], ...sampled, temperature: [-1] },
            { x: [1, 2, 3], ...sampled, temperature: [Number.NaN] },
            { x: [1, 2, 3], ...sampled, topK: [-1] },
            { x: [1, 2, 3], ...sampled, topP: [0] },
            { x: [1, 2, 3], ...sampled, minP: [2] },
          ],
        },
      }
      await session.allocate('table', 'f32', [3, 2])
      await session.allocate('corpus', 'u16', [10])
      await session.allocate('cache', 'f32', [1, 4, 1])
      for (const [op, { build, good, bad }] of Object.entries(cases)) {
        const trace = new Trace(op)
        build(trace)
        const program = trace.finish()
        const { phase } = await compiled(session, program)
        expect([op, (await session.run(1, [phase(good)])).failure]).toEqual([op, undefined])
        for (const values of bad) {
          const { failure, completed } = await session.run(2, [phase(good, values)])
          expect({ op, values, completed, failure }).toMatchObject({
            completed: 1,
            failure: { code: 'out_of_range', step: 1, phase: 0, opName: op },
          })
        }
      }
      expect(await read('cache')).toEqual([0, 0, 1, 2])
    })

    test('checkFinite names the first op with a result that is not finite', async () => {
      const trace = new Trace('t')
      const x = trace.input('x', 'f32', [1, 2])
      const sum = add(x, x)
      const norm = layerNorm(
        sum,
        trace.store('gain', 'f32', [2]) as never,
        trace.store('bias', 'f32', [2]) as never,
      )
      trace.output('z', matmul(norm, trace.input('y', 'f32', [2, 2])))
      const program = trace.finish()
      await session.allocate('gain', 'f32', [2])
      await session.allocate('bias', 'f32', [2])
      const { phase } = await compiled(session, program)
      const y = [1, 0, 0, 1]
      const check = async (values: Record<string, number[]>, checkFinite = true) =>
        (await session.run(1, [phase(values)], { checkFinite })).failure
      expect(await check({ x: [1, 2], y })).toBeUndefined()
      expect(await check({ x: [3e38, 2], y })).toMatchObject({
        code: 'non_finite',
        opName: 'add',
        op: 0,
        step: 0,
      })
      expect(await check({ x: [1, 2], y: [Infinity, 0, 0, 1] })).toMatchObject({
        opName: 'matmul',
        op: 2,
        buffer: 'z',
      })
      expect(await check({ x: [3e38, 2], y }, false)).toBeUndefined()
    })

    test('checkFinite checks tensors of the Store too', async () => {
      const { phase } = await prepareCounter()
      const { failure } = await session.run(2, [phase({ x: [1, 1] }, { x: [1, Infinity] })], {
        checkFinite: true,
      })
      expect(failure).toMatchObject({ code: 'non_finite', opName: 'accumulate', buffer: 'total', step: 1 })
    })
  })

  describe('cancel()', () => {
    const size = name === 'js' ? 40 : 192
    async function prepareSlow({ products = 4, interruptible = false } = {}) {
      for (const tensor of ['slow/x', 'slow/total']) await session.allocate(tensor, 'f32', [size, size])
      await session.allocate('slow/steps', 'f32', [])
      const handle = await session.compile(slow(size, products))
      const phase = { program: handle, times: 1, inputs: new Uint8Array(0), interruptible }
      return (steps: number) => session.run(steps, [phase])
    }

    test('stops a run between steps', async () => {
      const run = await prepareSlow()
      const running = run(100_000)
      await sleep(20)
      session.cancel()
      const { completed, failure } = await running
      expect(failure).toMatchObject({ code: 'cancelled', step: completed })
      expect(completed).toBeLessThan(100_000)
      // Whole steps only.
      expect(await read('slow/steps')).toEqual([completed])
    })

    test('stops queued runs, and no later ones', async () => {
      const run = await prepareSlow()
      const runs = [run(100_000), run(5), run(5)]
      await sleep(20)
      session.cancel()
      const later = run(3)
      const [first, ...rest] = await Promise.all(runs)
      expect(first.failure).toMatchObject({ code: 'cancelled' })
      for (const { completed, failure } of rest)
        expect({ completed, failure }).toMatchObject({
          completed: 0,
          failure: { code: 'cancelled', step: 0 },
        })
      expect(await later).toMatchObject({ completed: 3 })
      expect(await read('slow/steps')).toEqual([first.completed + 3])
    })

    test('does nothing without a run', async () => {
      const run = await prepareSlow()
      session.cancel()
      expect((await run(2)).completed).toBe(2)
    })

    /** A step of a second or more. */
    const long = name === 'js' ? 10_000 : 20_000

    test('abandon() stops an interruptible phase between two ops', async () => {
      const run = await prepareSlow({ products: long, interruptible: true })
      const running = run(1)
      await sleep(50)
      session.abandon()
      expect(await running).toMatchObject({ completed: 0, failure: { code: 'cancelled', step: 0 } })
      // The last op of the Program did not run.
      expect(await read('slow/steps')).toEqual([0])
    })

    test('abandon() lets any other phase finish its step', async () => {
      const run = await prepareSlow({ products: 200 })
      const running = run(100_000)
      await sleep(20)
      session.abandon()
      const { completed, failure } = await running
      expect(failure).toMatchObject({ code: 'cancelled', step: completed })
      expect(await read('slow/steps')).toEqual([completed])
      expect(await run(1)).toMatchObject({ completed: 1 })
    })

    test('dispose() during a step stops it between two ops', async () => {
      const run = await prepareSlow({ products: long })
      const running = run(1)
      await sleep(50)
      await session.dispose()
      expect(await running).toMatchObject({ completed: 0, failure: { code: 'cancelled' } })
    })

    test('dispose() during a run stops it without a crash', async () => {
      const run = await prepareSlow()
      const running = run(100_000)
      await sleep(20)
      const disposing = session.dispose()
      expect(await running).toMatchObject({ failure: { code: 'cancelled' } })
      await disposing
      await session.dispose()
    })
  })

  test('calls run in order', async () => {
    const { phase, outputs } = await prepareCounter()
    const five = phase(...[1, 2, 3, 4, 5].map((i) => ({ x: [i, 0] })))
    const results = await Promise.all([
      session.run(5, [five]),
      session.read('total'),
      session.write('total', Float32Array.from([100, 0])),
      session.run(5, [five]),
      session.read('total'),
      session.allocate('another', 'f32', [1]),
      session.read('another'),
    ])
    expect(Array.from(results[1])).toEqual([15, 0])
    expect(Array.from(results[4])).toEqual([115, 0])
    expect(Array.from(outputs.unpack(results[3].outputs[0], 'sum'))).toEqual([
      101, 0, 103, 0, 106, 0, 110, 0, 115, 0,
    ])
  })

  test('a failed call does not block the next', async () => {
    const { run } = await prepareCounter()
    const failing = session.read('nobody').catch((error) => error.code)
    const running = run({ x: [1, 2] })
    expect(await failing).toBe('invalid_argument')
    expect(Array.from((await running).sum)).toEqual([1, 2])
  })

  test('after dispose() every call fails', async () => {
    const { phase } = await prepareCounter()
    await session.dispose()
    const calls = [
      () => session.allocate('t', 'f32', [1]),
      () => session.write('total', new Float32Array(2)),
      () => session.read('total'),
      () => session.compile(counter()),
      () => session.run(1, [phase({ x: [1, 1] })]),
    ]
    for (const call of calls) expect((await failureOf(call)).code).toBe('disposed')
    session.cancel()
    await session.dispose()
  })

  test('two sessions share nothing', async () => {
    const other = open()
    const [one, two] = await Promise.all([
      prepareCounter(),
      other.allocate('total', 'f32', [2]).then(() => compiled(other, counter())),
    ])
    const records = Array.from({ length: 50 }, (_, i) => ({ x: [i, 1] }))
    const [a, b] = await Promise.all([
      one.run(...records),
      two.run(...records.map(({ x }) => ({ x: [-x[0], 2] }))),
    ])
    expect(Array.from(a.sum).slice(-2)).toEqual([1225, 50])
    expect(Array.from(b.sum).slice(-2)).toEqual([-1225, 100])
    await other.dispose()
    expect(await read('total')).toEqual([1225, 50])
  })

  test('the same bits for training steps in one call or in many', async () => {
    const other = open()
    const [a, b] = await Promise.all([
      prepare(session, configs['decoder with dropout'], { gradientAccumulationSteps: 2, gradientClip: 1 }),
      prepare(other, configs['decoder with dropout'], { gradientAccumulationSteps: 2, gradientClip: 1 }),
    ])
    const whole = await a.trainer.steps(0, 5)
    const parts = [await b.trainer.steps(0, 2), await b.trainer.steps(2, 1), await b.trainer.steps(3, 2)]
    expect(parts.flatMap(({ losses }) => losses)).toEqual(whole.losses)
    expectSameBits(await weightsOf(b), await weightsOf(a))
    await other.dispose()
  })
})

onNative('the native session', ({ open }) => {
  test('frees a tensor that no Program uses', async () => {
    const session = open()
    const handle = handleOf(session)
    await session.allocate('total', 'f32', [2])
    const program = await session.compile(counter())
    await expect(handle.free('total')).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('release'),
    })
    await handle.release(program)
    await handle.free('total')
    await expect(session.read('total')).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(handle.free('total')).rejects.toMatchObject({ code: 'invalid_argument' })
    await expect(handle.release(program)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(await handle.memory()).toMatchObject({ store: 0 })
    await session.allocate('total', 'f32', [5])
    await session.dispose()
  })

  test('rejects impossible tensors', async () => {
    const session = open()
    const codes = []
    for (const shape of [
      [0],
      [-1],
      [1.5],
      [2 ** 32],
      [2 ** 31, 2 ** 31],
      new Array<number>(9).fill(1),
      [Number.NaN],
    ]) {
      codes.push((await failureOf(() => session.allocate('t', 'f32', shape))).code)
    }
    expect(codes).toEqual(new Array(7).fill('invalid_argument'))
    expect((await failureOf(() => session.allocate('t', 'f32', [2 ** 31, 100]))).code).toBe('out_of_memory')
    expect((await failureOf(() => session.allocate('', 'f32', [1]))).code).toBe('invalid_argument')
    expect((await failureOf(() => session.allocate('t', 'f8' as never, [1]))).code).toBe('invalid_argument')
    await session.allocate('t', 'f32', [1])
    await session.dispose()
  })

  test('survives arguments of any type', async () => {
    const session = open()
    const handle = handleOf(session) as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>
    const anything = [
      undefined,
      null,
      1,
      -1,
      Number.NaN,
      'x',
      {},
      [],
      () => 1,
      Symbol('s'),
      1n,
      new Float64Array(1),
      true,
    ]
    for (const method of ['allocate', 'write', 'read', 'free', 'compile', 'release', 'run']) {
      for (const a of anything) {
        for (const b of anything) {
          const error = await handle[method](a, b, anything[4]).then(
            () => undefined,
            (error) => error,
          )
          // With only 'x' a call can't succeed either: it allocates and compiles nothing.
          expect([method, error?.code]).toEqual([
            method,
            expect.stringMatching(/^(invalid_argument|invalid_program)$/),
          ])
        }
      }
    }
    await session.dispose()
  })

  test('methods on another object throw, and so does the constructor without new', () => {
    const { addon } = loadAddon()
    const { read } = (addon!.Session as unknown as { prototype: { read(): unknown } }).prototype
    expect(() => read.call({})).toThrow()
    expect(() => (addon!.Session as unknown as () => void)()).toThrow()
  })

  test('errors for an unknown instruction set or too many threads list what is available', async () => {
    const unknown = await failureOf(() => openSession({ device: 'cpu', instructionSet: 'sse9' }))
    expect(unknown.message).toMatch(/sse9.*portable/)
    expect(unknown).toBeInstanceOf(NanoGptError)
    expect((await failureOf(() => openSession({ device: 'cpu', threads: 2 ** 30 }))).message).toMatch(
      /threads/,
    )
    await (await openSession({ device: 'cpu', instructionSet: 'portable' })).dispose()
  })
})

test('the error for an unknown device makes a suggestion', async () => {
  expect((await failureOf(() => openSession({ device: 'cup' }))).message).toMatch(
    /Did you mean `device: 'cpu'`\?/,
  )
  expect((await failureOf(() => openSession({ device: 'metal' }))).message).toMatch(/not available/)
  expect((await failureOf(() => openSession({ device: 'metal:1' }))).message).toMatch(
    /device is "metal:1": it is not available/,
  )
  expect((await failureOf(() => openSession({ device: 'cpu:1' }))).message).toMatch(
    /device is "cpu:1": there is no such device/,
  )
})

onNative('the addon', () => {
  test('measures peak performance for each instruction set', async () => {
    const addon = loadAddon().addon!
    for (const instructionSet of addon.info().instructionSets) {
      const peak = await addon.peak(instructionSet)
      expect(Object.keys(peak)).toEqual(['flopsPerSecond', 'readBytesPerSecond', 'triadBytesPerSecond'])
      // Every processor that runs this is faster than the lower bound, and none reaches a thousand
      // times as much.
      for (const value of Object.values(peak)) {
        expect(value).toBeGreaterThan(1e8)
        expect(value).toBeLessThan(1e15)
      }
    }
    await expect(addon.peak('avx1')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('avx1'),
    })
  })

  test('rejects timings that are not a boolean', async () => {
    const session = new (loadAddon().addon!.Session)()
    const program = await session.compile(encode(new Trace('nothing').finish(), opsByName))
    const timings = 'yes' as unknown as boolean
    await expect(
      session.run(1, [{ program, times: 1, inputs: new Uint8Array(0) }], { timings }),
    ).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('options.timings') })
    await session.dispose()
  })
})
