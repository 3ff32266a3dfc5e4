// Reads adapters in PEFT's format, merged into the weights of their base. An entry of
// adapter_config.json that would change the results and is not supported is rejected, never ignored.

import { join } from 'node:path'
import { NanoGptError, option, type Phrase, printable, say, show } from '../../errors'
import { statOf } from '../../files/read'
import { bytesOf, describe, sameShape } from '../../graph/dtype'
import { plusProduct } from '../../model/lora'
import { weightsIn } from '../../model/weights'
import { merged } from '../base'
import type { Checkpoint } from '../checkpoint'
import { express } from '../export/express'
import { take } from '../layout'
import { untrained } from '../metadata'
import { readSafetensors, type SafetensorsHeader, type SafetensorsTensor } from '../safetensors'
import { again, readJson } from './json'
import { adapterConfigFile, adapterWeightsFile } from './names'
import { type PeftModule, partOfB, peftModules, peftPrefix } from './peft_layout'
import { toF32, weightDtypes } from './weights'

/** Whether a folder contains adapters of PEFT. */
export async function isPeft(folder: string): Promise<boolean> {
  return (await statOf(join(folder, adapterConfigFile))) !== undefined
}

/**
 * Reads a model with adapters of PEFT, as an ordinary model that was not trained.
 *
 * @param given the path of the base. Default: the folder that the adapters name
 * @param read reads the checkpoint at a path
 * @throws NanoGptError 'checkpoint' that names what is missing, not supported or wrong
 */
export async function readPeft(
  folder: string,
  given: string | undefined,
  read: (path: string) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  const config = await readConfig(join(folder, adapterConfigFile))
  const base = merged(await read(given ?? (await findBase(folder, config.base))))
  const { architecture, model } = express(base.info.model, 'huggingface')
  const modules = new Map(peftModules(architecture, model).map((module) => [module.path, module]))
  const file = join(folder, adapterWeightsFile)
  const { tensors } = await readSafetensors(file, {
    header: (header) => checkHeader(file, header, modules, config),
  })
  const weights = weightsIn(base.tensors)
  for (const module of modules.values()) {
    const [a, b] = [tensors.get(nameOf(module, 'A')), tensors.get(nameOf(module, 'B'))]
    if (!a || !b) continue
    const { rank, factor } = config.of(module.path)
    for (const part of module.parts) {
      const { path } = part.weight
      const rowsOf = (all: Float32Array) => take(partOfB(part, module.outputs, rank), all)
      const read = async () => ({ a: valuesOf(a), b: rowsOf(valuesOf(b)) })
      weights.set(path, plusProduct(weights.get(path)!, read, { rank, factor }))
    }
  }
  const { version, tokenizer } = base.info
  return {
    path: folder,
    info: { version, model: base.info.model, tokenizer, ...untrained },
    tensors: weights,
  }
}

const nameOf = ({ path }: PeftModule, matrix: 'A' | 'B') => `${peftPrefix}${path}.lora_${matrix}.weight`

const valuesOf = ({ dtype, data }: SafetensorsTensor) => toF32(dtype, bytesOf(data))

/** The folder of the base: beside the adapters' folder, or from the current one. */
async function findBase(folder: string, name: unknown): Promise<string> {
  if (typeof name === 'string' && name !== '' && !name.includes('\0'))
    for (const path of [join(folder, name), name]) if (await statOf(path).catch(() => undefined)) return path
  throw new NanoGptError('checkpoint', {
    file: join(folder, adapterConfigFile),
    subject: 'base_model_name_or_path',
    value: name,
    reason: 'there is no such file or folder',
    remedy: say`give the folder of the model that the adapters were trained on as ${option('base')}`,
  })
}

/** Judges the tensors before any of them is read. */
function checkHeader(
  file: string,
  { tensors }: SafetensorsHeader,
  modules: ReadonlyMap<string, PeftModule>,
  config: PeftConfig,
): void {
  const refuse = (reason: string) => {
    throw new NanoGptError('checkpoint', { subject: file, reason, remedy: again })
  }
  for (const [name, spec] of tensors) {
    const match = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name)
    const module = match && modules.get(match[1])
    if (!module) {
      refuse(`its tensor ${show(name)} belongs to no adapter of a linear layer of the base`)
      continue
    }
    const { rank } = config.of(module.path)
    const shape = match[2] === 'A' ? [rank, module.inputs] : [module.outputs, rank]
    if (!weightDtypes.includes(spec.dtype) || !sameShape(spec.shape, shape))
      refuse(`its tensor ${show(name)} is ${describe(spec)}, and should be [${shape.join(', ')}]`)
    const other = nameOf(module, match[2] === 'A' ? 'B' : 'A')
    if (!tensors.has(other)) refuse(`it lacks ${other}`)
  }
  // Adapters for a smaller base, or none at all, would silently change too little.
  if (tensors.size === 0) refuse('it contains no adapters')
  for (const module of modules.values())
    if (config.adapts(module.path) && !tensors.has(nameOf(module, 'A')))
      refuse(`it lacks ${nameOf(module, 'A')}, which the base needs`)
}

