// The config.json of a Hugging Face folder: what it says about a model, in the options of the kind
// `gpt`. An entry that would change the results and is not supported is rejected, never ignored.

import { NanoGptError, type Phrase, printable } from '../../errors'
import { checkSizes, type GptConfig } from '../../model/config'
import type { Activation } from '../../nn'
import { checkValue, rowOf, trainOptions } from '../../options'
import { type Architecture, architectures } from '../layout'

export interface ForeignConfig {
  readonly architecture: Architecture
  readonly model: GptConfig
}

/**
 * Entries that change no logits, in either architecture: what training began with, how to generate, other uses
 * of the model, and how a program computes or stores it.
 */
const harmless = new Set(
  `architectures _name_or_path name_or_path transformers_version torch_dtype dtype use_cache tokenizer_class
  _attn_implementation attn_implementation _attn_implementation_autoset _flash_attn_2_enabled _commit_hash
  initializer_range gradient_checkpointing use_bfloat16 torchscript output_attentions output_hidden_states
  output_past return_dict return_dict_in_generate output_scores chunk_size_feed_forward keys_to_ignore_at_inference
  bos_token_id eos_token_id pad_token_id unk_token_id sep_token_id cls_token_id mask_token_id
  decoder_start_token_id forced_bos_token_id forced_eos_token_id begin_suppress_tokens suppress_tokens
  bad_words_ids prefix max_length min_length max_new_tokens do_sample early_stopping num_beams num_beam_groups
  diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size
  encoder_no_repeat_ngram_size num_return_sequences exponential_decay_length_penalty
  remove_invalid_values id2label label2id num_labels finetuning_task problem_type task_specific_params
  summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout classifier_dropout
  transformers.js_config transformers_js_config is_llama_config n_ctx reorder_and_upcast_attn pretraining_tp
  _num_labels n_special predict_special_tokens xla_device cache_implementation
  tf_legacy_loss pruned_heads language license max_sequence_length unsloth_version unsloth_fixed`.match(
    /\S+/g,
  ),
)

/**
 * The activations of feed-forward layers with two matrices. The three approximations differ by rounding
 * only, and the first is written.
 */
export const activations: Readonly<Record<string, Activation>> = {
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu: 'gelu',
  relu: 'relu',
  relu2: 'relu-squared',
}

/**
 * @param file the path of the config.json, for messages
 * @throws NanoGptError 'checkpoint' that names an entry, its value, and what to do
 */
export function readForeignConfig(file: string, json: unknown): ForeignConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw refused(file, undefined, undefined, 'it is not a JSON object')
  const entries = new Entries(file, json as Readonly<Record<string, unknown>>)
  const architecture = entries.oneOf('model_type', architectures, otherArchitecture)
  const model = { gpt2, llama, nanochat }[architecture](entries)
  entries.finish()
  try {
    checkSizes(model)
  } catch (error) {
    throw error instanceof NanoGptError ? error.with({ file }, 'checkpoint') : error
  }
  return { architecture, model }
}

const listed = (names: readonly string[], last: 'or' | 'and') =>
  `${names.slice(0, -1).join(', ')} ${last} ${names.at(-1)}`

const otherArchitecture = `nano-gpt loads the architectures ${listed(architectures, 'and')}. Use another model`

/** The parts that the two architectures share. */
const common = {
  kind: 'gpt',
  normAffine: true,
  qkNorm: false,
  logitSoftcap: 0,
  outputBias: false,
  embeddingNorm: false,
  init: 'gpt2',
} as const

function gpt2(entries: Entries): GptConfig {
  entries.only('scale_attn_weights', true)
  entries.only('scale_attn_by_inverse_layer_idx', false)
  entries.only('add_cross_attention', false)
  const heads = entries.option<number>('n_head', 'heads')
  return {
    ...common,
    vocabSize: entries.option('vocab_size', 'blockSize'),
    blockSize: entries.option('n_positions', 'blockSize'),
    embed: entries.option('n_embd', 'embed'),
    heads,
    layers: entries.option('n_layer', 'layers'),
    dropout: entries.option('resid_pdrop', 'dropout', 0.1),
    positions: 'learned',
    ropeBase: trainOptions.ropeBase.default,
    norm: 'layer',
    normEpsilon: entries.option('layer_norm_epsilon', 'normEpsilon', 1e-5),
    activation:
      activations[entries.oneOf('activation_function', Object.keys(activations), weights, 'gelu_new')],
    feedForwardWidth: entries.option('n_inner', 'feedForwardWidth', 0),
    kvHeads: heads,
    headSize: 0,
    tiedEmbeddings: entries.flag('tie_word_embeddings', true),
    bias: true,
    qkvBias: true,
    attentionDropout: entries.option('attn_pdrop', 'attentionDropout', 0.1),
    embeddingDropout: entries.option('embd_pdrop', 'embeddingDropout', 0.1),
  }
}

/** What Llama and nanochat share. */
function rotary(entries: Entries) {
  const heads = entries.option<number>('num_attention_heads', 'heads')
  return {
    vocabSize: entries.option('vocab_size', 'blockSize'),
    blockSize: entries.option('max_position_embeddings', 'blockSize'),
    embed: entries.option('hidden_size', 'embed'),
    heads,
    layers: entries.option('num_hidden_layers', 'layers'),
    dropout: 0,
    positions: 'rope',
    ropeBase: ropeBaseOf(entries),
    norm: 'rms',
    feedForwardWidth: entries.option('intermediate_size', 'feedForwardWidth'),
    kvHeads: entries.option('num_key_value_heads', 'kvHeads', heads),
    headSize: entries.option('head_dim', 'headSize', 0),
    tiedEmbeddings: entries.flag('tie_word_embeddings', false),
  } as const
}

