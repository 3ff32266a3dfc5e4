// The arena: temporaries that are not live at the same time share memory, without changing results.

import * as fc from 'fast-check'
import type { Session } from '../../lib/backend/backend'
import { compile } from '../../lib/backend/compiled'
import { JsSession } from '../../lib/backend/js/session'
import { sizeOf } from '../../lib/graph/dtype'
import type { Attributes, Program } from '../../lib/graph/program'
import type { Tensor } from '../../lib/graph/tensor'
import { Trace } from '../../lib/graph/trace'
import { add, copy, dropout, relu, repetitionPenalty } from '../../lib/ops'
import { apply, type Op } from '../../lib/ops/op'
import { reluBackward } from '../../lib/ops/relu'
import { rmsNormBackwardOp, rmsNormOp } from '../../lib/ops/rms_norm'
import { ropeOp } from '../../lib/ops/rope'
import { swigluBackwardOp } from '../../lib/ops/swiglu'
import { handleOf, onNative, type TestDevice } from '../support/devices'

const size = 4096
const bytes = 4 * size
const x = Float32Array.from({ length: size }, (_, i) => Math.sin(i))

/** A Program on x [256, 16] whose output y is the result of `build`. */
function programOf(build: (x: Tensor, trace: Trace) => Tensor): Program {
  const trace = new Trace('example')
  trace.output('y', copy(build(trace.input('x', 'f32', [size / 16, 16]), trace)))
  return trace.finish()
}

async function resultOf(session: Session, program: Program): Promise<Float32Array> {
  const compiled = await compile(session, program)
  const inputs = compiled.inputs.pack([{ x, rng: [1, 2, 3] }])
  const { outputs } = await session.run(1, [{ program: compiled.handle, times: 1, inputs }])
  return compiled.outputs.unpack(outputs[0], 'y') as Float32Array
}

onNative('the arena', (device: TestDevice) => {
  let session: Session
  beforeEach(() => {
    session = device.open()
  })
  afterEach(() => session.dispose())

  async function arenaOf(build: (x: Tensor, trace: Trace) => Tensor): Promise<number> {
    await compile(session, programOf(build))
    return (await handleOf(session).memory()).arena
  }

  test('an elementwise op writes over an operand that nothing reads later', async () => {
    const chain = (x: Tensor, trace: Trace) => {
      const y = relu(add(relu(x), x))
      return reluBackward(x, add(x, dropout(y, trace.rng(), 0.5, 1)))
    }
    expect(await arenaOf(chain)).toBe(bytes)
  })

  test('it does not write over an operand that is read again', async () => {
    expect(
      await arenaOf((x) => {
        const y = relu(x)
        return add(relu(y), y)
      }),
    ).toBe(2 * bytes)
  })

  test('it does not write over an operand of another size', async () => {
    const bias = (x: Tensor, trace: Trace) => add(x, relu(trace.input('bias', 'f32', [16])))
    expect(await arenaOf(bias)).toBe(bytes + 64)
  })

  const full = [4, 64, 16]
  const norm = { groups: 4, epsilon: 1e-6 }
  test.each<[Op, number[][], Attributes]>([
    [swigluBackwardOp, [full, full, full], {}],
    [rmsNormOp, [full, [4]], norm],
    [rmsNormBackwardOp, [full, [4, 64, 4], full, [4]], { groups: 4 }],
    // One channel per group: as many numbers as x has.
    [rmsNormBackwardOp, [full, full, full], { groups: 16 }],
    [ropeOp, [full], { heads: 2, base: 100, inverse: false }],
  ])('$name: the same bits in place and not in place', async (op, shapes, attributes) => {
    const values = shapes.map((shape) => x.slice(0, sizeOf(shape)))
    const run = async (apart: boolean) => {
      const trace = new Trace('example')
      const temporaries = shapes.map((shape, i) => copy(trace.input(`x${i}`, 'f32', shape)))
      const positions = op === ropeOp ? [trace.input('positions', 'i32', [64])] : []
      const outputs = apply(op, [...temporaries, ...positions], attributes)
      outputs.forEach((output, i) => {
        trace.output(`y${i}`, copy(output))
      })
      // What is read later isn't overwritten.
      if (apart)
        temporaries.forEach((each, i) => {
          trace.output(`z${i}`, copy(each))
        })
      const compiled = await compile(session, trace.finish())
      const { arena } = await handleOf(session).memory()
      const record = Object.fromEntries(values.map((each, i) => [`x${i}`, each]))
      const inputs = compiled.inputs.pack([
        { ...record, positions: Int32Array.from({ length: 64 }, (_, t) => t) },
      ])
      const run = await session.run(1, [{ program: compiled.handle, times: 1, inputs }])
      return { arena, results: outputs.map((_, i) => compiled.outputs.unpack(run.outputs[0], `y${i}`)) }
    }
    const over = await run(false)
    const apart = await run(true)
    expect(over.results).toEqual(apart.results)
    expect(apart.arena - over.arena).toBeGreaterThanOrEqual(bytes)
  })

  test('every sequence that uses a slot reads its token counts', async () => {
    const trace = new Trace('example')
    const counts = copy(trace.input('counts', 'i32', [2, 4]))
    const [logits, slot] = [trace.input('logits', 'f32', [2, 1, 4]), trace.input('slot', 'i32', [2])]
    trace.output('y', copy(repetitionPenalty(logits, counts, slot, trace.input('penalty', 'f32', []))))
    const compiled = await compile(session, trace.finish())
    const record = {
      counts: [1, 0, 0, 0, 0, 0, 1, 1],
      logits: [1, 1, 1, 1, 2, 2, 2, 2],
      slot: [1, 0],
      penalty: 2,
    }
    const run = await session.run(1, [
      { program: compiled.handle, times: 1, inputs: compiled.inputs.pack([record]) },
    ])
    expect([...compiled.outputs.unpack(run.outputs[0], 'y')]).toEqual([1, 1, 0.5, 0.5, 1, 2, 2, 2])
  })

  test('chains of any ops give the results of the TypeScript backend', async () => {
    const step = fc.tuple(fc.constantFrom('relu', 'add', 'reluBackward', 'dropout'), fc.nat(), fc.nat())
    const js = new JsSession()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const program = programOf((first, trace) => {
          const made = [first]
          for (const [op, i, j] of steps) {
            const [a, b] = [made[i % made.length], made[j % made.length]]
            if (op === 'relu') made.push(relu(a))
            if (op === 'add') made.push(add(a, b))
            if (op === 'reluBackward') made.push(reluBackward(a, b))
            if (op === 'dropout') made.push(dropout(a, trace.rng(), 0.5, made.length))
          }
          return made.slice(1).reduce((sum, each) => add(sum, each), first)
        })
        expect(await resultOf(session, program)).toEqual(await resultOf(js, program))
      }),
      { numRuns: 60, seed: 1 },
    )
    await js.dispose()
  })
})
