// Checks every gradient rule in float64 against central differences: of Σ r·y with random r for
// each op, and of a model's loss.

import { createModel } from '../../lib/architectures/create'
import { JsSession } from '../../lib/backend/js/session'
import { RecordLayout } from '../../lib/backend/records'
import { type Dtype, type Shape, sizeOf } from '../../lib/graph/dtype'
import type { Attributes } from '../../lib/graph/program'
import { Tensor } from '../../lib/graph/tensor'
import { type GptConfig, type ModelConfig, stageKinds } from '../../lib/model/config'
import { corpusName, gradientProgram } from '../../lib/model/programs'
import { initialValues } from '../../lib/model/weights'
import { adaptableNames, defaultVariants } from '../../lib/nn'
import { fusedOpNames, opsByName } from '../../lib/ops'
import { gradientName } from '../../lib/optim/update'
import { fuse } from '../../lib/passes/fuse'
import { Numbers, numericGradient, relativeDifference } from '../support/numeric'

interface Check {
  readonly inputs: readonly Tensor[]
  readonly attributes?: Attributes
}

const numbers = new Numbers('gradients')
const floats = (...shape: number[]) => new Tensor('f64', shape, numbers.doubles(sizeOf(shape)))
const whole = (dtype: Dtype, shape: Shape, ...values: number[]) =>
  new Tensor(dtype, shape, dtype === 'u32' ? Uint32Array.from(values) : Int32Array.from(values))

/** At least `away` from 0, where relu is not differentiable. */
function awayFromZero(x: Tensor, away = 0.01): Tensor {
  const values = Float64Array.from(x.data, (value) => (Math.abs(value) < away ? value + 2 * away : value))
  return new Tensor('f64', x.shape, values)
}

const rng = whole('u32', [3], 11, 22, 33)

function attention(B: number, T: number, heads: number, D: number, dropout = 0, kv_heads = heads): Check {
  const keys = [B, T, kv_heads * D]
  const inputs = [floats(B, T, heads * D), floats(...keys), floats(...keys), ...(dropout > 0 ? [rng] : [])]
  return { inputs, attributes: { heads, kv_heads, scale: 0.7, dropout, site: 5, cached: false } }
}

function layerNorm(...shape: number[]): Check {
  const C = shape[shape.length - 1]
  return { inputs: [floats(...shape), floats(C), floats(C)], attributes: { epsilon: 1e-2 } }
}

function rmsNorm(shape: number[], groups = 1, gain = true): Check {
  const N = shape[shape.length - 1] / groups
  return { inputs: [floats(...shape), ...(gain ? [floats(N)] : [])], attributes: { groups, epsilon: 1e-2 } }
}

function rope(shape: number[], heads: number, positions: Tensor, inverse = false): Check {
  return { inputs: [floats(...shape), positions], attributes: { heads, base: 100, inverse } }
}

/** Uniform in ±4: beyond ±3 gelu uses another formula. */
const wide = (...shape: number[]) => new Tensor('f64', shape, numbers.doubles(sizeOf(shape), -4, 4))

function matmul(a: number[], b: number[], transpose_a: boolean, transpose_b: boolean): Check {
  return { inputs: [floats(...a), floats(...b)], attributes: { transpose_a, transpose_b } }
}

const softmax = (...shape: number[]): Check => ({ inputs: [floats(...shape)], attributes: { scale: 0.7 } })

