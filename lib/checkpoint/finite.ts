// Refuses to write weights that are not numbers: they must never replace a good checkpoint.

import { NanoGptError, option, say } from '../errors'
import type { TensorState } from '../model/weights'
import { bytesPerTurn, Turns } from './turns'

const elementsPerTurn = bytesPerTurn / Float32Array.BYTES_PER_ELEMENT
/** The exponent bits of a float32. NaN and the infinities have all of them. */
const exponent = 0x7f80_0000

/** @throws NanoGptError 'non_finite' that names the first f32 tensor with a non-finite value */
export async function refuseNonFinite(step: number, tensors: readonly TensorState[]): Promise<void> {
  const turns = new Turns()
  for (const { name, data } of tensors) {
    if (!(data instanceof Float32Array)) continue
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
    for (let start = 0; start < bits.length; start += elementsPerTurn) {
      const end = Math.min(start + elementsPerTurn, bits.length)
      for (let i = start; i < end; i++) {
        if ((bits[i] & exponent) === exponent) throw nonFinite(step, name, data[i])
      }
      await turns.after((end - start) * Float32Array.BYTES_PER_ELEMENT)
    }
  }
}

function nonFinite(step: number, name: string, value: number): NanoGptError {
  return new NanoGptError('non_finite', {
    subject: `step ${step}`,
    reason: `${name} contains ${value}, so these weights are not saved, and the last checkpoint stays as it is`,
    remedy: say`continue from that checkpoint with a lower ${option('learningRate')} or ${option('gradientClip', 1)}`,
  })
}
