// rope: rotary position embedding (Su et al., 2021). In each head, channels i and i + D/2 form a
// pair. It is rotated by an angle that is proportional to the position and smaller for larger i.
// The gradient rotates back.

import { lastOf } from '../graph/dtype'
import type { Tensor } from '../graph/tensor'
import { apply, defineOp, demand, expectFloat, expectSpec, floats, outOfRange } from './op'

/**
 * Positions must be below this limit, up to which the angles of the kernels are accurate to the
 * last place of an f32.
 */
export const ropeLimit = 2 ** 24

export const ropeOp = defineOp({
  name: 'rope',
  integers: ['heads'],
  bf16: { inputs: [0], outputs: [0] },
  shape([x, positions], { heads, base }) {
    expectFloat('rope', 'x', x)
    demand(x.shape.length === 3, 'rope', () => `x must be [B, T, C], not [${x.shape}]`)
    const [B, T, C] = x.shape
    expectSpec('rope', 'positions', positions, 'i32', positions?.shape.length === 1 ? [T] : [B, T])
    const divides = Number.isInteger(heads) && (heads as number) >= 1 && C % (heads as number) === 0
    demand(divides, 'rope', () => `${C} channels do not divide into ${heads} heads`)
    const D = C / (heads as number)
    demand(D % 2 === 0, 'rope', () => `the size of a head must be even, not ${D}`)
    const finite = (base as number) >= 1 && (base as number) < Infinity
    demand(finite, 'rope', () => `base must be at least 1 and finite, not ${base}`)
    return [{ dtype: 'f32', shape: x.shape }]
  },
  gradient: ({ inputs: [, positions], gradients: [dy], attributes }) => [
    dy && apply(ropeOp, [dy, positions], { ...attributes, inverse: !attributes.inverse })[0],
  ],
  reference([x, positions], [y], { heads, base, inverse }) {
    const C = lastOf(x.shape)
    const D = C / (heads as number)
    const [values, out] = [floats(x), floats(y)]
    for (let row = 0; row * C < values.length; row++) {
      const index = row % positions.data.length
      const position = positions.data[index]
      if (position < 0 || position >= ropeLimit) {
        outOfRange(`rope: position ${index} is ${position}, it must be in 0…${ropeLimit - 1}`, 1)
      }
      for (let i = 0; i < D / 2; i++) {
        const angle = position * (base as number) ** ((-2 * i) / D)
        const [cosine, sine] = [Math.cos(angle), Math.sin(inverse ? -angle : angle)]
        for (let at = row * C + i; at < (row + 1) * C; at += D) {
          const [a, b] = [values[at], values[at + D / 2]]
          out[at] = a * cosine - b * sine
          out[at + D / 2] = b * cosine + a * sine
        }
      }
    }
  },
})

export interface RopeOptions {
  /** Number of heads, which must divide the channels. The head size D must be even. */
  heads: number
  /**
   * Pair i of a head is rotated by position · base^(−2i/D) radians. At least 1. Default: 10,000.
   */
  base?: number
  /** Whether to rotate in the opposite direction. Default: false. */
  inverse?: boolean
}

/** x [B, T, C], positions i32 [T] or [B, T] in 0…2²⁴ − 1 → y [B, T, C]. */
export function rope(x: Tensor, positions: Tensor, options: RopeOptions): Tensor {
  const { heads, base = 10000, inverse = false } = options
  return apply(ropeOp, [x, positions], { heads, base, inverse })[0]
}
