// Which architecture of another program computes exactly what a model computes, and how the model is
// described there.

import { NanoGptError, option, type Phrase, say, show } from '../../errors'
import type { GptConfig, ModelConfig } from '../../model/config'
import { defaultVariants } from '../../nn'
import type { ExportFormat } from '../../options'
import { activations } from '../hugging_face/config'
import type { Architecture } from '../layout'

/** A model as an architecture describes it. */
export interface Expressed {
  readonly architecture: Architecture
  /** With the biases and gains that its files have, and a width of the feed-forward. */
  readonly model: GptConfig
}

/** How the architectures are called. */
export const titles: Readonly<Record<Architecture, string>> = {
  gpt2: 'GPT-2',
  llama: 'Llama',
  nanochat: 'nanochat',
}

const formats: Readonly<Record<ExportFormat, readonly Architecture[]>> = {
  huggingface: ['gpt2', 'llama', 'nanochat'],
  gguf: ['gpt2', 'llama'],
  peft: ['gpt2', 'llama', 'nanochat'],
}

type Variant = keyof GptConfig
type Values = Readonly<Partial<Record<Variant, readonly unknown[]>>>

const plain = { qkNorm: [false], logitSoftcap: [0], embeddingNorm: [false] } as const satisfies Values

/** The values that an architecture can express. It can express every value of other variants. */
function expressible(architecture: Architecture, format: ExportFormat, model: GptConfig): Values {
  const { embed, heads } = model
  // In llama.cpp's GPT-2, both kinds of GELU are its approximation of GELU (docs/models.md).
  const two = format === 'gguf' ? ['gelu-tanh', 'gelu'] : Object.values(activations)
  if (architecture === 'gpt2')
    return {
      positions: ['learned'],
      norm: ['layer'],
      activation: two,
      kvHeads: [heads],
      headSize: [0, embed / heads],
      ...plain,
    }
  if (architecture === 'llama')
    return { positions: ['rope'], norm: ['rms'], activation: ['swiglu'], ...plain }
  return {
    positions: ['rope'],
    norm: ['rms'],
    activation: two,
    normAffine: [false],
    normEpsilon: [0, 1e-6],
    qkNorm: [true],
    embeddingNorm: [true],
    bias: [false],
    qkvBias: [false],
  }
}

/** The variants of a model that an architecture cannot express. */
function obstacles(architecture: Architecture, format: ExportFormat, model: GptConfig): Variant[] {
  const values = expressible(architecture, format, model)
  return (Object.keys(values) as Variant[]).filter((name) => !values[name]!.includes(model[name]))
}

/**
 * The architecture that expresses a model.
 *
 * @throws NanoGptError 'export' that names what the nearest architecture cannot express
 */
export function express(config: ModelConfig, format: ExportFormat): Expressed {
  const model = asGpt(config)
  const [nearest] = formats[format]
    .map((architecture) => ({ architecture, wrong: obstacles(architecture, format, model) }))
    .sort((a, b) => a.wrong.length - b.wrong.length)
  const { architecture, wrong } = nearest
  if (wrong.length > 0) throw refused(model, format, architecture, wrong)
  return { architecture, model: described(architecture, model) }
}

/** The decoder of stage 09 and the model of stage 08 have the parts and the names of a Gpt. */
function asGpt(config: ModelConfig): GptConfig {
  if (config.kind === 'gpt') return config
  const { kind, ...sizes } = config
  if (kind === 'decoder' || kind === 'layer-norm') return { kind: 'gpt', ...sizes, ...defaultVariants(sizes) }
  throw new NanoGptError('export', {
    where: 'export',
    reason: `a model of the kind ${show(kind)} has parts of its own, which no other program knows`,
    remedy: say`train one of another preset, such as ${option('preset', 'cpu')}`,
  })
}

function described(architecture: Architecture, model: GptConfig): GptConfig {
  const feedForwardWidth = model.feedForwardWidth || 4 * model.embed
  const full = { ...model, feedForwardWidth, outputBias: false }
  if (architecture === 'nanochat') return full
  const bias = architecture === 'gpt2' || model.bias || model.qkvBias
  return { ...full, normAffine: true, bias, qkvBias: bias }
}

function refused(
  model: GptConfig,
  format: ExportFormat,
  architecture: Architecture,
  [first, ...others]: readonly Variant[],
): NanoGptError {
  const more = others.map((name) => say`${option(name, model[name])}`)
  const nor = more.length > 0 ? say`, nor ${list(more)}` : ''
  const other = (Object.keys(formats) as ExportFormat[]).find(
    (each) => each !== format && formats[each].some((name) => obstacles(name, each, model).length === 0),
  )
  return new NanoGptError('export', {
    where: 'export',
    option: first,
    value: model[first],
    reason: say`${titles[architecture]}, the nearest architecture of the format ${format}, cannot express it${nor}`,
    remedy: other
      ? say`export it with ${option('format', other)}, or train a model without it (docs/models.md)`
      : 'train a model without it (docs/models.md)',
  })
}

function list(parts: readonly Phrase[]): Phrase {
  return parts.reduce((sentence, part, i) => say`${sentence}${i === parts.length - 1 ? ' or ' : ', '}${part}`)
}
