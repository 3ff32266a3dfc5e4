// Where a model's parameters are in the files of other programs: one table, by which files are read and
// written. A tensor of a file holds one parameter or, like GPT-2's `c_attn`, several.

import { type Shape, sizeOf } from '../graph/dtype'
import type { GptConfig } from '../model/config'

export const architectures = ['gpt2', 'llama', 'nanochat'] as const
export type Architecture = (typeof architectures)[number]

/** The kinds of files: Hugging Face's safetensors, and llama.cpp's GGUF. */
export type Dialect = 'huggingface' | 'gguf'

/** A parameter, and its rows in the tensor of a file. A vector has rows of one element. */
export interface Weight {
  readonly path: string
  readonly shape: Shape
  /** The tensor's name, and its shape. */
  readonly tensor: string
  readonly there: Shape
  /** The first of its rows in the tensor. */
  readonly begin: number
  /** Whether the tensor is transposed: its columns are the rows. */
  readonly transposed: boolean
  /** The parameter's row that is row `i` of its part of the tensor. Absent: row i. */
  readonly rowAt?: (i: number) => number
}

/** A module's tensors in the two dialects, without `.weight` and `.bias`. # is the number of the block. */
type Names = Readonly<Record<string, readonly [huggingface: string, gguf: string]>>

const tables: Readonly<Record<Architecture, Names>> = {
  gpt2: {
    tokenEmbedding: ['wte', 'token_embd'],
    positionEmbedding: ['wpe', 'position_embd'],
    'blocks.#.attentionNorm': ['h.#.ln_1', 'blk.#.attn_norm'],
    'blocks.#.attention.query': ['h.#.attn.c_attn', 'blk.#.attn_qkv'],
    'blocks.#.attention.key': ['h.#.attn.c_attn', 'blk.#.attn_qkv'],
    'blocks.#.attention.value': ['h.#.attn.c_attn', 'blk.#.attn_qkv'],
    'blocks.#.attention.projection': ['h.#.attn.c_proj', 'blk.#.attn_output'],
    'blocks.#.feedForwardNorm': ['h.#.ln_2', 'blk.#.ffn_norm'],
    'blocks.#.feedForward.expand': ['h.#.mlp.c_fc', 'blk.#.ffn_up'],
    'blocks.#.feedForward.contract': ['h.#.mlp.c_proj', 'blk.#.ffn_down'],
    finalNorm: ['ln_f', 'output_norm'],
    head: ['lm_head', 'output'],
  },
  llama: {
    tokenEmbedding: ['embed_tokens', 'token_embd'],
    'blocks.#.attentionNorm': ['layers.#.input_layernorm', 'blk.#.attn_norm'],
    'blocks.#.attention.query': ['layers.#.self_attn.q_proj', 'blk.#.attn_q'],
    'blocks.#.attention.key': ['layers.#.self_attn.k_proj', 'blk.#.attn_k'],
    'blocks.#.attention.value': ['layers.#.self_attn.v_proj', 'blk.#.attn_v'],
    'blocks.#.attention.projection': ['layers.#.self_attn.o_proj', 'blk.#.attn_output'],
    'blocks.#.feedForwardNorm': ['layers.#.post_attention_layernorm', 'blk.#.ffn_norm'],
    'blocks.#.feedForward.expand': ['layers.#.mlp.up_proj', 'blk.#.ffn_up'],
    'blocks.#.feedForward.gate': ['layers.#.mlp.gate_proj', 'blk.#.ffn_gate'],
    'blocks.#.feedForward.contract': ['layers.#.mlp.down_proj', 'blk.#.ffn_down'],
    finalNorm: ['norm', 'output_norm'],
    head: ['lm_head', 'output'],
  },
  nanochat: {
    tokenEmbedding: ['embed_tokens', ''],
    'blocks.#.attention.query': ['layers.#.self_attn.q_proj', ''],
    'blocks.#.attention.key': ['layers.#.self_attn.k_proj', ''],
    'blocks.#.attention.value': ['layers.#.self_attn.v_proj', ''],
    'blocks.#.attention.projection': ['layers.#.self_attn.o_proj', ''],
    'blocks.#.feedForward.expand': ['layers.#.mlp.fc1', ''],
    'blocks.#.feedForward.contract': ['layers.#.mlp.fc2', ''],
    head: ['lm_head', ''],
  },
}

