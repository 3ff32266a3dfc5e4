// The files of a Hugging Face folder: config.json, the weights and the tokenizer.

import type { Activation } from '../../nn'
import { tokenizerFile } from '../../tokenizer/names'
import { endOfText, tokenizerToJson } from '../../tokenizer/to_json'
import type { Tokenizer } from '../../tokenizer/tokenizer'
import type { Expressed } from '../export/express'
import type { ExportFile } from '../export/files'
import { encodeValues } from '../export/formats'
import { type ExportTensor, type Parameters, tensorsOf, valuesOf } from '../export/tensors'
import { headTensor, layoutOf, prefixes } from '../layout'
import { inWritingOrder, safetensorsHeader } from '../safetensors'
import { activations } from './config'
import { configFile, weightsFile } from './names'

export type HuggingFaceDtype = 'f32' | 'f16' | 'bf16'

const torchNames: Readonly<Record<HuggingFaceDtype, string>> = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'bfloat16',
}

/**
 * @param parameters those of the model
 * @returns config.json last, so that a folder that lacks files is not taken for a model
 */
export function huggingFaceFiles(
  expressed: Expressed,
  parameters: Parameters,
  tokenizer: Tokenizer,
  dtype: HuggingFaceDtype,
): ExportFile[] {
  const { architecture, model } = expressed
  const named = tensorsOf(layoutOf(architecture, model)).map((tensor) => ({
    ...tensor,
    name: tensor.name === headTensor ? tensor.name : prefixes[architecture] + tensor.name,
    dtype,
  }))
  const tensors = inWritingOrder(named)
  const end = endOfText(tokenizer)
  const tokenizerConfig = {
    // Reads tokenizer.json, whatever the architecture.
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: model.blockSize,
    clean_up_tokenization_spaces: false,
    ...(end && { bos_token: end.content, eos_token: end.content }),
  }
  return [
    {
      name: weightsFile,
      chunks: async function* () {
        yield safetensorsHeader(tensors, { format: 'pt' })
        yield* contents(tensors, parameters, dtype)
      },
    },
    { name: tokenizerFile, chunks: () => [json(tokenizerToJson(tokenizer))] },
    { name: 'tokenizer_config.json', chunks: () => [json(tokenizerConfig)] },
    { name: configFile, chunks: () => [configJson(configOf(expressed, dtype, end?.id))] },
  ]
}

async function* contents(tensors: readonly ExportTensor[], parameters: Parameters, dtype: HuggingFaceDtype) {
  for (const tensor of tensors) yield encodeValues(dtype, await valuesOf(tensor, parameters), tensor.name)
}

const json = (value: object) => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`)

/** transformers requires a fraction in some entries, such as 15.0, which JSON.stringify does not write. */
const fractions = ['final_logit_softcapping', 'rope_theta', 'layer_norm_epsilon', 'rms_norm_eps']

function configJson(config: object): Uint8Array {
  const whole = new RegExp(`("(?:${fractions.join('|')})": -?\\d+)(?=,?$)`, 'gm')
  return Buffer.from(json(config).toString().replace(whole, '$1.0'))
}

/** What `readForeignConfig` reads. */
export function configOf({ architecture, model }: Expressed, dtype: HuggingFaceDtype, end?: number): object {
  const common = {
    model_type: architecture,
    vocab_size: model.vocabSize,
    tie_word_embeddings: model.tiedEmbeddings,
    // Without them, transformers would take tokens of the architecture's usual vocabulary.
    bos_token_id: end ?? null,
    eos_token_id: end ?? null,
    ...(architecture === 'nanochat' && { pad_token_id: null }),
    dtype: torchNames[dtype],
  }
  if (architecture === 'gpt2') {
    return {
      architectures: ['GPT2LMHeadModel'],
      ...common,
      n_positions: model.blockSize,
      n_ctx: model.blockSize,
      n_embd: model.embed,
      n_head: model.heads,
      n_layer: model.layers,
      n_inner: model.feedForwardWidth,
      activation_function: nameOf(model.activation),
      layer_norm_epsilon: model.normEpsilon || 1e-5,
      resid_pdrop: model.dropout,
      attn_pdrop: model.attentionDropout,
      embd_pdrop: model.embeddingDropout,
    }
  }
  const shared = {
    ...common,
    max_position_embeddings: model.blockSize,
    hidden_size: model.embed,
    num_attention_heads: model.heads,
    num_key_value_heads: model.kvHeads,
    num_hidden_layers: model.layers,
    intermediate_size: model.feedForwardWidth,
    head_dim: model.headSize || model.embed / model.heads,
    rms_norm_eps: model.normEpsilon || 1e-6,
    // Before version 5 of transformers, the base was an entry of its own.
    rope_theta: model.ropeBase,
    rope_parameters: { rope_type: 'default', rope_theta: model.ropeBase },
    attention_dropout: model.attentionDropout,
    attention_bias: model.bias,
  }
  if (architecture === 'llama')
    return { architectures: ['LlamaForCausalLM'], ...shared, hidden_act: 'silu', mlp_bias: model.bias }
  return {
    architectures: ['NanoChatForCausalLM'],
    ...shared,
    hidden_act: nameOf(model.activation),
    final_logit_softcapping: model.logitSoftcap || null,
  }
}

const nameOf = (activation: Activation) =>
  Object.keys(activations).find((name) => activations[name] === activation)
