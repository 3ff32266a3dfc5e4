// The tensors of a Hugging Face folder and the parameters that they become. Weights are f32, bf16 or
// f16. A parameter is read and converted when it is needed, so that memory holds a model once.

import { allocate, bytesPerElement, type Dtype, type Shape, viewOf } from '../../graph/dtype'
import { fromBf16Bits, fromF16Bits } from '../../graph/rounding'
import type { GptConfig } from '../../model/config'
import type { StreamedTensor } from '../../model/weights'
import { type Architecture, headTensor, layoutOf, prefixes, take, type Weight } from '../layout'
import type { FileTensor } from '../safetensors'

/** Tensors that are no weights: the causal mask, and the frequencies of the rotation. */
const constants = /^h\.\d+\.attn\.(bias|masked_bias)$|^(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/

export const weightDtypes: readonly Dtype[] = ['f32', 'bf16', 'f16']

export class WeightMap {
  private readonly weights: readonly Weight[]
  /** The shape of each tensor that the model needs. */
  readonly needed: ReadonlyMap<string, Shape>

  /** @param rows the rows of the token embedding in the file, at least `vocabSize` */
  constructor(
    private readonly architecture: Architecture,
    private readonly model: GptConfig,
    rows: number,
  ) {
    this.weights = layoutOf(architecture, model, { rows })
    this.needed = new Map(this.weights.map(({ tensor, there }) => [tensor, there]))
  }

  /** The name of a tensor in `needed`. */
  nameOf(name: string): string {
    const prefix = prefixes[this.architecture]
    return name.startsWith(prefix) ? name.slice(prefix.length) : name
  }

  /** Whether the model does without a tensor. */
  isIdle(name: string): boolean {
    const own = this.nameOf(name)
    return constants.test(own) || (own === headTensor && this.model.tiedEmbeddings)
  }

  /** The parameters by path, each read from these tensors when it is needed. */
  parametersOf(tensors: ReadonlyMap<string, FileTensor>): Map<string, StreamedTensor> {
    const reader = new Reader()
    return new Map(
      this.weights.map((weight) => [
        weight.path,
        {
          name: weight.path,
          dtype: 'f32',
          shape: weight.shape,
          parts: () => reader.partsOf(weight, tensors.get(weight.tensor)!),
        },
      ]),
    )
  }
}

/** The most bytes of a tensor that are read at a time, if its order is that of the parameter. */
const mostBytes = 4 << 20

/** Reads parameters, one at a time, with the same memory for all. */
class Reader {
  private memory = new ArrayBuffer(0)
  /** The tensor that all of it holds: several parameters are parts of one. */
  private held: FileTensor | undefined

  async *partsOf(weight: Weight, tensor: FileTensor): AsyncGenerator<Float32Array> {
    const { dtype, bytes } = tensor
    if (weight.transposed || weight.rowAt) {
      const all = this.room(tensor, bytes)
      if (this.held !== tensor) for await (const _ of tensor.parts(all, 0, bytes)) this.held = tensor
      yield take(weight, toF32(dtype, all))
      return
    }
    this.held = undefined
    const [rows, columns = 1] = weight.shape
    const row = columns * bytesPerElement[dtype]
    const [from, to] = [weight.begin * row, (weight.begin + rows) * row]
    const room = this.room(tensor, Math.min(mostBytes, to - from))
    for await (const part of tensor.parts(room, from, to)) yield toF32(dtype, part)
  }

  private room(tensor: FileTensor, bytes: number): Uint8Array {
    if (this.memory.byteLength < bytes) {
      this.held = undefined
      this.memory = allocate('u8', bytes, `tensor ${tensor.name}`).buffer as ArrayBuffer
    }
    return new Uint8Array(this.memory, 0, bytes)
  }
}

/** The elements as f32. Those of an f32 tensor are not copied. */
export function toF32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  const data = viewOf(dtype, bytes)
  if (dtype === 'bf16') return fromBf16Bits(data as Uint16Array)
  return dtype === 'f16' ? fromF16Bits(data as Uint16Array) : (data as Float32Array)
}
