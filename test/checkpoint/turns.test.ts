// Checking and summing the tensors of a checkpoint leaves the event loop free, also if the checkpoint
// is large because of many small tensors.

import { encodeChecksums } from '../../lib/checkpoint/checksums'
import { refuseNonFinite } from '../../lib/checkpoint/finite'
import type { TensorState } from '../../lib/model/weights'

const tensors: TensorState[] = Array.from({ length: 100 }, (_, i) => ({
  name: `tensor.${i}`,
  dtype: 'f32',
  shape: [50_000],
  data: new Float32Array(50_000).fill(i),
}))

test.each([
  ['the check for values that are not finite', () => refuseNonFinite(1, tensors)],
  ['the checksums', () => encodeChecksums('{}', tensors)],
])('%s: other events are handled after every megabyte', async (_, work) => {
  let turns = 0
  let isDone = false
  const working = Promise.resolve(work()).then(() => {
    isDone = true
  })
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  await working
  expect(turns).toBeGreaterThan(15)
})
