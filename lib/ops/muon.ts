// muon: momentum with an orthogonalised direction (Jordan et al., 2024), for any number of
// matrices. A few steps of a quintic Newton–Schulz iteration bring all singular values of the
// direction close to 1, without a decomposition.

import { Tensor } from '../graph/tensor'
import { matmul } from './matmul'
import { apply, defineOp, demand, expectFinite, expectGroups, expectSpec, floats } from './op'

/**
 * Coefficients of σ → a·σ + b·σ³ + c·σ⁵, which brings σ in (0, 1] to about 0.7 … 1.2. They favour a
 * steep slope at 0 over convergence to exactly 1.
 */
const [a, b, c] = [3.4445, -4.775, 2.0315]
/** Added to the norm, so that a zero direction stays zero. */
const smallest = 1e-7
const mostIterations = 100

export const muonOp = defineOp({
  name: 'muon',
  integers: ['iterations'],
  // Inputs: learning_rate, momentum, scale, then n parameters, n gradients, n m.
  shape(inputs, { iterations }) {
    const [learningRate, momentum, scale, ...tensors] = inputs
    expectSpec('muon', 'learning_rate', learningRate, 'f32', [])
    expectSpec('muon', 'momentum', momentum, 'f32', [])
    expectSpec('muon', 'scale', scale, 'f32', [])
    const n = expectGroups('muon', tensors, ['parameter', 'gradient', 'm'])
    for (const { shape } of tensors.slice(0, n)) {
      demand(shape.length === 2, 'muon', () => `parameter must have 2 dimensions, not [${shape.join(', ')}]`)
    }
    const count = iterations as number
    demand(
      Number.isInteger(count) && count >= 1 && count <= mostIterations,
      'muon',
      () => `iterations must be a whole number from 1 to ${mostIterations}, not ${count}`,
    )
    return [...tensors.slice(0, n), ...tensors.slice(2 * n)].map(({ shape }) => ({ dtype: 'f32', shape }))
  },
  inPlace(inputs, output) {
    const n = (inputs - 3) / 3
    return output < n ? 3 + output : 3 + n + output
  },
  reference([learningRate, momentum, scale, ...tensors], outputs, attributes) {
    const { iterations, weight_decay } = attributes as Record<string, number>
    const [rate, keep] = [learningRate.data[0], 1 - learningRate.data[0] * weight_decay]
    const n = tensors.length / 3
    for (let i = 0; i < n; i++) {
      const [rows, columns] = tensors[i].shape
      const [p, g, m] = [0, 1, 2].map((k) => floats(tensors[i + k * n]))
      const direction = new Float64Array(p.length)
      for (let j = 0; j < p.length; j++) {
        const gradient = g[j] * scale.data[0]
        m[j] = momentum.data[0] * m[j] + gradient
        direction[j] = gradient + momentum.data[0] * m[j]
      }
      const x = orthogonalised(direction, rows, columns, iterations)
      const step = rate * Math.sqrt(Math.max(1, rows / columns))
      for (let j = 0; j < p.length; j++) p[j] = p[j] * keep - step * x[j]
    }
    expectFinite('muon', outputs)
  },
})

/** Divides the matrix u by its norm and applies `iterations` Newton–Schulz steps. */
function orthogonalised(
  u: Float64Array,
  rows: number,
  columns: number,
  iterations: number,
): ArrayLike<number> {
  const norm = Math.sqrt(u.reduce((sum, value) => sum + value * value, 0))
  const unit = u.map((value) => value / (norm + smallest))
  // Transpose a tall matrix: the products are smallest with no more rows than columns.
  const tall = rows > columns
  let x = tall ? transposed(unit, rows, columns) : new Tensor('f64', [rows, columns], unit)
  for (let i = 0; i < iterations; i++) {
    const gram = matmul(x, x, false, true)
    const square = floats(matmul(gram, gram))
    const polynomial = floats(gram).map((value, j) => b * value + c * square[j])
    const change = floats(matmul(new Tensor('f64', gram.shape, polynomial), x))
    x = new Tensor(
      'f64',
      x.shape,
      floats(x).map((value, j) => a * value + change[j]),
    )
  }
  return tall ? transposed(floats(x), columns, rows).data : x.data
}

function transposed(matrix: ArrayLike<number>, rows: number, columns: number): Tensor {
  const values = new Float64Array(matrix.length)
  for (let row = 0, from = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) values[column * rows + row] = matrix[from++]
  }
  return new Tensor('f64', [columns, rows], values)
}

export interface MuonTensors {
  parameter: Tensor
  gradient: Tensor
  m: Tensor
}

export interface MuonOptions {
  iterations: number
  weightDecay: number
}

/** Updates the matrices and m in place. `scale` multiplies the gradients. */
export function muon(
  learningRate: Tensor,
  momentum: Tensor,
  scale: Tensor,
  tensors: readonly MuonTensors[],
  options: MuonOptions,
): void {
  const inputs = [
    learningRate,
    momentum,
    scale,
    ...tensors.map((t) => t.parameter),
    ...tensors.map((t) => t.gradient),
    ...tensors.map((t) => t.m),
  ]
  apply(muonOp, inputs, { iterations: options.iterations, weight_decay: options.weightDecay })
}
