// Exports a model for other programs: as a Hugging Face folder, or as GGUF. docs/models.md says what can
// be exported.

import { NanoGptError, option, say } from '../../errors'
import { addProduct } from '../../model/lora'
import type { LoraConfig } from '../../nn'
import { type Checked, type ExportDtype, type ExportFormat, exportOptions } from '../../options'
import type { Tokenizer } from '../../tokenizer/tokenizer'
import { ggufFiles } from '../gguf/write'
import { peftFiles } from '../hugging_face/peft_write'
import { huggingFaceFiles } from '../hugging_face/write'
import type { Architecture } from '../layout'
import type { ModelInfo } from '../metadata'
import { type Expressed, express } from './express'
import { checkTarget, type ExportFile, writeFiles } from './files'
import { moveToNorm } from './output_bias'
import type { Parameters } from './tensors'

/** A model that was written for other programs. */
export interface Exported {
  readonly folder: string
  readonly format: ExportFormat
  readonly dtype: ExportDtype
  /** The architecture as which it was written. */
  readonly architecture: Architecture
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  /** What differs from the model, or from the options: sentences without a capital and a period. */
  readonly notes: readonly string[]
}

/**
 * Writes a model into a folder, which is created if necessary.
 *
 * @param parameters the weights that the model computes with
 * @throws NanoGptError 'export' for a model or tokenizer that the format cannot express; 'foreign_files',
 *   'write_failed', 'non_finite', 'option'
 */
export async function exportModel(
  folder: string,
  info: ModelInfo,
  tokenizer: Tokenizer,
  parameters: Parameters,
  options: Checked<typeof exportOptions>,
): Promise<Exported> {
  const { format = exportOptions.format.default, dtype = exportOptions.dtype.default, overwrite } = options
  const expressed = express(info.model, format)
  const notes: string[] = []
  const whole = withoutAdapters(parameters, info.model.lora)
  const weights = format === 'peft' ? parameters : await withoutOutputBias(expressed, whole, notes)
  const files = filesOf(format, dtype, expressed, info, weights, tokenizer, notes)
  await checkTarget(
    folder,
    files.map(({ name }) => name),
    overwrite ?? exportOptions.overwrite.default,
  )
  const written = await writeFiles(folder, files)
  return { folder, format, dtype, architecture: expressed.architecture, files: written, notes }
}

function filesOf(
  format: ExportFormat,
  dtype: ExportDtype,
  expressed: Expressed,
  info: ModelInfo,
  parameters: Parameters,
  tokenizer: Tokenizer,
  notes: string[],
): ExportFile[] {
  if (format === 'peft' && dtype !== 'q8_0') return peftFiles(expressed, info, parameters, dtype, notes)
  if (format === 'gguf' && dtype !== 'bf16') return ggufFiles(expressed, parameters, tokenizer, dtype, notes)
  if (format === 'huggingface' && dtype !== 'q8_0')
    return huggingFaceFiles(expressed, parameters, tokenizer, dtype)
  throw new NanoGptError('option', {
    where: 'export',
    option: 'dtype',
    value: dtype,
    reason: say`it does not apply to ${option('format', format)}`,
    remedy: say`give ${option('dtype', 'f16')} or ${option('dtype', 'f32')}`,
  })
}

/** The parameters of a model without adapters that computes the same. */
function withoutAdapters(parameters: Parameters, lora: LoraConfig | undefined): Parameters {
  if (!lora) return parameters
  const { rank, alpha } = lora
  return {
    has: (path) => parameters.has(path),
    async read(path) {
      const weight = await parameters.read(path)
      const [a, b] = ['loraA', 'loraB'].map((name) => path.replace(/weight$/, name))
      if (a === path || !parameters.has(a)) return weight
      const adapter = { a: await parameters.read(a), b: await parameters.read(b) }
      return addProduct(weight, adapter, { rank, factor: alpha / rank })
    },
  }
}

const headBias = 'head.bias'
const normBias = 'finalNorm.bias'

/** The parameters of a model without a bias of the output layer that computes the same. */
async function withoutOutputBias(
  { architecture, model }: Expressed,
  parameters: Parameters,
  notes: string[],
): Promise<Parameters> {
  if (!parameters.has(headBias)) return parameters
  const bias = await parameters.read(headBias)
  if (bias.every((value) => value === 0)) return parameters
  const weight = await parameters.read(model.tiedEmbeddings ? 'tokenEmbedding.weight' : 'head.weight')
  const hasNormBias = parameters.has(normBias)
  const norm = hasNormBias ? await parameters.read(normBias) : new Float32Array(model.embed)
  const moved = architecture === 'gpt2' ? moveToNorm(weight, bias, norm) : undefined
  if (!moved) {
    throw new NanoGptError('export', {
      where: 'export',
      option: 'outputBias',
      value: true,
      reason: `no architecture of other programs has a bias in the output layer, and the final norm cannot replace this one`,
      remedy: say`train a model with ${option('outputBias', false)}`,
    })
  }
  notes.push('the bias of the output layer became part of the bias of the final norm, with the same logits')
  return {
    has: (path) => path === normBias || parameters.has(path),
    read: async (path) => (path === normBias ? moved : parameters.read(path)),
  }
}