// ---- adapter_config.json

interface PeftConfig {
  /** base_model_name_or_path. */
  readonly base: unknown
  /** The rank of a module's adapter, and by what its product is multiplied. */
  of(module: string): { readonly rank: number; readonly factor: number }
  /** Whether target_modules names a module. False if a pattern or a choice of layers decides it. */
  adapts(module: string): boolean
}

/** Entries that change no results once the adapters are trained. */
const harmless = new Set(
  `auto_mapping base_model_class peft_version task_type inference_mode revision target_modules exclude_modules
  fan_in_fan_out lora_dropout layers_to_transform layers_pattern megatron_core
  qalora_group_size loftq_config eva_config corda_config lora_ga_config runtime_config parent_library`.match(
    /\S+/g,
  ),
)

const mergeThere = 'merge the adapters in Python, and load the merged model'

async function readConfig(file: string): Promise<PeftConfig> {
  const entries = new Map(Object.entries(await readObject(file)))
  const refuse = (name: string, value: unknown, reason: string | Phrase, remedy: string): never => {
    throw new NanoGptError('checkpoint', { file, subject: name, value, reason, remedy })
  }
  const take = (name: string) => {
    const value = entries.get(name) ?? undefined
    entries.delete(name)
    return value
  }
  const isPositive = (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value)
  const isRank = (value: unknown) => isPositive(value) && Number.isSafeInteger(value)
  const expect = (name: string, value: unknown, holds: boolean, what: string) =>
    holds ? (value as number) : refuse(name, value, `must be ${what}`, again)
  /** Numbers by the names of modules, which must be the ends of their paths. */
  const pattern = (name: string, holds: (value: unknown) => boolean, what: string) => {
    const value = take(name) ?? {}
    if (typeof value !== 'object' || Array.isArray(value)) refuse(name, value, 'must be an object', again)
    return Object.entries(value).map(([key, each]): [string, number] => {
      const path = `${name}.${printable(key)}`
      if (!/^[\w.]+$/.test(key))
        refuse(
          path,
          each,
          'a name of a module is supported, and no pattern',
          'write the names of the modules',
        )
      return [key, expect(path, each, holds(each), what)]
    })
  }
  const type = take('peft_type')
  if (type !== 'LORA') refuse('peft_type', type, 'only LORA is supported', 'use other adapters')
  const bias = take('bias')
  if (bias !== undefined && bias !== 'none') refuse('bias', bias, "only 'none' is supported", mergeThere)
  // Others, such as 'pissa', change the weights of the base too.
  const init = take('init_lora_weights') ?? true
  if (![true, false, 'gaussian', 'orthogonal', 'eva'].includes(init as never))
    refuse(
      'init_lora_weights',
      init,
      'the base is not the one that these adapters were trained on',
      mergeThere,
    )
  const r = take('r') ?? 8
  const lora_alpha = take('lora_alpha') ?? 8
  const rank = expect('r', r, isRank(r), 'a whole number above 0')
  const alpha = expect('lora_alpha', lora_alpha, isPositive(lora_alpha), 'a number above 0')
  const ranks = pattern('rank_pattern', isRank, 'a whole number above 0')
  const alphas = pattern('alpha_pattern', isPositive, 'a number above 0')
  const stabilized = take('use_rslora') === true
  const base = take('base_model_name_or_path')
  const targets = entries.get('target_modules')
  const isChoice = (name: string) => (entries.get(name) ?? null) !== null
  const named =
    Array.isArray(targets) && !isChoice('layers_to_transform') && !isChoice('exclude_modules') ? targets : []
  for (const [name, value] of entries) {
    const isOff =
      value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0)
    if (isOff || harmless.has(name)) continue
    refuse(
      printable(name),
      value,
      'nano-gpt does not support this entry, so the results could be wrong',
      mergeThere,
    )
  }
  const found = (all: readonly [string, number][], path: string) =>
    all.find(([key]) => path === key || path.endsWith(`.${key}`))?.[1]
  return {
    base,
    adapts: (path) => named.some((name) => path === name || path.endsWith(`.${name}`)),
    of(path) {
      const own = found(ranks, path) ?? rank
      return { rank: own, factor: (found(alphas, path) ?? alpha) / (stabilized ? Math.sqrt(own) : own) }
    },
  }
}

async function readObject(file: string): Promise<object> {
  const json = await readJson(file)
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json
  throw new NanoGptError('checkpoint', { subject: file, reason: 'it is not a JSON object', remedy: again })
}
