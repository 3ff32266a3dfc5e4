// The number formats of exported weights.

import { NanoGptError, option, say } from '../../errors'
import { bytesOf } from '../../graph/dtype'
import { bf16Bits, f16Bits } from '../../graph/rounding'
import type { ExportDtype } from '../../options'

/** The elements as the bytes of a file. */
export function encodeValues(dtype: ExportDtype, values: Float32Array, name: string): Uint8Array {
  if (dtype === 'f32') return bytesOf(values)
  if (dtype === 'bf16') return bytesOf(bf16Bits(values))
  return dtype === 'f16' ? bytesOf(f16Of(values, name)) : q8Of(values, name)
}

const largest = 65_504

function f16Of(values: Float32Array, name: string): Uint16Array {
  const wide = values.findIndex((value) => Math.abs(value) > largest)
  if (wide < 0) return f16Bits(values)
  throw new NanoGptError('export', {
    where: 'export',
    option: 'dtype',
    value: 'f16',
    reason: `element ${wide} of ${name} is ${values[wide]}, and f16 has no numbers beyond ${largest}`,
    remedy: say`give ${option('dtype', 'f32')}`,
  })
}

/** The elements of a block, which have one scale. */
export const q8Block = 32
/** The scale in f16, and a byte for each element. */
export const q8BlockBytes = 2 + q8Block

/**
 * llama.cpp's Q8_0: 32 elements become whole numbers from −127 to 127, times a scale d. The scale is the
 * largest magnitude / 127.
 */
function q8Of(values: Float32Array, name: string): Uint8Array {
  const blocks = values.length / q8Block
  const bytes = new Uint8Array(blocks * q8BlockBytes)
  const scales = new Float32Array(blocks)
  for (let block = 0; block < blocks; block++) {
    let most = 0
    const begin = block * q8Block
    for (let i = begin; i < begin + q8Block; i++) most = Math.max(most, Math.abs(values[i]))
    scales[block] = most / 127
    const inverse = scales[block] > 0 ? 1 / scales[block] : 0
    const at = block * q8BlockBytes + 2
    // Halves are rounded away from zero, as in C.
    for (let i = 0; i < q8Block; i++) {
      const scaled = values[begin + i] * inverse
      bytes[at + i] = Math.sign(scaled) * Math.min(127, Math.round(Math.abs(scaled)))
    }
  }
  const halves = f16Of(scales, name)
  const view = new DataView(bytes.buffer)
  for (let block = 0; block < blocks; block++) view.setUint16(block * q8BlockBytes, halves[block], true)
  return bytes
}