function llama(entries: Entries): GptConfig {
  entries.only('hidden_act', 'silu', 'swish')
  entries.only('partial_rotary_factor', 1)
  entries.only('rope_interleaved', false)
  const bias = entries.flag('mlp_bias', false)
  if (entries.flag('attention_bias', false) !== bias)
    throw refused(
      entries.file,
      'attention_bias',
      !bias,
      `mlp_bias is ${bias}, and only both or neither are supported`,
      weights,
    )
  return {
    ...common,
    ...rotary(entries),
    normEpsilon: entries.option('rms_norm_eps', 'normEpsilon', 1e-6),
    activation: 'swiglu',
    bias,
    qkvBias: bias,
    attentionDropout: entries.option('attention_dropout', 'attentionDropout', 0),
    embeddingDropout: 0,
  }
}

/** The model of nanochat (Karpathy, 2025). Its norms have no gains. */
function nanochat(entries: Entries): GptConfig {
  entries.only('attention_bias', false)
  // That of the norm of queries and keys.
  entries.only('rms_norm_eps', 1e-6)
  const isUncapped = entries.isNull('final_logit_softcapping')
  return {
    ...common,
    ...rotary(entries),
    normAffine: false,
    normEpsilon: 0,
    activation: activations[entries.oneOf('hidden_act', Object.keys(activations), weights, 'relu2')],
    qkNorm: true,
    logitSoftcap: entries.option('final_logit_softcapping', 'logitSoftcap', isUncapped ? 0 : 15),
    bias: false,
    qkvBias: false,
    embeddingNorm: true,
    attentionDropout: entries.option('attention_dropout', 'attentionDropout', 0),
    embeddingDropout: 0,
  }
}

/** Since version 5 of transformers, `rope_parameters` contains what were `rope_theta` and `rope_scaling`. */
function ropeBaseOf(entries: Entries): number {
  const base = entries.option<number>('rope_theta', 'ropeBase', trainOptions.ropeBase.default)
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const parameters = entries.nested(name)
    if (!parameters) continue
    // Both names have been used.
    parameters.only('rope_type', 'default')
    parameters.only('type', 'default')
    parameters.only('partial_rotary_factor', 1)
    const inner = parameters.option<number>('rope_theta', 'ropeBase', base)
    parameters.finish()
    if (name === 'rope_parameters') return inner
  }
  return base
}

const weights = 'Its weights would give other results. Use another model'

/** The entries of a config that have not been read yet. */
class Entries {
  private readonly left: Map<string, unknown>

  constructor(
    readonly file: string,
    object: Readonly<Record<string, unknown>>,
    private readonly path = '',
  ) {
    this.left = new Map(Object.entries(object))
  }

  /** Null means absent, as in transformers. */
  private take(name: string): unknown {
    const value = this.left.get(name) ?? undefined
    this.left.delete(name)
    return value
  }

  /** Whether an entry is null, where that is not the same as absent. */
  isNull(name: string): boolean {
    return this.left.get(name) === null
  }

  /** A value for an option of `train`. Without a default, it is required. */
  option<T = number>(name: string, option: keyof typeof trainOptions, otherwise?: T): T {
    const value = this.take(name) ?? otherwise
    try {
      return checkValue('', name, rowOf(trainOptions, option).type, value) as T
    } catch (error) {
      if (!(error instanceof NanoGptError)) throw error
      throw refused(this.file, this.path + name, value, error.reason, 'copy the folder again from its source')
    }
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.option(name, 'bias', otherwise)
  }

  /** One of a few values. */
  oneOf<const T extends string>(
    name: string,
    values: readonly T[],
    remedy: string,
    otherwise?: NoInfer<T>,
  ): T {
    const value = this.take(name) ?? otherwise
    if (values.includes(value as T)) return value as T
    throw refused(this.file, this.path + name, value, `must be ${listed(values, 'or')}`, remedy)
  }

  /** An entry that is absent or has one of these values, the only ones that are supported. */
  only(name: string, ...values: readonly unknown[]): void {
    const value = this.take(name)
    if (value === undefined || values.includes(value)) return
    throw refused(this.file, this.path + name, value, `only ${values.join(' and ')} is supported`, weights)
  }

  /** The entries of an object in this one; undefined if it is absent. */
  nested(name: string): Entries | undefined {
    const value = this.take(name)
    if (value === undefined) return undefined
    if (typeof value === 'object' && !Array.isArray(value))
      return new Entries(this.file, value as Readonly<Record<string, unknown>>, `${this.path}${name}.`)
    throw refused(this.file, this.path + name, value, 'must be an object or null', weights)
  }

  /** Rejects what is left, unless it is known to change nothing, or switched off. */
  finish(): void {
    for (const [name, value] of this.left) {
      if (harmless.has(name) || value === null || value === false) continue
      throw refused(
        this.file,
        this.path + printable(name),
        value,
        'nano-gpt does not know this entry, so the results could be wrong',
        'if it does not change what the model computes, remove it from the file',
      )
    }
  }
}

function refused(
  file: string,
  subject: string | undefined,
  value: unknown,
  reason: string | Phrase,
  remedy: string = 'give the folder of a model',
): NanoGptError {
  return new NanoGptError('checkpoint', {
    file,
    ...(subject !== undefined && { subject, value }),
    reason,
    remedy,
  })
}
