// layer_norm: subtracts the mean of each row, divides by its standard deviation, multiplies by a
// gain and adds a bias (Ba et al., 2016).

import { lastOf, rowsOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, type Operand } from './op'

export const layerNormOp = defineOp({
  name: 'layer_norm',
  bf16: { inputs: [0], outputs: [0] },
  shape([x, gain, bias], { epsilon }) {
    expectFloat('layer_norm', 'x', x)
    demand(x.shape.length >= 1, 'layer_norm', () => 'x needs at least one dimension')
    const C = lastOf(x.shape)
    expectSpec('layer_norm', 'gain', gain, 'f32', [C])
    expectSpec('layer_norm', 'bias', bias, 'f32', [C])
    demand((epsilon as number) > 0, 'layer_norm', () => `epsilon must be positive, not ${epsilon}`)
    const rows = x.shape.slice(0, -1)
    return [x.shape, rows, rows].map((shape) => ({ dtype: 'f32', shape }))
  },
  gradient({ inputs: [x, gain], outputs: [, mean, rstd], gradients: [dy] }) {
    return dy ? apply(layerNormBackwardOp, [x, gain, mean, rstd, dy]) : []
  },
  reference([x, gain, bias], [y, mean, rstd], { epsilon }) {
    const C = lastOf(x.shape)
    const [values, g, b, out] = [floats(x), floats(gain), floats(bias), floats(y)]
    for (let row = 0; row < rowsOf(x.shape); row++) {
      const start = row * C
      let sum = 0
      for (let c = 0; c < C; c++) sum += values[start + c]
      const center = sum / C
      let squares = 0
      for (let c = 0; c < C; c++) squares += (values[start + c] - center) ** 2
      const scale = 1 / Math.sqrt(squares / C + (epsilon as number))
      for (let c = 0; c < C; c++) out[start + c] = (values[start + c] - center) * scale * g[c] + b[c]
      mean.data[row] = center
      rstd.data[row] = scale
    }
  },
})

export const layerNormBackwardOp = defineOp({
  name: 'layer_norm_backward',
  bf16: { inputs: [0, 4] },
  shape([x, gain, mean, rstd, dy]) {
    const C = lastOf(x.shape)
    expectFloat('layer_norm_backward', 'x', x)
    expectSpec('layer_norm_backward', 'gain', gain, 'f32', [C])
    expectSpec('layer_norm_backward', 'mean', mean, 'f32', x.shape.slice(0, -1))
    expectSpec('layer_norm_backward', 'rstd', rstd, 'f32', x.shape.slice(0, -1))
    expectSpec('layer_norm_backward', 'dy', dy, 'f32', x.shape)
    return [x.shape, [C], [C]].map((shape) => ({ dtype: 'f32', shape }))
  },
  // With n = (x − mean)·rstd and h = dy·gain: dx = rstd·(h − avg(h) − n·avg(h·n)).
  reference([x, gain, mean, rstd, dy], [dx, dgain, dbias]) {
    const C = lastOf(x.shape)
    const [values, g, gradient, out] = [floats(x), floats(gain), floats(dy), floats(dx)]
    const [gainSums, biasSums] = [new Float64Array(C), new Float64Array(C)]
    for (let row = 0; row < rowsOf(x.shape); row++) {
      const start = row * C
      const [center, scale] = [mean.data[row], rstd.data[row]]
      let sum = 0
      let product = 0
      for (let c = 0; c < C; c++) {
        const n = (values[start + c] - center) * scale
        const h = gradient[start + c] * g[c]
        sum += h
        product += h * n
        gainSums[c] += gradient[start + c] * n
        biasSums[c] += gradient[start + c]
      }
      for (let c = 0; c < C; c++) {
        const n = (values[start + c] - center) * scale
        out[start + c] = scale * (gradient[start + c] * g[c] - sum / C - (n * product) / C)
      }
    }
    dgain.data.set(gainSums)
    dbias.data.set(biasSums)
  },
})

/**
 * x […, C], gain [C], bias [C] → y […, C].
 *
 * @param epsilon added to the variance. Default: 1e-5
 */
export function layerNorm(x: Tensor, gain: Operand, bias: Operand, epsilon = 1e-5): Tensor {
  return apply(layerNormOp, [x, gain, bias], { epsilon })[0]
}
