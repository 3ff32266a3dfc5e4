// The files of adapters in PEFT's format: adapter_config.json and adapter_model.safetensors.

import { NanoGptError, option, say } from '../../errors'
import type { LoraConfig } from '../../nn'
import type { Expressed } from '../export/express'
import type { ExportFile } from '../export/files'
import { encodeValues } from '../export/formats'
import type { Parameters } from '../export/tensors'
import { put } from '../layout'
import type { ModelInfo } from '../metadata'
import { inWritingOrder, safetensorsHeader } from '../safetensors'
import { adapterConfigFile, adapterWeightsFile } from './names'
import { type PeftModule, partOfB, peftModules, peftPrefix } from './peft_layout'
import type { HuggingFaceDtype } from './write'

/** A module with an adapter. */
interface Adapted extends PeftModule {
  /** The rank of its layers, times the number of them. */
  readonly rank: number
}

/**
 * A module of several layers gets one adapter whose rank is the sum of theirs. Its A has the rows of each
 * layer's A, and its B the columns of each layer's B, which are 0 outside of the layer's rows.
 *
 * @param parameters those of the model, with its adapters
 * @throws NanoGptError 'export' for a model without adapters
 */
export function peftFiles(
  { architecture, model }: Expressed,
  info: ModelInfo,
  parameters: Parameters,
  dtype: HuggingFaceDtype,
  notes: string[],
): ExportFile[] {
  const { lora } = info.model
  if (!lora) {
    throw new NanoGptError('export', {
      where: 'export',
      option: 'format',
      value: 'peft',
      reason: 'it is the format of adapters, and the model has none',
      remedy: say`give ${option('format', 'huggingface')}, or train adapters with ${option('loraRank', 8)}`,
    })
  }
  const all = peftModules(architecture, model)
  const adapted = all.flatMap((module): Adapted[] => {
    const parts = module.parts.filter(({ layer }) => lora.targets.includes(layer))
    return parts.length > 0 ? [{ ...module, parts, rank: parts.length * lora.rank }] : []
  })
  const base = info.base?.path ?? null
  if (base?.endsWith('.safetensors'))
    notes.push(
      'the base is a checkpoint of nano-gpt: for PEFT, export it too, and write its folder into adapter_config.json as base_model_name_or_path',
    )
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: architecture === 'gpt2',
    target_modules: [...new Set(adapted.map(({ path }) => targetOf(path, all, adapted)))],
    ...patterns(adapted, lora, (path) => targetOf(path, all, adapted)),
  }
  const tensors = inWritingOrder(
    adapted.flatMap((module) => [
      {
        ...tensorOf(module, 'lora_A', [module.rank, module.inputs]),
        dtype,
        read: () => readA(module, parameters),
      },
      {
        ...tensorOf(module, 'lora_B', [module.outputs, module.rank]),
        dtype,
        read: () => readB(module, lora.rank, parameters),
      },
    ]),
  )
  return [
    {
      name: adapterWeightsFile,
      chunks: async function* () {
        yield safetensorsHeader(tensors, { format: 'pt' })
        for (const { name, read } of tensors) yield encodeValues(dtype, await read(), name)
      },
    },
    {
      name: adapterConfigFile,
      chunks: () => [Buffer.from(`${JSON.stringify(config, undefined, 2)}\n`)],
    },
  ]
}

const tensorOf = ({ path }: PeftModule, matrix: 'lora_A' | 'lora_B', shape: readonly number[]) => ({
  name: `${peftPrefix}${path}.${matrix}.weight`,
  shape,
})

const lastName = (path: string) => path.slice(path.lastIndexOf('.') + 1)
/** Without the number of the block: `attn.c_proj`. */
const inBlock = (path: string) => path.replace(/^.*?\.\d+\./, '')

/**
 * The name by which PEFT finds modules: the last one of the path, unless other modules without an adapter
 * have the same.
 */
function targetOf(path: string, all: readonly PeftModule[], adapted: readonly PeftModule[]): string {
  const count = (modules: readonly PeftModule[]) =>
    modules.filter((module) => lastName(module.path) === lastName(path)).length
  return count(all) === count(adapted) ? lastName(path) : inBlock(path)
}

/** Ranks other than `r`. Their alpha is other than `lora_alpha` too, so that alpha / rank is the same. */
function patterns(
  adapted: readonly Adapted[],
  { rank, alpha }: LoraConfig,
  nameOf: (path: string) => string,
) {
  const larger = adapted.filter((module) => module.rank !== rank)
  const of = (value: (module: Adapted) => number) =>
    Object.fromEntries(larger.map((module) => [nameOf(module.path), value(module)]))
  return {
    rank_pattern: of((module) => module.rank),
    alpha_pattern: of((module) => alpha * (module.rank / rank)),
  }
}

const adapterOf = (path: string, matrix: 'loraA' | 'loraB') => path.replace(/weight$/, matrix)

async function readA({ parts }: Adapted, parameters: Parameters): Promise<Float32Array> {
  const rows = await Promise.all(parts.map(({ weight }) => parameters.read(adapterOf(weight.path, 'loraA'))))
  const a = new Float32Array(rows.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const each of rows) {
    a.set(each, at)
    at += each.length
  }
  return a
}

async function readB(
  { parts, outputs, rank: columns }: Adapted,
  rank: number,
  parameters: Parameters,
): Promise<Float32Array> {
  const b = new Float32Array(outputs * columns)
  for (const [i, part] of parts.entries()) {
    const own = new Float32Array(outputs * rank)
    put(partOfB(part, outputs, rank), await parameters.read(adapterOf(part.weight.path, 'loraB')), own)
    for (let row = 0; row < outputs; row++)
      b.set(own.subarray(row * rank, (row + 1) * rank), row * columns + i * rank)
  }
  return b
}
