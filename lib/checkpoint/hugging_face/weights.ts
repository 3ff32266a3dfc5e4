// The tensors of a Hugging Face folder and the parameters that they become. Weights are f32, bf16 or
// f16; a parameter is converted whenever its data is read, so that no second copy of a model stays in
// memory.

import type { Dtype, Shape, TypedArray } from '../../graph/dtype'
import { fromBf16Bits, fromF16Bits } from '../../graph/rounding'
import type { GptConfig } from '../../model/config'
import type { TensorState } from '../../model/weights'
import type { SafetensorsTensor } from '../safetensors'
import type { Architecture } from './config'

/** A parameter, and the tensor it comes from. */
interface Weight {
  readonly path: string
  readonly shape: Shape
  /** The tensor's name, without the prefix, and its shape. */
  readonly from: string
  readonly there: Shape
  /** The parameter's part of the tensor. */
  readonly part: (values: Float32Array) => Float32Array
}

/** The names of tensors begin with this, unless the model was saved without its head. */
const prefixes: Readonly<Record<Architecture, string>> = { gpt2: 'transformer.', llama: 'model.' }

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
    this.weights = [...(architecture === 'gpt2' ? gpt2(model, rows) : llama(model, rows))]
    this.needed = new Map(this.weights.map(({ from, there }) => [from, there]))
  }

  /** The name of a tensor in `needed`. */
  nameOf(name: string): string {
    const prefix = prefixes[this.architecture]
    return name.startsWith(prefix) ? name.slice(prefix.length) : name
  }

  /** Whether the model does without a tensor. */
  isIdle(name: string): boolean {
    const own = this.nameOf(name)
    return constants.test(own) || (own === 'lm_head.weight' && this.model.tiedEmbeddings)
  }

  /** The parameters by path, each computed from these tensors when its `data` is read. */
  parametersOf(tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, TensorState> {
    return new Map(
      this.weights.map(({ path, shape, from, part }) => [
        path,
        {
          name: path,
          dtype: 'f32',
          shape,
          get data() {
            const { dtype, data } = tensors.get(from)!
            return part(toF32(dtype, data))
          },
        },
      ]),
    )
  }
}

/** The elements as f32. An f32 tensor is not copied. */
function toF32(dtype: Dtype, data: TypedArray): Float32Array {
  if (dtype === 'bf16') return fromBf16Bits(data as Uint16Array)
  return dtype === 'f16' ? fromF16Bits(data as Uint16Array) : (data as Float32Array)
}

const whole = (path: string, shape: Shape, from: string): Weight => ({
  path,
  shape,
  from,
  there: shape,
  part: (values) => values,
})

/** The first of the rows of a matrix. */
const first = (path: string, [rows, columns]: Shape, from: string, rowsThere: number): Weight => ({
  path,
  shape: [rows, columns],
  from,
  there: [rowsThere, columns],
  part: (values) => values.subarray(0, rows * columns),
})

/** A part of a vector. */
const slice = (path: string, length: number, from: string, begin: number, lengthThere: number): Weight => ({
  path,
  shape: [length],
  from,
  there: [lengthThere],
  part: (values) => values.subarray(begin, begin + length),
})

/** Columns of a matrix [inputs, outputs], as GPT-2 stores a layer's weight: [outputs, inputs] here. */
const transposed = (
  path: string,
  [outputs, inputs]: Shape,
  from: string,
  begin = 0,
  outputsThere = outputs,
): Weight => ({
  path,
  shape: [outputs, inputs],
  from,
  there: [inputs, outputsThere],
  part: (values) => transpose(values, inputs, outputsThere, begin, outputs),
})

/** Columns of this many elements are read at a time, a cache line, so that each line is read once. */
const stripe = 16

function transpose(
  values: Float32Array,
  rows: number,
  columns: number,
  begin: number,
  count: number,
): Float32Array {
  const out = new Float32Array(rows * count)
  for (let left = 0; left < count; left += stripe) {
    const right = Math.min(left + stripe, count)
    for (let row = 0; row < rows; row++) {
      const at = row * columns + begin
      for (let column = left; column < right; column++) out[column * rows + row] = values[at + column]
    }
  }
  return out
}

