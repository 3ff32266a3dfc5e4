// fill: sets every element to `value`. The caller gives the shape of the output, since there is no
// input to infer it from.

import { allocate, type Shape, sizeOf } from '../graph/dtype'
import { Tensor } from '../graph/tensor'
import type { Trace } from '../graph/trace'
import { defineOp, floats } from './op'

export const fillOp = defineOp({
  name: 'fill',
  shape: () => [],
  reference(_, [y], { value }) {
    y.data.fill(value as number)
  },
})

/** A constant f32 tensor. Eager by default, recorded if `trace` is given. */
export function fill(shape: Shape, value: number, trace?: Trace): Tensor {
  if (trace) return trace.record(fillOp.name, [], { value }, [{ dtype: 'f32', shape }])[0]
  const y = new Tensor('f32', shape, allocate('f32', sizeOf(shape)))
  floats(y).fill(value)
  return y
}

/** Records a constant i32 tensor of rank 0. */
export function constantIndex(value: number, trace: Trace): Tensor {
  return trace.record(fillOp.name, [], { value }, [{ dtype: 'i32', shape: [] }])[0]
}
