// A model as a GGUF file for llama.cpp, and a Modelfile for Ollama.

import { lastOf, type Shape, sizeOf } from '../../graph/dtype'
import type { Tokenizer } from '../../tokenizer/tokenizer'
import type { Expressed } from '../export/express'
import type { ExportFile } from '../export/files'
import { encodeValues, q8Block, q8BlockBytes } from '../export/formats'
import { type Parameters, tensorsOf, valuesOf } from '../export/tensors'
import { layoutOf } from '../layout'
import { f32, type GgmlType, type GgufValue, ggufHeader, paddingAfter, string, u32 } from './encode'
import { ggufFile } from './file'
import { tokenizerMetadata } from './tokenizer'

const modelfile = 'Modelfile'

/** llama.cpp's numbers of the usual format of a file's tensors. */
const fileTypes: Readonly<Record<GgmlType, number>> = { f32: 0, f16: 1, q8_0: 7 }

/**
 * @param parameters those of the model
 * @param notes sentences are added to it
 */
export function ggufFiles(
  expressed: Expressed,
  parameters: Parameters,
  tokenizer: Tokenizer,
  dtype: GgmlType,
  notes: string[],
): ExportFile[] {
  const { architecture, model } = expressed
  const tensors = tensorsOf(layoutOf(architecture, model, { dialect: 'gguf' })).map((tensor) => {
    const type = typeOf(tensor.name, tensor.shape, dtype)
    return { ...tensor, type, bytes: bytesOf(type, tensor.shape) }
  })
  const narrow = tensors.find(({ type }) => dtype === 'q8_0' && type === 'f16')
  if (narrow) {
    notes.push(
      `matrices such as ${narrow.name} are in f16, because q8_0 needs rows of a multiple of ${q8Block} elements, and theirs have ${lastOf(narrow.shape)}`,
    )
  }
  if (model.activation === 'gelu')
    notes.push('llama.cpp approximates GELU with tanh, so logits differ slightly')
  const metadata = { ...metadataOf(expressed, dtype), ...tokenizerMetadata(tokenizer) }
  return [
    {
      name: ggufFile,
      chunks: async function* () {
        yield ggufHeader(metadata, tensors)
        for (const tensor of tensors) {
          yield encodeValues(tensor.type, await valuesOf(tensor, parameters), tensor.name)
          yield paddingAfter(tensor.bytes)
        }
      },
    },
    { name: modelfile, chunks: () => [Buffer.from(modelfileOf(model.blockSize))] },
  ]
}

/** Vectors and positions stay in f32, as in llama.cpp's own files. */
function typeOf(name: string, shape: Shape, dtype: GgmlType): GgmlType {
  if (shape.length === 1 || name === 'position_embd.weight') return 'f32'
  return dtype === 'q8_0' && lastOf(shape) % q8Block !== 0 ? 'f16' : dtype
}

function bytesOf(type: GgmlType, shape: Shape): number {
  const elements = sizeOf(shape)
  return type === 'q8_0' ? (elements / q8Block) * q8BlockBytes : elements * (type === 'f32' ? 4 : 2)
}

function metadataOf({ architecture, model }: Expressed, dtype: GgmlType): Record<string, GgufValue> {
  const general = {
    'general.architecture': string(architecture),
    'general.name': string('nano-gpt'),
    'general.file_type': u32(fileTypes[dtype]),
    'general.quantization_version': u32(2),
  }
  const common = {
    context_length: u32(model.blockSize),
    embedding_length: u32(model.embed),
    block_count: u32(model.layers),
    feed_forward_length: u32(model.feedForwardWidth),
    'attention.head_count': u32(model.heads),
  }
  const size = model.headSize || model.embed / model.heads
  const own =
    architecture === 'gpt2'
      ? { 'attention.layer_norm_epsilon': f32(model.normEpsilon || 1e-5) }
      : {
          'attention.head_count_kv': u32(model.kvHeads),
          'attention.key_length': u32(size),
          'attention.value_length': u32(size),
          'attention.layer_norm_rms_epsilon': f32(model.normEpsilon || 1e-6),
          'rope.dimension_count': u32(size),
          'rope.freq_base': f32(model.ropeBase),
          vocab_size: u32(model.vocabSize),
        }
  const entries = Object.entries({ ...common, ...own }).map(([key, value]) => [
    `${architecture}.${key}`,
    value,
  ])
  return { ...general, ...Object.fromEntries(entries) }
}

/** The model continues a text, so its prompt is the text and nothing else. */
const modelfileOf = (blockSize: number) =>
  `FROM ./${ggufFile}\nTEMPLATE "{{ .Prompt }}"\nPARAMETER num_ctx ${blockSize}\n`
