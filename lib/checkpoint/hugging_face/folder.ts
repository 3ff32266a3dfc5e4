// Reads a model from a Hugging Face folder: config.json, the tokenizer, and the weights in
// model.safetensors or in the files that model.safetensors.index.json lists. docs/models.md says what
// loads.

import { join } from 'node:path'
import { NanoGptError, show } from '../../errors'
import { statOf } from '../../files/read'
import { describe, type Shape, sameShape } from '../../graph/dtype'
import { readTokenizer } from '../../tokenizer'
import { Gpt2Tokenizer } from '../../tokenizer/gpt2'
import { lettersOf } from '../../tokenizer/json_parts'
import { tokenizerFile } from '../../tokenizer/names'
import type { Tokenizer } from '../../tokenizer/tokenizer'
import { version } from '../../version'
import type { Checkpoint } from '../checkpoint'
import { untrained } from '../metadata'
import { type FileTensor, openSafetensors, refuseTooLarge, type SafetensorsHeader } from '../safetensors'
import { type ForeignConfig, readForeignConfig } from './config'
import { again, readJson } from './json'
import { configFile, indexFile, pickleFiles, weightsFile } from './names'
import { pickleRemedy } from './pickle'
import { WeightMap, weightDtypes } from './weights'

/** In bytes. */
const longestIndex = 32 << 20
const longestVocabulary = 16 << 20
const mostFiles = 1000

/** GPT-2's vocabulary, and the multiple of 64 to which nanoGPT rounds it up. */
const gpt2Sizes = [50257, 50304]

/** Whether a folder without checkpoints of nano-gpt contains a model of another program. */
export async function isForeign(folder: string): Promise<boolean> {
  for (const name of [weightsFile, indexFile, ...pickleFiles])
    if (await statOf(join(folder, name))) return true
  const config = join(folder, configFile)
  if (!(await statOf(config))) return false
  const json = await readJson(config).catch(() => undefined)
  return typeof json === 'object' && json !== null && 'model_type' in json
}

/**
 * Reads the model of a folder. Its tensors have the names and shapes of a checkpoint's.
 *
 * @throws NanoGptError 'checkpoint' that names what is missing, not supported or wrong; 'tokenizer',
 *   'safetensors', 'file_not_found', 'read_failed', 'out_of_memory'
 */
export async function readForeign(folder: string): Promise<Checkpoint> {
  const file = join(folder, configFile)
  const config = readForeignConfig(file, await readJson(file))
  const rows = config.model.vocabSize
  const tokenizer = await tokenizerOf(folder, config)
  const { vocabSize } = tokenizer
  if (vocabSize > rows) {
    throw new NanoGptError('checkpoint', {
      file,
      subject: 'vocab_size',
      value: rows,
      reason: `the tokenizer has ${vocabSize} tokens, so the model lacks some of them`,
      remedy: `copy the model and its ${tokenizerFile} again from one source`,
    })
  }
  const files = await filesOf(folder)
  // A file without any bias is one of nanoGPT's, which can leave them out.
  const sized = { ...config.model, vocabSize }
  const { model, map, tensors } = await readWeights(files, { ...config, model: sized }, rows)
  return {
    path: folder,
    info: { version, model, tokenizer: tokenizer.toJSON(), ...untrained },
    tensors: map.parametersOf(tensors),
  }
}

// ---- The tokenizer.

async function tokenizerOf(folder: string, { architecture, model }: ForeignConfig): Promise<Tokenizer> {
  const file = join(folder, tokenizerFile)
  if (await statOf(file)) return readTokenizer(file)
  if (architecture === 'gpt2' && gpt2Sizes.includes(model.vocabSize)) {
    const tokenizer = new Gpt2Tokenizer()
    await expectGpt2(join(folder, 'vocab.json'), tokenizer)
    return tokenizer
  }
  throw new NanoGptError('file_not_found', {
    subject: folder,
    reason: `the folder contains no ${tokenizerFile}`,
    remedy:
      'copy it from the source of the model. In Python, ' +
      `AutoTokenizer.from_pretrained(folder).save_pretrained(folder) makes it from other files`,
  })
}

/** Other tokenizers have as many tokens, so the list of tokens is compared if there is one. */
async function expectGpt2(file: string, tokenizer: Gpt2Tokenizer): Promise<void> {
  if (!(await statOf(file))) return
  const ids = (await readJson(file, longestVocabulary)) as Readonly<Record<string, unknown>> | null
  for (let id = 0; id < tokenizer.vocabSize - 1; id++) {
    const bytes = tokenizer.bytesOf(id)
    const token = lettersOf(bytes, 0, bytes.length)
    if (ids?.[token] === id) continue
    throw new NanoGptError('tokenizer', {
      subject: file,
      reason: `it is not GPT-2's vocabulary: its token ${show(token)} is ${show(ids?.[token])}, not ${id}`,
      remedy: `add the model's ${tokenizerFile} to the folder`,
    })
  }
}