/** In Hugging Face's files, the names of all tensors but the head's begin with this. */
export const prefixes: Readonly<Record<Architecture, string>> = {
  gpt2: 'transformer.',
  llama: 'model.',
  nanochat: 'model.',
}

/** The tensor of the output layer in Hugging Face's files, which has no prefix. */
export const headTensor = 'lm_head.weight'

export interface LayoutOptions {
  /** Rows of the token embedding in the file, at least `vocabSize`. Default: `vocabSize`. */
  readonly rows?: number
  /** Default: 'huggingface'. */
  readonly dialect?: Dialect
}

/**
 * The parameters of a model in the files of an architecture, in the order of the model.
 *
 * @param model a model that the architecture can express. Its `bias` says whether the file has biases
 */
export function layoutOf(
  architecture: Architecture,
  model: GptConfig,
  { rows = model.vocabSize, dialect = 'huggingface' }: LayoutOptions = {},
): Weight[] {
  const names = Object.entries(tables[architecture]).filter(([module]) => hasModule(model, module))
  const ofBlock = ([module]: (typeof names)[number]) => module.startsWith('blocks.')
  const first = names.findIndex(ofBlock)
  const begin = names.slice(0, first)
  const block = names.filter(ofBlock)
  const end = names.slice(first + block.length)
  const all = [
    ...begin,
    ...Array.from({ length: model.layers }, (_, i) => block.map((entry) => numbered(entry, i))).flat(),
    ...end,
  ]
  return all.flatMap(([module, each]) => {
    const name = each[dialect === 'huggingface' ? 0 : 1]
    return weightsOf(architecture, model, module, name, rows, dialect)
  })
}

function numbered(
  [module, [huggingface, gguf]]: [string, Names[string]],
  i: number,
): [string, Names[string]] {
  const number = (name: string) => name.replace('#', String(i))
  return [number(module), [number(huggingface), number(gguf)]]
}

function hasModule({ tiedEmbeddings, layers }: GptConfig, module: string): boolean {
  return module === 'head' ? !tiedEmbeddings : layers > 0 || !module.startsWith('blocks.')
}

/** The weight of a module, and its bias if it has one. */
function weightsOf(
  architecture: Architecture,
  model: GptConfig,
  module: string,
  name: string,
  rowsThere: number,
  dialect: Dialect,
): Weight[] {
  const kind = module.slice(module.lastIndexOf('.') + 1)
  const { vocabSize, blockSize, embed: C, heads, kvHeads, bias } = model
  const D = model.headSize || C / heads
  const F = model.feedForwardWidth || 4 * C
  const [query, keys] = [heads * D, kvHeads * D]
  const sizes: Readonly<Record<string, readonly [rows: number, columns: number]>> = {
    tokenEmbedding: [vocabSize, C],
    positionEmbedding: [blockSize, C],
    query: [query, C],
    key: [keys, C],
    value: [keys, C],
    projection: [C, query],
    expand: [F, C],
    gate: [F, C],
    contract: [C, F],
    head: [vocabSize, C],
  }
  const isNorm = kind.endsWith('Norm')
  const [rows, columns] = isNorm ? [C, 1] : sizes[kind]
  const fused = architecture === 'gpt2' && ['query', 'key', 'value'].indexOf(kind)
  const shared = fused !== false && fused >= 0
  const begin = shared ? fused * C : 0
  const isTable = kind === 'tokenEmbedding' || kind === 'head'
  const there = isTable ? rowsThere : shared ? 3 * C : rows
  const isLayer = module.startsWith('blocks.') && !isNorm
  const transposed = architecture === 'gpt2' && dialect === 'huggingface' && isLayer
  const rowAt = kind === 'query' || kind === 'key' ? rowOrder(architecture, dialect, D) : undefined
  const at = { begin, ...(rowAt && { rowAt }) }
  const weight: Weight = {
    path: `${module}.weight`,
    shape: isNorm ? [rows] : [rows, columns],
    tensor: `${name}.weight`,
    there: isNorm ? [there] : transposed ? [columns, there] : [there, columns],
    transposed,
    ...at,
  }
  const hasBias = bias && (isLayer || (isNorm && architecture === 'gpt2'))
  if (!hasBias) return [weight]
  const path = `${module}.bias`
  return [weight, { path, shape: [rows], tensor: `${name}.bias`, there: [there], transposed: false, ...at }]
}

