// Muon's direction is nearly orthogonal: all its singular values are near 1, whatever those of the
// gradient.

import { Trace } from '../../lib/graph/trace'
import { muon } from '../../lib/ops'
import { onEveryDevice } from '../support/devices'
import { allocateStores, compiled } from '../support/models'
import { Numbers } from '../support/numeric'

/**
 * The singular values of a matrix, by one-sided Jacobi: rotates its columns until they are
 * orthogonal.
 */
function singularValues(matrix: ArrayLike<number>, rows: number, columns: number): number[] {
  const at = (i: number, j: number) => matrix[i * columns + j]
  // As many vectors as the smaller dimension.
  const vectors =
    rows < columns
      ? Array.from({ length: rows }, (_, i) => Float64Array.from({ length: columns }, (_, j) => at(i, j)))
      : Array.from({ length: columns }, (_, j) => Float64Array.from({ length: rows }, (_, i) => at(i, j)))
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0)
  for (let sweep = 0; sweep < 20; sweep++) {
    for (let i = 0; i < vectors.length; i++) {
      for (let j = i + 1; j < vectors.length; j++) {
        const [a, b] = [vectors[i], vectors[j]]
        const angle = 0.5 * Math.atan2(2 * dot(a, b), dot(a, a) - dot(b, b))
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
        vectors[i] = a.map((value, k) => cos * value + sin * b[k])
        vectors[j] = b.map((value, k) => cos * value - sin * a[k])
      }
    }
  }
  return vectors.map((vector) => Math.sqrt(dot(vector, vector))).sort((a, b) => a - b)
}

test('the singular values of a known matrix', () => {
  // A rotated diagonal, with an additional row of 0.
  const [c, s] = [Math.cos(0.3), Math.sin(0.3)]
  const values = singularValues([3 * c, -2 * s, 3 * s, 2 * c, 0, 0], 3, 2)
  expect(values).toEqual([expect.closeTo(2, 12), expect.closeTo(3, 12)])
})

onEveryDevice('muon', ({ open }) => {
  /** The change of a zero matrix for this gradient, at a learning rate of 1. */
  async function direction(gradient: Float32Array, rows: number, columns: number): Promise<Float32Array> {
    const trace = new Trace('direction')
    const [parameter, g, m] = ['p', 'g', 'm'].map((name) => trace.store(name, 'f32', [rows, columns]))
    const number = (name: string) => trace.input(name, 'f32', [])
    const tensors = [{ parameter, gradient: g, m }]
    muon(number('rate'), number('momentum'), number('scale'), tensors, { iterations: 5, weightDecay: 0 })
    const session = open()
    try {
      const program = trace.finish()
      await allocateStores(session, program)
      await session.write('g', gradient)
      await (await compiled(session, program)).run({ rate: -1, momentum: 0.95, scale: 0.1 })
      return (await session.read('p')) as Float32Array
    } finally {
      await session.dispose()
    }
  }

  const shapes: [rows: number, columns: number][] = [
    [24, 24],
    [16, 48],
    [48, 16],
    [33, 70],
    [1, 9],
    [9, 1],
  ]
  test.each(shapes)('[%i, %i]', async (rows, columns) => {
    const numbers = new Numbers(`muon ${rows} × ${columns}`)
    // Adding a diagonal keeps the smallest singular value away from 0.
    const gradient = numbers.floats(rows * columns, -0.1, 0.1)
    for (let i = 0; i < Math.min(rows, columns); i++) gradient[i * columns + i] += 1
    const moved = await direction(gradient, rows, columns)
    const scale = Math.sqrt(Math.max(1, rows / columns))
    const values = singularValues(moved, rows, columns).map((value) => value / scale)
    for (const value of values) {
      expect(value).toBeGreaterThan(0.6)
      expect(value).toBeLessThan(1.3)
    }
    // The rate is negative, so the change has the direction of the gradient.
    expect(moved.reduce((sum, value, i) => sum + value * gradient[i], 0)).toBeGreaterThan(0)
  })

  test('the size of the gradient does not matter', async () => {
    const gradient = new Numbers('scale').floats(12 * 20)
    const [one, thousand] = [
      await direction(gradient, 12, 20),
      await direction(
        gradient.map((g) => 1024 * g),
        12,
        20,
      ),
    ]
    one.forEach((value, i) => {
      expect(thousand[i]).toBeCloseTo(value, 4)
    })
  })
})