function* head({ tiedEmbeddings, vocabSize, embed }: GptConfig, rows: number): Generator<Weight> {
  if (!tiedEmbeddings) yield first('head.weight', [vocabSize, embed], 'lm_head.weight', rows)
}

function* gpt2(model: GptConfig, rows: number): Generator<Weight> {
  const { vocabSize, blockSize, embed: C, layers, bias } = model
  const F = model.feedForwardWidth || 4 * C
  yield first('tokenEmbedding.weight', [vocabSize, C], 'wte.weight', rows)
  yield whole('positionEmbedding.weight', [blockSize, C], 'wpe.weight')
  for (let i = 0; i < layers; i++) {
    const [to, from] = [`blocks.${i}`, `h.${i}`]
    yield* norm(`${to}.attentionNorm`, `${from}.ln_1`)
    for (const [part, name] of ['query', 'key', 'value'].entries()) {
      yield transposed(
        `${to}.attention.${name}.weight`,
        [C, C],
        `${from}.attn.c_attn.weight`,
        part * C,
        3 * C,
      )
      if (bias) yield slice(`${to}.attention.${name}.bias`, C, `${from}.attn.c_attn.bias`, part * C, 3 * C)
    }
    yield* linear(`${to}.attention.projection`, [C, C], `${from}.attn.c_proj`)
    yield* norm(`${to}.feedForwardNorm`, `${from}.ln_2`)
    yield* linear(`${to}.feedForward.expand`, [F, C], `${from}.mlp.c_fc`)
    yield* linear(`${to}.feedForward.contract`, [C, F], `${from}.mlp.c_proj`)
  }
  yield* norm('finalNorm', 'ln_f')
  yield* head(model, rows)

  function* norm(path: string, from: string): Generator<Weight> {
    yield whole(`${path}.weight`, [C], `${from}.weight`)
    if (bias) yield whole(`${path}.bias`, [C], `${from}.bias`)
  }
  function* linear(path: string, shape: Shape, from: string): Generator<Weight> {
    yield transposed(`${path}.weight`, shape, `${from}.weight`)
    if (bias) yield whole(`${path}.bias`, [shape[0]], `${from}.bias`)
  }
}

function* llama(model: GptConfig, rows: number): Generator<Weight> {
  const { vocabSize, embed: C, heads, kvHeads, layers, feedForwardWidth: F, bias } = model
  const D = model.headSize || C / heads
  yield first('tokenEmbedding.weight', [vocabSize, C], 'embed_tokens.weight', rows)
  for (let i = 0; i < layers; i++) {
    const [to, from] = [`blocks.${i}`, `layers.${i}`]
    yield whole(`${to}.attentionNorm.weight`, [C], `${from}.input_layernorm.weight`)
    yield* linear(`${to}.attention.query`, [heads * D, C], `${from}.self_attn.q_proj`)
    yield* linear(`${to}.attention.key`, [kvHeads * D, C], `${from}.self_attn.k_proj`)
    yield* linear(`${to}.attention.value`, [kvHeads * D, C], `${from}.self_attn.v_proj`)
    yield* linear(`${to}.attention.projection`, [C, heads * D], `${from}.self_attn.o_proj`)
    yield whole(`${to}.feedForwardNorm.weight`, [C], `${from}.post_attention_layernorm.weight`)
    yield* linear(`${to}.feedForward.expand`, [F, C], `${from}.mlp.up_proj`)
    yield* linear(`${to}.feedForward.gate`, [F, C], `${from}.mlp.gate_proj`)
    yield* linear(`${to}.feedForward.contract`, [C, F], `${from}.mlp.down_proj`)
  }
  yield whole('finalNorm.weight', [C], 'norm.weight')
  yield* head(model, rows)

  function* linear(path: string, shape: Shape, from: string): Generator<Weight> {
    yield whole(`${path}.weight`, shape, `${from}.weight`)
    if (bias) yield whole(`${path}.bias`, [shape[0]], `${from}.bias`)
  }
}