/**
 * The order of the channels of each head of queries and keys. RoPE turns channel j of D with channel
 * j + D/2, as in Hugging Face's files. nanochat turns them the other way, so that the halves are
 * exchanged. GGUF's Llama turns channel 2j with 2j + 1.
 *
 * @returns undefined for the order that parameters have
 */
function rowOrder(architecture: Architecture, dialect: Dialect, D: number): Weight['rowAt'] {
  const half = D / 2
  if (architecture === 'nanochat') return (i) => i - (i % D) + (((i % D) + half) % D)
  if (architecture !== 'llama' || dialect !== 'gguf') return undefined
  return (i) => i - (i % D) + (i % 2) * half + ((i % D) >> 1)
}

/** The parameter in the elements of a tensor. It may be the memory of the tensor. */
export function take(weight: Weight, values: Float32Array): Float32Array {
  const { shape, there, begin, transposed, rowAt } = weight
  const [rows, columns = 1] = shape
  if (transposed) return transpose(values, there[0], there[1], begin, rows)
  const part = values.subarray(begin * columns, (begin + rows) * columns)
  if (!rowAt) return part
  const own = new Float32Array(part.length)
  for (let i = 0; i < rows; i++) own.set(part.subarray(i * columns, (i + 1) * columns), rowAt(i) * columns)
  return own
}

/** Writes the parameter into the elements of a tensor: what `take` reads. */
export function put(weight: Weight, own: Float32Array, values: Float32Array): void {
  const { shape, there, begin, transposed, rowAt } = weight
  const [rows, columns = 1] = shape
  if (transposed) {
    const wide = transpose(own, rows, columns, 0, columns)
    for (let row = 0; row < columns; row++)
      values.set(wide.subarray(row * rows, (row + 1) * rows), row * there[1] + begin)
    return
  }
  for (let i = 0; i < rows; i++) {
    const from = (rowAt ? rowAt(i) : i) * columns
    values.set(own.subarray(from, from + columns), (begin + i) * columns)
  }
}

/** Squares of this many rows and columns are turned at a time, which the processor's caches hold. */
const tile = 64

/** The transpose [count, rows] of the columns from `begin` on. */
function transpose(
  values: Float32Array,
  rows: number,
  columns: number,
  begin: number,
  count: number,
): Float32Array {
  const out = new Float32Array(rows * count)
  for (let left = 0; left < count; left += tile) {
    const right = Math.min(left + tile, count)
    for (let top = 0; top < rows; top += tile) {
      const bottom = Math.min(top + tile, rows)
      for (let column = left; column < right; column++) {
        const to = column * rows
        let from = top * columns + begin + column
        for (let row = top; row < bottom; row++) {
          out[to + row] = values[from]
          from += columns
        }
      }
    }
  }
  return out
}

/**
 * A parameter that a file has and a model lacks: a norm without a gain has a gain of 1, a layer without
 * a bias a bias of 0.
 */
export function absentValues({ path, shape }: Weight): Float32Array {
  return new Float32Array(sizeOf(shape)).fill(path.endsWith('.weight') ? 1 : 0)
}