const checks: Record<string, Check[]> = {
  add: [
    { inputs: [floats(3, 5), floats(3, 5)] },
    { inputs: [floats(2, 3, 5), floats(5)] },
    { inputs: [floats(2, 3, 5), floats(3, 5)] },
    { inputs: [floats(7), floats()] },
    { inputs: [floats(), floats()] },
  ],
  attention: [
    attention(1, 1, 1, 1),
    attention(1, 5, 1, 3),
    attention(2, 7, 3, 2),
    attention(2, 5, 2, 3, 0.3),
    attention(1, 9, 1, 4, 0.6),
    attention(2, 5, 6, 2, 0, 2),
    attention(2, 4, 4, 3, 0.3, 1),
  ],
  batched_matmul: [
    matmul([2, 3, 4], [2, 4, 5], false, false),
    matmul([2, 3, 4], [2, 5, 4], false, true),
    matmul([2, 4, 3], [2, 4, 5], true, false),
    matmul([2, 4, 3], [2, 5, 4], true, true),
    // Shared by the batch.
    matmul([3, 4], [2, 4, 5], false, false),
    matmul([3, 4], [2, 5, 4], false, true),
    matmul([4, 3], [2, 4, 5], true, false),
    matmul([4, 3], [2, 5, 4], true, true),
    matmul([2, 3, 4], [4, 5], false, false),
    matmul([2, 3, 4], [5, 4], false, true),
    matmul([2, 4, 3], [4, 5], true, false),
    matmul([2, 4, 3], [5, 4], true, true),
    matmul([2, 1, 3, 2], [2, 1, 2, 3], false, false),
    matmul([2, 2], [2, 1, 3, 2], false, true),
    matmul([3, 4], [4, 5], false, false),
    matmul([1, 1, 1], [1, 1], false, false),
  ],
  copy: [{ inputs: [floats(3, 5)] }],
  cross_entropy: [
    { inputs: [floats(1, 1), whole('i32', [1], 0)] },
    { inputs: [floats(5, 7), whole('i32', [5], 0, 6, 3, 3, 1)] },
    { inputs: [floats(2, 3, 4), whole('i32', [2, 3], 0, 1, 2, 3, 3, 0)] },
  ],
  dropout: [{ inputs: [floats(5, 13), rng], attributes: { p: 0.3, site: 7 } }],
  embedding: [
    { inputs: [whole('i32', [2, 3], 4, 0, 4, 4, 2, 0), floats(5, 3)] },
    { inputs: [whole('i32', [1], 0), floats(1, 7)] },
  ],
  gelu: [
    { inputs: [wide(7, 9)], attributes: { tanh: false } },
    { inputs: [wide(7, 9)], attributes: { tanh: true } },
  ],
  layer_norm: [layerNorm(3, 5), layerNorm(1, 9), layerNorm(2, 3, 2), layerNorm(4, 1), layerNorm(6)],
  lerp: [{ inputs: [floats(3, 5), floats(3, 5)], attributes: { weight: 0.3 } }],
  masked_softmax: [softmax(1, 1), softmax(4, 4), softmax(1, 7), softmax(2, 3, 5), softmax(2, 2, 3, 3)],
  matmul: [
    matmul([3, 4], [4, 5], false, false),
    matmul([3, 4], [5, 4], false, true),
    matmul([4, 3], [4, 5], true, false),
    matmul([4, 3], [5, 4], true, true),
    matmul([2, 3, 4], [4, 5], false, false),
    matmul([2, 3, 4], [5, 4], false, true),
    matmul([2, 3, 4], [2, 3, 5], true, false),
    matmul([1, 1], [1, 1], false, false),
    matmul([1, 7], [7, 1], false, false),
  ],
  relu: [{ inputs: [awayFromZero(floats(5, 7))] }],
  relu_squared: [{ inputs: [awayFromZero(floats(5, 7))] }],
  require_finite: [{ inputs: [floats()] }],
  rms_norm: [
    rmsNorm([3, 5]),
    rmsNorm([1, 9], 1, false),
    rmsNorm([2, 3, 6], 3),
    rmsNorm([2, 3, 6], 2, false),
    rmsNorm([4, 1]),
    rmsNorm([4], 4),
    rmsNorm([6]),
  ],
  rope: [
    rope([1, 1, 2], 1, whole('i32', [1], 0)),
    rope([2, 3, 4], 1, whole('i32', [3], 5, 6, 7)),
    rope([2, 3, 12], 3, whole('i32', [2, 3], 0, 1, 2, 900, 901, 902)),
    rope([1, 2, 12], 2, whole('i32', [1, 2], 3, 1), true),
  ],
  scale: [{ inputs: [wide(5, 7)], attributes: { factor: -1.7 } }],
  concat_positions: [
    { inputs: [floats(2, 3, 5), floats(2, 1, 5), floats(2, 2, 5)] },
    { inputs: [floats(3, 2)] },
  ],
  slice_positions: [
    { inputs: [floats(2, 5, 3)], attributes: { begin: 1, count: 2 } },
    { inputs: [floats(2, 5)], attributes: { begin: 0, count: 4 } },
    { inputs: [floats(2, 1, 2, 3)], attributes: { begin: 0, count: 1 } },
  ],
  soft_cap: [{ inputs: [wide(5, 7)], attributes: { cap: 2.5 } }],
  swiglu: [{ inputs: [wide(5, 7), floats(5, 7)] }],
}

