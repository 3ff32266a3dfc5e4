// Mixed precision: the rounding, the pass, and training in it.

import fc from 'fast-check'
import { createModel } from '../../lib/architectures/create'
import { JsSession } from '../../lib/backend/js/session'
import { type Precision, type Program, print } from '../../lib/graph/program'
import { bf16Bits, fromBf16Bits, roundedToTf32, roundToBf16 } from '../../lib/graph/rounding'
import { decode, encode } from '../../lib/graph/wire'
import { gradientProgram } from '../../lib/model/programs'
import { defaultVariants } from '../../lib/nn'
import { fusedOpNames, opsByName } from '../../lib/ops'
import type { TrainOptions } from '../../lib/options'
import { fuse } from '../../lib/passes/fuse'
import { bf16SlotsOf, inPrecision } from '../../lib/passes/precision'
import { train } from '../../lib/train/train'
import { onNative } from '../support/devices'

const float = fc.float({ noDefaultInfinity: true, noNaN: true })
/** Every finite bf16 number, in order. */
const bf16Numbers = fromBf16Bits(Uint16Array.from({ length: 0x7f80 }, (_, i) => i)).filter(Number.isFinite)

describe('rounding', () => {
  const rounded = (x: number) => {
    const values = Float64Array.of(x)
    roundToBf16(values)
    return values[0]
  }

  test('to bf16 is to nearest, ties to even', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: bf16Numbers.length - 2 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (i, part) => {
          const [low, high] = [bf16Numbers[i], bf16Numbers[i + 1]]
          const x = Math.fround(low + part * (high - low))
          const nearer = x - low < high - x ? low : x - low > high - x ? high : i % 2 === 0 ? low : high
          return rounded(x) === nearer && rounded(-x) === -nearer
        },
      ),
      { numRuns: 2000 },
    )
  })

  test.each([
    [1 + 2 ** -8, 1],
    [1 + 3 * 2 ** -8, 1 + 2 ** -6],
    [3.4e38, Infinity],
    [Infinity, Infinity],
    [-Infinity, -Infinity],
    [Number.NaN, Number.NaN],
    [-0, -0],
    [2 ** -133, 2 ** -133],
  ])('of %d to bf16 is %d', (x, y) => {
    expect(rounded(x)).toBe(y)
    expect(fromBf16Bits(bf16Bits([x]))[0]).toBe(y)
  })

  test('a NaN with only low mantissa bits stays a NaN', () => {
    const nan = new Float32Array(new Uint32Array([0x7f800001]).buffer)
    expect(rounded(nan[0])).toBeNaN()
  })

  test('to tf32 keeps ten mantissa bits, with an error of at most half a place', () => {
    fc.assert(
      fc.property(float, (x) => {
        const [y] = roundedToTf32(Float32Array.of(x))
        if (Math.abs(x) > 3.4e38 || Math.abs(x) < 2 ** -126) return true
        const place = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 10)
        return Math.abs(y - x) <= place / 2 && (y / place) % 1 === 0
      }),
    )
    expect([...roundedToTf32(Float32Array.of(1 + 2 ** -11, -(1 + 2 ** -11), Infinity))]).toEqual([
      1 + 2 ** -10,
      -(1 + 2 ** -10),
      Infinity,
    ])
  })
})

const sizes = { vocabSize: 13, embed: 16, heads: 4, layers: 2, blockSize: 8, dropout: 0.1 }
const variants = {
  ...defaultVariants(sizes),
  kvHeads: 2,
  positions: 'rope',
  norm: 'rms',
  normAffine: true,
  activation: 'swiglu',
  qkNorm: true,
  tiedEmbeddings: true,
  logitSoftcap: 15,
  bias: false,
  embeddingNorm: true,
  attentionDropout: 0.1,
  embeddingDropout: 0.1,
  init: 'gpt2',
} as const

function gradientOf(kind: string): Program {
  const config =
    kind === 'gpt' ? { kind: 'gpt' as const, ...sizes, ...variants } : { kind: kind as 'decoder', ...sizes }
  const { model, parameters } = createModel(config)
  const corpus = { split: 'train', dtype: 'u16', length: 100 } as const
  return gradientProgram(model, parameters, corpus, { batchSize: 2, gradientAccumulationSteps: 1 })
}

const kinds = ['bigram', 'single-head', 'multi-head', 'blocks', 'decoder', 'gpt']

