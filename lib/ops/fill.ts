// fill: every element is `value`. The output's shape comes with the call, since there is no input to read it from.

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

/** A constant tensor (f32): eager, or part of the Program being traced. */
export function fill(shape: Shape, value: number, trace?: Trace): Tensor {
  if (trace) return trace.record(fillOp.name, [], { value }, [{ dtype: 'f32', shape }])[0]
  const y = new Tensor('f32', shape, allocate('f32', sizeOf(shape)))
  floats(y).fill(value)
  return y
}

/** A constant integer (i32, rank 0) in the Program being traced. */
export function constantIndex(value: number, trace: Trace): Tensor {
  return trace.record(fillOp.name, [], { value }, [{ dtype: 'i32', shape: [] }])[0]
}
