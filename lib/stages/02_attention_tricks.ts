// Stage 02: the trick in attention. How each position can look at all earlier positions with two
// matrix products.
//
// To predict the next token, a position needs information from the past. The simplest way to gather
// it is to take the average:
//
//     y[t] = mean of x[0 … t]            x [B, T, C] → y [B, T, C]
//
// Three ways to compute this average lead from a loop to attention:
//
//   1. a loop over t;
//   2. one product with a lower-triangular matrix W [T, T], whose row t is 1/(t+1) for columns
//      up to t and 0 for the future;
//   3. W as the softmax of scores, with the future masked: a score of −∞ before the softmax is a
//      weight of 0 after it. If all other scores are 0, the result is the average.
//
// In the third way the scores need not be 0. A **head** computes them from the data. Each position
// has a query q (what it looks for) and a key k (what it offers), and q·k measures how well the two
// match.
//
//     scores [T, T] = q·kᵀ / √D,   weights = softmax(scores, future masked),   y = weights·v

import { type Program, print } from '../graph/program'
import { type Tensor, tensor } from '../graph/tensor'
import { Trace } from '../graph/trace'
import { attention, batchedMatmul, maskedSoftmax, matmul, trilMean } from '../ops'
import { normalFill, site, uniformFill } from '../random/philox'
import type { Harness, Sketch } from './stage'

/** The sizes of this stage. */
export const sizes = { B: 4, T: 8, C: 2, D: 16 } as const
const { B, T, C, D } = sizes

async function run(harness: Harness): Promise<void> {
  const { title, say, show } = harness
  const x = inputs(harness)
  title('Averaging the past of x')
  say(`x [${x.shape.join(', ')}], its first sequence [${T}, ${C}]:`)
  show(first(x))

  const byLoop = meanByLoop(x)
  say('1. A loop:')
  show(first(byLoop))

  const averaging = trilMean(T) // [T, T], shared by all B sequences
  const byMatrix = batchedMatmul(averaging, x) // [T, T] · [B, T, C] → [B, T, C]
  say(`2. A product with the lower-triangular matrix [${T}, ${T}]:`)
  show(averaging)
  agree(harness, 'the loop and the matrix', byLoop, byMatrix)

  const scores = tensor(new Float32Array(B * T * T), 'f32', [B, T, T]) // all 0
  const bySoftmax = batchedMatmul(maskedSoftmax(scores), x)
  say('3. A softmax of zero scores, with the future masked, gives the same matrix:')
  agree(harness, 'the loop and the masked softmax', byLoop, bySoftmax)

  await oneHead(harness, x)
}

function inputs({ seed }: Harness): Tensor {
  const values = new Float32Array(B * T * C)
  normalFill(values, site('attention-tricks.x'), seed)
  return tensor(values, 'f32', [B, T, C])
}

function meanByLoop(x: Tensor): Tensor {
  const y = new Float32Array(B * T * C)
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      let sum = 0
      for (let t = 0; t < T; t++) {
        sum += x.data[(b * T + t) * C + c]
        y[(b * T + t) * C + c] = sum / (t + 1)
      }
    }
  }
  return tensor(y, 'f32', [B, T, C])
}

async function oneHead(harness: Harness, x: Tensor): Promise<void> {
  const { title, say, show } = harness
  const matrices = [weight(harness, 'query'), weight(harness, 'key'), weight(harness, 'value')] as const
  title('One head')
  const { q, k, v, weights, y } = head(x, ...matrices)
  say(
    `x [${x.shape.join(', ')}] → q, k, v [${q.shape.join(', ')}] → weights [${weights.shape.join(', ')}] → y [${y.shape.join(', ')}]`,
  )
  say('The weights of the first sequence. Row t distributes the attention of position t over 0 … t:')
  show(first(weights))
  say('From stage 03 on, one op computes all of this, without storing the weights:')
  agree(harness, 'the head by hand and attention(q, k, v)', y, attention(q, k, v, { heads: 1 }))

  title('The same head, recorded')
  say('Called on symbolic tensors, the same functions record a Program, which the engine runs:')
  const program = recordedHead()
  say(print(program).trimEnd())
  const inputs = { x: x.data, wq: matrices[0].data, wk: matrices[1].data, wv: matrices[2].data }
  const { device, y: computed } = await harness.compute(program, inputs)
  agree(harness, `the head by hand and the Program run on ${device}`, y, tensor(computed, 'f32', y.shape))
}

/** One head of causal attention: x [B, T, C] and three matrices [D, C] → y [B, T, D]. */
function head(x: Tensor, wq: Tensor, wk: Tensor, wv: Tensor) {
  const q = matmul(x, wq, false, true) // [B, T, C] · [D, C]ᵀ → [B, T, D]
  const k = matmul(x, wk, false, true)
  const v = matmul(x, wv, false, true)
  const scores = batchedMatmul(q, k, false, true) // [B, T, D] · [B, T, D]ᵀ → [B, T, T]
  const weights = maskedSoftmax(scores, { scale: D ** -0.5 })
  const y = batchedMatmul(weights, v) // [B, T, T] · [B, T, D] → [B, T, D]
  return { q, k, v, weights, y }
}

/** The head as a Program, of an x [B, T, C]. */
export function recordedHead(): Program {
  const trace = new Trace('head')
  const [wq, wk, wv] = ['wq', 'wk', 'wv'].map((name) => trace.input(name, 'f32', [D, C]))
  trace.output('y', head(trace.input('x', 'f32', [B, T, C]), wq, wk, wv).y)
  return trace.finish()
}

/** [D, C], initialized like a Linear layer: U(±1/√C). */
function weight({ seed }: Harness, name: string): Tensor {
  const values = new Float32Array(D * C)
  uniformFill(values, 1 / Math.sqrt(C), site(`attention-tricks.${name}`), seed)
  return tensor(values, 'f32', [D, C])
}

/** The first sequence of [B, m, n], as [m, n]. */
function first(x: Tensor): Tensor {
  const [, m, n] = x.shape
  return tensor(x.data.slice(0, m * n), 'f32', [m, n])
}

function agree({ say }: Harness, what: string, a: Tensor, b: Tensor): void {
  const difference = Math.max(...Array.from(a.data, (value, i) => Math.abs(value - b.data[i])))
  if (!(difference <= 1e-6)) throw new Error(`${what} differ by ${difference}: that should be at most 1e-6`)
  say(`   ${what} agree: the largest difference is ${difference.toExponential(1)}`)
}

export const attentionTricks: Sketch = {
  number: '02',
  name: 'attention-tricks',
  idea: 'averaging the past three ways, and one head of attention by hand',
  run,
}