describe.each(kinds)('the gradient of %s in bf16', (kind) => {
  const fused = fuse(gradientOf(kind), fusedOpNames)
  const program = inPrecision(fused, 'bf16')
  const { buffers } = program

  test('each tensor has a format that its op accepts', () => {
    for (const node of program.ops) {
      const { operands, inputs, outputs, always } = bf16SlotsOf(node)
      node.inputs.forEach((id, slot) => {
        if (operands.includes(slot)) expect(buffers[id].dtype).toBe('bf16')
        else if (!inputs.includes(slot)) expect(buffers[id].dtype).not.toBe('bf16')
      })
      node.outputs.forEach((id, slot) => {
        if (always && outputs.includes(slot)) expect(buffers[id].dtype).toBe('bf16')
        if (!outputs.includes(slot)) expect(buffers[id].dtype).not.toBe('bf16')
      })
    }
  })

  test('it is the same Program except for casts', () => {
    const names = ({ ops }: Program) => ops.map(({ op }) => op).filter((op) => op !== 'cast')
    expect(names(program)).toEqual(names(fused))
    const known = buffers.slice(0, fused.buffers.length)
    expect(known.map((buffer) => ({ ...buffer, dtype: '' }))).toEqual(
      fused.buffers.map((buffer) => ({ ...buffer, dtype: '' })),
    )
    for (const { role, dtype } of buffers) if (role !== 'temporary') expect(dtype).not.toBe('bf16')
  })

  test('a tensor is cast only once', () => {
    const cast = program.ops.filter(({ op }) => op === 'cast').map(({ inputs: [id] }) => id)
    expect(new Set(cast).size).toBe(cast.length)
  })

  test('it can be printed, encoded and decoded', () => {
    expect(print(program)).toMatch(/^program gradient \(bf16\)\n/)
    expect(decode(encode(program, opsByName))).toEqual(program)
  })
})

test('the residual stream, the logits and sums stay f32', () => {
  const program = inPrecision(fuse(gradientOf('decoder'), fusedOpNames), 'bf16')
  const kept = new Set([
    'add',
    'dropout_add',
    'embedding',
    'cross_entropy',
    'sum_leading',
    'layer_norm_backward',
  ])
  const logits = program.ops.find(({ op }) => op === 'cross_entropy')!.inputs[0]
  expect(program.buffers[logits].dtype).toBe('f32')
  for (const { op, outputs } of program.ops) {
    if (kept.has(op)) for (const id of outputs) expect(program.buffers[id].dtype).toBe('f32')
  }
})

test('a Store tensor written in between is cast again', () => {
  const f32 = (name: string, role: 'store' | 'temporary' | 'output') =>
    ({ name, role, dtype: 'f32', shape: [2, 2] }) as const
  const attributes = { transpose_a: false, transpose_b: false }
  const program: Program = {
    name: 'twice',
    buffers: [f32('w', 'store'), f32('x', 'store'), f32('y', 'output'), f32('z', 'output')],
    ops: [
      { op: 'matmul', inputs: [1, 0], outputs: [2], attributes },
      { op: 'accumulate', inputs: [0, 1], outputs: [0], attributes: {} },
      { op: 'matmul', inputs: [1, 0], outputs: [3], attributes },
    ],
  }
  const cast = inPrecision(program, 'bf16').ops.filter(({ op }) => op === 'cast')
  expect(cast.map(({ inputs: [id] }) => id)).toEqual([1, 0, 0])
})

test('f32 leaves a Program unchanged, tf32 marks it', () => {
  const program = gradientOf('decoder')
  expect(inPrecision(program, 'f32')).toBe(program)
  expect(inPrecision(program, 'tf32')).toEqual({ ...program, precision: 'tf32' })
  expect(decode(encode(inPrecision(program, 'tf32'), opsByName)).precision).toBe('tf32')
})

test('the session reads and writes bf16 tensors as bits', async () => {
  const session = new JsSession()
  await session.allocate('x', 'bf16', [3])
  await session.write('x', bf16Bits([1, -2.5, 3.0078125]))
  expect([...fromBf16Bits((await session.read('x')) as Uint16Array)]).toEqual([1, -2.5, 3])
  await session.dispose()
})

const text = 'to be or not to be, that is the question. '.repeat(40)
const small = {
  preset: 'gpt',
  layers: 1,
  heads: 2,
  embed: 16,
  blockSize: 8,
  batchSize: 4,
  dropout: 0.1,
} as const
const once = {
  steps: 8,
  evalInterval: 8,
  evalBatches: 1,
  seed: 3,
  learningRate: 3e-3,
  data: { text },
} as const

async function losses(precision: Precision, device: TrainOptions['device'] = 'js'): Promise<number[]> {
  const found: number[] = []
  for await (const event of train({ ...small, ...once, device, precision })) {
    if (event.type === 'step') found.push(...event.losses)
  }
  return found
}

test('training in bf16 and tf32 is close to f32', async () => {
  const [f32, tf32, bf16] = [await losses('f32'), await losses('tf32'), await losses('bf16')]
  const apart = (other: number[]) => Math.max(...f32.map((loss, i) => Math.abs(loss - other[i])))
  expect(apart(tf32)).toBeGreaterThan(0)
  expect(apart(tf32)).toBeLessThan(1e-3)
  expect(apart(bf16)).toBeGreaterThan(apart(tf32))
  expect(apart(bf16)).toBeLessThan(1e-2)
})

onNative('cpu', () => {
  test.each(['tf32', 'bf16'] as const)('%s is refused', async (precision) => {
    await expect(losses(precision, 'cpu')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining(`the CPU computes in f32; precision ${precision} needs a GPU`),
    })
  })
})