test('every op with a gradient rule has a check', () => {
  const differentiable = [...opsByName.values()].filter((op) => op.gradient).map((op) => op.name)
  expect(Object.keys(checks).sort()).toEqual(differentiable.sort())
})

describe.each(Object.entries(checks))('%s', (name, list) => {
  const op = opsByName.get(name)!

  test.each(
    list.map((check) => ({ check, shapes: check.inputs.map(({ shape }) => `[${shape}]`).join(' ') })),
  )('$shapes', ({ check: { inputs, attributes = {} } }) => {
    const forward = () => {
      const outputs = op.shape(inputs, attributes).map(({ shape }) => floats64(shape))
      op.reference(inputs, outputs, attributes)
      return outputs
    }
    const outputs = forward()
    const dy = floats(...outputs[0].shape)
    const analytic = op.gradient!({
      inputs,
      outputs,
      // The other outputs exist only for the gradient rule.
      gradients: outputs.map((_, i) => (i === 0 ? dy : undefined)),
      attributes,
      needed: inputs.map(() => true),
    })
    inputs.forEach((input, i) => {
      if (input.dtype !== 'f64') {
        expect(analytic[i]).toBeUndefined()
        return
      }
      const loss = () => dot(forward()[0].data, dy.data)
      const numeric = numericGradient(loss, input.data as Float64Array)
      expect(analytic[i]!.shape).toEqual(input.shape)
      expect(analytic[i]!.dtype).toBe('f64')
      expect(relativeDifference(analytic[i]!.data, numeric)).toBeLessThan(1e-9)
    })
  })
})

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0)
}

function floats64(shape: Shape): Tensor {
  return new Tensor('f64', shape, new Float64Array(sizeOf(shape)))
}

// A whole model: gradients() combines the ops' rules, with tensors that are used more than once.

const sizes = { vocabSize: 7, blockSize: 5, embed: 6, heads: 2, layers: 2, dropout: 0.2 }
const gpt = (variants: Partial<GptConfig>): ModelConfig => {
  const whole = { ...sizes, ...variants }
  return { kind: 'gpt', ...defaultVariants(whole), ...whole }
}
const configs: Record<string, ModelConfig> = {
  ...Object.fromEntries(
    stageKinds.map((kind) => [kind, { kind, ...sizes, heads: kind === 'single-head' ? 1 : 2 }]),
  ),
  'gpt with rope': gpt({ positions: 'rope', embed: 12 }),
  'gpt with rms norm': gpt({ norm: 'rms' }),
  'gpt with bare layer norms': gpt({ normAffine: false }),
  'gpt with bare rms norms': gpt({ norm: 'rms', normAffine: false }),
  'gpt with relu²': gpt({ activation: 'relu-squared' }),
  'gpt with gelu': gpt({ activation: 'gelu' }),
  'gpt with tanh gelu': gpt({ activation: 'gelu-tanh' }),
  'gpt with swiglu': gpt({ activation: 'swiglu' }),
  'gpt with qk norm': gpt({ qkNorm: true }),
  'gpt with shared key heads': gpt({ embed: 12, heads: 4, kvHeads: 2 }),
  'gpt with tied embeddings': gpt({ tiedEmbeddings: true }),
  'gpt with capped logits': gpt({ logitSoftcap: 1.5 }),
  'gpt without biases': gpt({ bias: false }),
  'gpt with normed embeddings': gpt({ embeddingNorm: true }),
  'gpt with dropouts of its own': gpt({ attentionDropout: 0, embeddingDropout: 0.3 }),
  'gpt with adapters': gpt({
    activation: 'swiglu',
    lora: { rank: 3, alpha: 5, targets: [...adaptableNames] },
  }),
  'gpt as GPT-2': gpt({ activation: 'gelu-tanh', tiedEmbeddings: true, qkvBias: true, outputBias: false }),
  'gpt as Llama': gpt({
    ...{ positions: 'rope', ropeBase: 50, norm: 'rms', normEpsilon: 0.01, activation: 'swiglu', bias: false },
    ...{ heads: 4, kvHeads: 2, headSize: 4, feedForwardWidth: 13 },
  }),
  'gpt as speedrun': gpt({
    ...{
      positions: 'rope',
      norm: 'rms',
      normAffine: false,
      activation: 'relu-squared',
      qkNorm: true,
      logitSoftcap: 15,
    },
    ...{
      bias: false,
      embeddingNorm: true,
      attentionDropout: 0,
      embeddingDropout: 0.2,
      init: 'zero-residual',
    },
    embed: 12,
  }),
}