// ---- The weights.

/** The paths of the files with the weights. */
async function filesOf(folder: string): Promise<string[]> {
  const single = join(folder, weightsFile)
  if (await statOf(single)) return [single]
  const index = join(folder, indexFile)
  if (await statOf(index))
    return namesIn(index, await readJson(index, longestIndex)).map((name) => join(folder, name))
  for (const name of pickleFiles) {
    if (await statOf(join(folder, name))) {
      throw new NanoGptError('checkpoint', {
        subject: folder,
        reason: `its weights are in ${name}, a pickle, and reading one can run any code`,
        remedy: pickleRemedy,
      })
    }
  }
  throw new NanoGptError('file_not_found', {
    subject: folder,
    reason: `the folder contains no ${weightsFile}`,
    remedy: again,
  })
}

function namesIn(index: string, json: unknown): string[] {
  const map = Object(json).weight_map as unknown
  const names = [...new Set(typeof map === 'object' && map !== null ? Object.values(map) : [])]
  const wrong = names.find((name) => typeof name !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(name))
  const problem =
    wrong !== undefined
      ? `its weight_map names ${show(wrong)}, which is not the name of a safetensors file`
      : names.length === 0
        ? 'it has no weight_map'
        : names.length > mostFiles
          ? `it names ${names.length} files, and at most ${mostFiles} are read`
          : undefined
  if (problem !== undefined)
    throw new NanoGptError('checkpoint', { subject: index, reason: problem, remedy: again })
  return (names as string[]).sort()
}

async function readWeights(files: readonly string[], config: ForeignConfig, rows: number) {
  const sizes = await Promise.all(files.map(async (file) => (await statOf(file))?.size ?? 0))
  refuseTooLarge(
    files[0],
    sizes.reduce((sum, size) => sum + size, 0),
  )
  const full = new WeightMap(config.architecture, config.model, rows)
  const tensors = new Map<string, FileTensor>()
  for (const file of files) {
    const opened = await openSafetensors(file, {
      skips: (name) => full.isIdle(name),
      header: (header) => checkHeader(file, header, full, tensors),
    })
    for (const [name, tensor] of opened) tensors.set(full.nameOf(name), tensor)
  }
  const model = withoutBiases(config, tensors)
  const map = new WeightMap(config.architecture, model, rows)
  for (const [name, shape] of map.needed) {
    if (!tensors.has(name))
      throw wrongTensor(
        files[0],
        `${files.length > 1 ? 'its files lack' : 'it lacks'} ${name}, ${expected(shape)}`,
      )
  }
  return { model, map, tensors }
}

/** nanoGPT can leave out all biases of a GPT-2. Then its file has none of them. */
function withoutBiases({ architecture, model }: ForeignConfig, tensors: ReadonlyMap<string, unknown>) {
  const isBare = architecture === 'gpt2' && ![...tensors.keys()].some((name) => name.endsWith('.bias'))
  return isBare ? { ...model, bias: false, qkvBias: false } : model
}

const expected = (shape: Shape) => `which should be [${shape.join(', ')}]`

/** Judges a file's tensors before any of them is read. */
function checkHeader(
  file: string,
  header: SafetensorsHeader,
  map: WeightMap,
  earlier: ReadonlyMap<string, unknown>,
): void {
  const seen = new Set(earlier.keys())
  for (const [name, spec] of header.tensors) {
    const own = map.nameOf(name)
    const shape = map.needed.get(own)
    if (shape === undefined)
      throw wrongTensor(
        file,
        `its tensor ${show(name)} belongs to no part of the model that config.json describes`,
      )
    if (seen.has(own)) throw wrongTensor(file, `its tensor ${show(name)} appears twice`)
    seen.add(own)
    if (!weightDtypes.includes(spec.dtype))
      throw wrongTensor(
        file,
        `its tensor ${show(name)} is ${spec.dtype}, not one of ${weightDtypes.join(', ')}`,
      )
    if (!sameShape(spec.shape, shape))
      throw wrongTensor(
        file,
        `its tensor ${show(name)} is ${describe(spec)}, and config.json requires [${shape.join(', ')}]`,
      )
  }
}

function wrongTensor(file: string, reason: string): NanoGptError {
  return new NanoGptError('checkpoint', { subject: file, reason, remedy: again })
}
