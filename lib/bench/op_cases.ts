// The ops that `bench ops` times, at the sizes of stage 09: each as a Program of its own, with the
// PyTorch equivalent.

import { createModel } from '../architectures/create'
import { shakespeareVocabSize as vocabSize } from '../data/shakespeare'
import type { Shape } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import { adamw, fill, matmul, muon } from '../ops'
import { attentionBackwardOp, attentionOp } from '../ops/attention'
import { crossEntropyBackwardOp, crossEntropyOp } from '../ops/cross_entropy'
import { layerNormBackwardOp, layerNormOp } from '../ops/layer_norm'
import { apply } from '../ops/op'
import { adamwOptimizer } from '../optim/adamw'
import { gradientName } from '../optim/update'
import { findPreset } from '../presets'

export interface OpCase {
  readonly name: string
  /** The sizes, for the table. */
  readonly shapes: string
  /** Traces the Program. Its Store tensors are filled with small numbers. */
  build(trace: Trace): void
  /** The request to scripts/torch/bench_ops.py. */
  readonly torch: Readonly<Record<string, unknown>>
}

const { blockSize, embed, heads, dropout } = findPreset('decoder').model
const defaultBatch = 64

/** @param batch the number of sequences of 256 tokens; default: 64, as in training */
export function opCases(batch = defaultBatch): OpCase[] {
  const rows = batch * blockSize
  const linears = [
    [embed, embed],
    [embed, 4 * embed],
    [4 * embed, embed],
    [embed, vocabSize],
  ]
  return [
    ...linears.flatMap(([K, N]) => linearCases(rows, K, N)),
    gemm('gemm-1024', 1024, 1024, 1024),
    gemm('gemm-2048', 2048, 2048, 2048),
    gemm('gemm-768x128x512', 768, 128, 512),
    attentionCase(batch, false),
    attentionCase(batch, true),
    layerNormCase(rows, false),
    layerNormCase(rows, true),
    adamwCase(),
    muonCase(),
    crossEntropyCase(rows),
  ]
}

/** y = x·Wᵀ for W [N, K], dx = dy·W and dW = dyᵀ·x. */
function linearCases(rows: number, K: number, N: number): OpCase[] {
  const name = `gemm-${K}x${N}`
  return [
    gemm(`${name}-forward`, rows, K, N, false, true),
    gemm(`${name}-input`, rows, N, K),
    gemm(`${name}-weight`, N, rows, K, true),
  ]
}

/** [m, k] · [k, n]. `a` and `b` say whether the operand is stored transposed. */
function gemm(name: string, m: number, k: number, n: number, a = false, b = false): OpCase {
  return {
    name,
    shapes: `${m} × ${k} × ${n}`,
    build: (trace) => {
      const left = trace.store('a', 'f32', a ? [k, m] : [m, k])
      matmul(left, trace.store('b', 'f32', b ? [n, k] : [k, n]), a, b)
    },
    torch: { op: 'matmul', m, k, n, a, b },
  }
}

function attentionCase(batch: number, backward: boolean): OpCase {
  const size = embed / heads
  return {
    name: backward ? 'attention-backward' : 'attention',
    shapes: `${batch} × ${blockSize} × ${heads} × ${size}${backward ? ', and its gradient' : ''}`,
    build: (trace) => {
      const operand = (name: string) => trace.store(name, 'f32', [batch, blockSize, embed])
      const inputs = [operand('q'), operand('k'), operand('v')]
      const attributes = { heads, kv_heads: heads, scale: size ** -0.5, dropout, site: 0 }
      const outputs = apply(attentionOp, [...inputs, trace.rng()], { ...attributes, cached: false })
      if (!backward) return
      apply(attentionBackwardOp, [...inputs, ...outputs, operand('dy'), trace.rng()], attributes)
    },
    torch: { op: 'attention', batch, tokens: blockSize, heads, size, dropout, backward },
  }
}

function layerNormCase(rows: number, backward: boolean): OpCase {
  return {
    name: backward ? 'layer-norm-backward' : 'layer-norm',
    shapes: `${rows} × ${embed}${backward ? ', and its gradient' : ''}`,
    build: (trace) => {
      const x = trace.store('x', 'f32', [rows, embed])
      const [gain, bias] = [trace.store('gain', 'f32', [embed]), trace.store('bias', 'f32', [embed])]
      const [, mean, rstd] = apply(layerNormOp, [x, gain, bias], { epsilon: 1e-5 })
      if (!backward) return
      apply(layerNormBackwardOp, [x, gain, mean, rstd, trace.store('dy', 'f32', [rows, embed])])
    },
    torch: { op: 'layer_norm', rows, columns: embed, backward },
  }
}

/** One optimizer step for all parameters of stage 09. */
function adamwCase(): OpCase {
  const { parameters } = createModel({ ...findPreset('decoder').model, vocabSize })
  return {
    name: 'adamw',
    shapes: `${parameters.length} tensors`,
    build: (trace) => {
      const tensors = parameters.map(({ path, shape }) => {
        const [m, v] = adamwOptimizer.state(path).map((name) => trace.store(name, 'f32', shape))
        const gradient = trace.store(gradientName(path), 'f32', shape)
        return { parameter: trace.store(path, 'f32', shape), gradient, m, v }
      })
      const number = (name: string): Tensor => trace.input(name, 'f32', [])
      const step = trace.input('step', 'i32', [])
      const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }
      adamw(step, number('learningRate'), number('scale'), tensors, options)
    },
    torch: { op: 'adamw', shapes: parameters.map(({ shape }) => shape) },
  }
}

/** The matrices of four blocks of 256 channels. */
function muonCase(): OpCase {
  const block: Shape[] = [...new Array<Shape>(4).fill([256, 256]), [1024, 256], [256, 1024]]
  const shapes = [block, block, block, block].flat()
  return {
    name: 'muon',
    shapes: `${shapes.length} matrices, 5 iterations`,
    build: (trace) => {
      const number = (name: string): Tensor => trace.input(name, 'f32', [])
      const tensors = shapes.map((shape, i) => {
        const [parameter, gradient, m] = ['p', 'g', 'm'].map((name) =>
          trace.store(`${name}${i}`, 'f32', shape),
        )
        return { parameter, gradient, m }
      })
      const options = { iterations: 5, weightDecay: 0.01 }
      muon(number('learningRate'), number('momentum'), number('scale'), tensors, options)
    },
    torch: { op: 'muon', shapes },
  }
}

function crossEntropyCase(rows: number): OpCase {
  return {
    name: 'cross-entropy',
    shapes: `${rows} × ${vocabSize}, and its gradient`,
    build: (trace) => {
      const logits = trace.store('logits', 'f32', [rows, vocabSize])
      const targets = trace.store('targets', 'i32', [rows])
      const [, lse] = apply(crossEntropyOp, [logits, targets])
      apply(crossEntropyBackwardOp, [logits, targets, lse, fill([], 1, trace)])
    },
    torch: { op: 'cross_entropy', rows, columns: vocabSize },
  }
}
