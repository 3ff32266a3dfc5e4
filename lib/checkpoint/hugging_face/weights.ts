// The tensors of a Hugging Face folder and the parameters that they become. Weights are f32, bf16 or
// f16; a parameter is converted whenever its data is read, so that no second copy of a model stays in
// memory.

import type { Dtype, Shape, TypedArray } from '../../graph/dtype'
import { fromBf16Bits, fromF16Bits } from '../../graph/rounding'
import type { GptConfig } from '../../model/config'
import type { TensorState } from '../../model/weights'
import { type Architecture, headTensor, layoutOf, prefixes, take, type Weight } from '../layout'
import type { SafetensorsTensor } from '../safetensors'

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

  /** The parameters by path, each computed from these tensors when its `data` is read. */
  parametersOf(tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, TensorState> {
    return new Map(
      this.weights.map((weight) => [
        weight.path,
        {
          name: weight.path,
          dtype: 'f32',
          shape: weight.shape,
          get data() {
            const { dtype, data } = tensors.get(weight.tensor)!
            return take(weight, toF32(dtype, data))
          },
        },
      ]),
    )
  }
}

/** The elements as f32. An f32 tensor is not copied. */
export function toF32(dtype: Dtype, data: TypedArray): Float32Array {
  if (dtype === 'bf16') return fromBf16Bits(data as Uint16Array)
  return dtype === 'f16' ? fromF16Bits(data as Uint16Array) : (data as Float32Array)
}