describe.each(Object.keys(configs))('the loss of a %s', (kind) => {
  const config = configs[kind]
  test.each([
    ['as traced', [] as readonly string[], Infinity],
    ['fused', fusedOpNames, Infinity],
    // Of 3 positions or fewer.
    ['in chunks of the logits', [] as readonly string[], 3 * 2 * config.vocabSize * 4],
    ['in chunks of one position, fused', fusedOpNames, 0],
  ])('%s', async (_, fused, most) => {
    // The same weights, fused or not.
    const numbers = new Numbers(kind)
    const { model, parameters, trained } = createModel(config)
    const corpus = { dtype: 'u16', length: 40 } as const
    const program = fuse(
      gradientProgram(model, trained, corpus, { batchSize: 2, gradientAccumulationSteps: 4 }, most),
      fused,
    )
    const session = new JsSession({ precision: 'f64' })
    const weights = parameters.map((parameter) =>
      Float64Array.from(
        initialValues(parameter, { low: 3, high: 0 }),
        (value) => value + 0.1 * numbers.between(-1, 1),
      ),
    )
    await session.allocate(corpusName, 'u16', [40])
    await session.write(corpusName, Uint16Array.from(numbers.integers(40, config.vocabSize)))
    for (const [i, { path, shape }] of parameters.entries()) {
      await session.allocate(path, 'f32', shape)
      await session.write(path, weights[i])
    }
    for (const { path, shape } of trained) await session.allocate(gradientName(path), 'f32', shape)
    // The loss goes through the Store, because an output would be rounded to f32.
    const named = program.ops.findLast(({ op }) => op === 'cross_entropy' || op === 'lerp')!.outputs[0]
    expect(program.ops.some(({ op }) => op === 'lerp')).toBe(most < Infinity)
    const buffers = program.buffers.map((buffer, id) =>
      id === named ? { ...buffer, role: 'store' as const, name: 'test/loss' } : buffer,
    )
    await session.allocate('test/loss', 'f32', [])
    const handle = await session.compile({ ...program, buffers })
    const inputs = new RecordLayout(program, 'input').pack([{ offsets: [3, 17], rng: [1, 2, 3] }])
    const run = async () => {
      const { failure } = await session.run(1, [{ program: handle, times: 1, inputs }])
      expect(failure).toBeUndefined()
      return (await session.read('test/loss'))[0]
    }
    await run()
    const analytic = await Promise.all(trained.map(({ path }) => session.read(gradientName(path))))

    for (const [at, parameter] of trained.entries()) {
      const { path } = parameter
      const i = parameters.indexOf(parameter)
      // Along one random direction, so that every element takes part.
      const direction = numbers.doubles(weights[i].length)
      const moved = async (distance: number) => {
        await session.write(
          path,
          weights[i].map((value, j) => value + distance * direction[j]),
        )
        return run()
      }
      // A step so small that no relu switches between on and off.
      const step = 1e-5
      const near = (await moved(step)) - (await moved(-step))
      const far = (await moved(2 * step)) - (await moved(-2 * step))
      await session.write(path, weights[i])
      const numeric = (8 * near - far) / (12 * step)
      const along = dot(analytic[at], direction)
      expect([path, relativeDifference([4 * along], [numeric])]).toEqual([path, expect.closeTo(0, 8)])
    }
  })
})
