// Checkpoints: everything is read back unchanged. An error about a damaged file names the file and
// the damage.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { load } from '../../lib/api/model'
import { type CheckpointInfo, readCheckpoint, writeCheckpoint } from '../../lib/checkpoint/checkpoint'
import { files } from '../../lib/checkpoint/folder'
import { readSafetensors, safetensorsChunks } from '../../lib/checkpoint/safetensors'
import { NanoGptError } from '../../lib/errors'
import { writeFileAtomic } from '../../lib/files/atomic'
import type { TensorState } from '../../lib/model/weights'
import { CharTokenizer } from '../../lib/tokenizer/char'
import { train } from '../../lib/train/train'
import { failureOf } from '../support/errors'
import { training } from '../support/models'
import { short, temporaryFolder, unusedTraining } from '../support/runs'

const folder = temporaryFolder()

const info: CheckpointInfo = {
  version: '1.2.3',
  model: { kind: 'bigram', vocabSize: 3, blockSize: 8, embed: 32, heads: 1, layers: 1, dropout: 0 },
  training,
  tokenizer: CharTokenizer.fromText('ab😀').toJSON(),
  step: 12,
  seed: '18446744073709551615',
  data: { name: 'text', digest: 'ab'.repeat(32), source: null, lineEndings: 'normalize' },
  device: 'js',
  best: { step: 10, valLoss: 1.25 },
  done: { evaluation: 10, sample: null },
  changes: [{ step: 4, option: 'gradientClip', from: null, to: 0.5 }],
}

const tensors: TensorState[] = [
  {
    name: 'weight',
    dtype: 'f32',
    shape: [2, 3],
    data: Float32Array.from([1, -0, 3e-45, -3.4028234663852886e38, 5, 6]),
  },
  { name: 'adamw/m/weight', dtype: 'f32', shape: [], data: Float32Array.from([7]) },
]

/** A safetensors file with the given metadata under `nano_gpt`, or without that key. */
async function fileWith(name: string, nanoGpt?: unknown): Promise<string> {
  const path = folder.path(name)
  const metadata: Record<string, string> = { format: 'nano-gpt' }
  if (nanoGpt !== undefined)
    metadata.nano_gpt = typeof nanoGpt === 'string' ? nanoGpt : JSON.stringify(nanoGpt)
  await mkdir(dirname(path), { recursive: true })
  await writeFileAtomic(path, safetensorsChunks(tensors, metadata))
  return path
}

test('reading returns what was written, bit for bit', async () => {
  const path = folder.path('new', 'folder', 'file.safetensors')
  await writeCheckpoint(path, info, tensors)
  const checkpoint = await readCheckpoint(path)
  expect(checkpoint.path).toBe(path)
  expect(checkpoint.info).toEqual(info)
  expect([...checkpoint.tensors.values()].sort((a, b) => b.name.localeCompare(a.name))).toEqual(tensors)
  expect(Object.is((checkpoint.tensors.get('weight') as TensorState).data[1], -0)).toBe(true)
})

test('a checkpoint is a standard safetensors file, with all metadata in one JSON string', async () => {
  const path = folder.path('open.safetensors')
  await writeCheckpoint(path, { ...info, best: null }, tensors)
  const { metadata } = await readSafetensors(path)
  expect(Object.keys(metadata).sort()).toEqual(['checksums', 'format', 'nano_gpt'])
  const { version, model, tokenizer, training: options, ...progress } = { ...info, best: null }
  expect(JSON.parse(metadata.nano_gpt)).toEqual({
    ...{ format: 3, version, model, tokenizer },
    training: { options, ...progress },
  })
})

describe('damage', () => {
  /** Reads a file of these bytes. Undefined if it is as it was written, otherwise the error's message. */
  async function readDamaged(bytes: Uint8Array): Promise<string | undefined> {
    const path = folder.path('damaged.safetensors')
    await writeFile(path, bytes)
    try {
      const read = await readCheckpoint(path)
      expect(read.info).toEqual(info)
      for (const tensor of tensors) expect(read.tensors.get(tensor.name)).toEqual(tensor)
      return undefined
    } catch (error) {
      if (!(error instanceof NanoGptError)) throw error
      return error.message
    }
  }

  test('a flipped bit, anywhere, is found', async () => {
    const path = folder.path('whole.safetensors')
    await writeCheckpoint(path, info, tensors)
    const whole = await readFile(path)
    const harmless: number[] = []
    for (let at = 0; at < whole.byteLength; at++) {
      const damaged = Uint8Array.from(whole)
      damaged[at] ^= 1 << (at % 8)
      if ((await readDamaged(damaged)) === undefined) harmless.push(at)
    }
    // Only the metadata `format` isn't covered: its name and its value.
    const format = '"format":"nano-gpt"'
    const begin = whole.indexOf(format)
    expect(harmless.filter((at) => at < begin || at >= begin + format.length)).toEqual([])
    expect(harmless.length).toBeLessThan(format.length)
  })

  test('the error names the tensor, or the metadata', async () => {
    const path = folder.path('whole.safetensors')
    await writeCheckpoint(path, info, tensors)
    const whole = await readFile(path)
    const flipped = (at: number, bit = 0) => {
      const damaged = Uint8Array.from(whole)
      damaged[at] ^= 1 << bit
      return damaged
    }
    const named = (what: string) =>
      `${folder.path('damaged.safetensors')} is damaged: ${what} does not match its checksum. Copy it again from its source, or use another checkpoint of its run`
    expect(await readDamaged(flipped(whole.byteLength - 1))).toBe(named('tensor "weight"'))
    expect(await readDamaged(flipped(whole.byteLength - 25))).toBe(named('tensor "adamw/m/weight"'))
    const seed = whole.indexOf('18446744073709551615')
    expect(await readDamaged(flipped(seed))).toBe(named('its nano_gpt metadata'))
  })

  test('checksums that are missing', async () => {
    const path = folder.path('whole.safetensors')
    await writeCheckpoint(path, info, tensors)
    const { metadata } = await readSafetensors(path)
    await writeFileAtomic(path, safetensorsChunks(tensors, { nano_gpt: metadata.nano_gpt }))
    expect((await failureOf(() => readCheckpoint(path))).message).toMatch(/its checksums are missing/)
    await writeFileAtomic(path, safetensorsChunks(tensors.slice(1), metadata))
    expect((await failureOf(() => readCheckpoint(path))).message).toMatch(
      /which lacks "weight", does not match/,
    )
  })
})

test('overwriting a checkpoint leaves only the new file', async () => {
  const path = folder.path('over', files.last)
  await writeCheckpoint(path, info, tensors)
  await writeCheckpoint(path, { ...info, step: 13 }, tensors)
  expect((await readCheckpoint(path)).info.step).toBe(13)
  expect(await readdir(folder.path('over'))).toEqual([files.last])
})

test.each([Number.NaN, Infinity, -Infinity])(
  'a tensor with %p is refused, and the file stays',
  async (value) => {
    const path = folder.path('finite', files.last)
    await writeCheckpoint(path, info, tensors)
    const before = await readFile(path)
    const wrong = { ...tensors[0], data: Float32Array.from([1, 2, 3, 4, 5, value]) }
    const error = await failureOf(() => writeCheckpoint(path, { ...info, step: 13 }, [tensors[1], wrong]))
    expect(error.code).toBe('non_finite')
    expect(error.message).toContain(`step 13: weight contains ${value}, so these weights are not saved`)
    expect(await readFile(path)).toEqual(before)
  },
)

describe('a folder', () => {
  const write = (out: string, name: string, step: number) =>
    writeCheckpoint(folder.path(out, name), { ...info, step }, tensors)
  /** Reads the step, and what is told. */
  async function stepOf(out: string, prefer: 'best' | 'last') {
    const told: string[] = []
    const { info } = await readCheckpoint(folder.path(out), prefer, (message) => told.push(message))
    return { step: info.step, told }
  }
  async function damage(out: string, name: string) {
    const path = folder.path(out, name)
    const bytes = await readFile(path)
    bytes[bytes.length - 1] ^= 1
    await writeFile(path, bytes)
  }

  test('gives its best or last checkpoint, and another one if that is missing', async () => {
    await write('run', files.last, 20)
    expect((await readCheckpoint(folder.path('run'))).info.step).toBe(20)
    await write('run', files.best, 10)
    expect((await readCheckpoint(folder.path('run'))).path).toBe(folder.path('run', files.best))
    expect(await stepOf('run', 'best')).toEqual({ step: 10, told: [] })
    expect(await stepOf('run', 'last')).toEqual({ step: 20, told: [] })
    await rm(folder.path('run', files.last))
    expect(await stepOf('run', 'last')).toEqual({ step: 10, told: [] })
    await write('run', 'step-9.safetensors', 9)
    await write('run', 'step-15.safetensors', 15)
    expect(await stepOf('run', 'last')).toEqual({ step: 15, told: [] })
  })

  test('gives the newest checkpoint that is whole, and says so', async () => {
    await write('hurt', files.last, 20)
    await write('hurt', files.best, 15)
    await write('hurt', 'step-10.safetensors', 10)
    await write('hurt', 'step-9.safetensors', 9)
    await damage('hurt', files.last)
    const last = await stepOf('hurt', 'last')
    expect(last.step).toBe(10)
    expect(last.told).toEqual([
      expect.stringMatching(
        /last\.safetensors is damaged: .*step-10\.safetensors is used instead, which is of step 10$/,
      ),
    ])
    expect(await stepOf('hurt', 'best')).toEqual({ step: 15, told: [] })
    await damage('hurt', files.best)
    expect((await stepOf('hurt', 'best')).step).toBe(10)
    await writeFile(folder.path('hurt', 'step-10.safetensors'), '')
    expect((await stepOf('hurt', 'last')).step).toBe(9)
    await damage('hurt', 'step-9.safetensors')
    const error = await failureOf(() => readCheckpoint(folder.path('hurt'), 'last'))
    expect(error.message).toContain(`${folder.path('hurt', files.last)} is damaged`)
  })

  test('does not pass over a checkpoint of a newer version', async () => {
    const newer = await fileWith('newer/last.safetensors', { format: 9 })
    await write('newer', 'step-10.safetensors', 10)
    expect((await failureOf(() => readCheckpoint(folder.path('newer'), 'last'))).message).toContain(newer)
  })
})

describe('errors of readCheckpoint()', () => {
  test('a missing path, and a folder without checkpoints', async () => {
    expect(await failureOf(() => readCheckpoint(folder.path('nowhere')))).toMatchObject({
      code: 'file_not_found',
      message: expect.stringContaining(folder.path('nowhere')),
    })
    await mkdir(folder.path('empty'))
    const error = await failureOf(() => readCheckpoint(folder.path('empty')))
    expect(error.code).toBe('file_not_found')
    expect(error.message).toMatch(/contains no checkpoint/)
  })

  test('a file that is not safetensors', async () => {
    const path = folder.path('notes.txt')
    await writeFile(path, 'these are notes, and long enough to hold a header')
    expect((await failureOf(() => readCheckpoint(path))).message).toContain(path)
    await writeFile(path, '')
    expect((await failureOf(() => readCheckpoint(path))).message).toContain(path)
  })

  test('a safetensors file of another program', async () => {
    const path = await fileWith('other.safetensors')
    expect((await failureOf(() => readCheckpoint(path))).message).toMatch(/not a nano-gpt checkpoint/)
  })

  test('a newer format: the error names it and the supported ones', async () => {
    const path = await fileWith('newer.safetensors', { format: 9, anything: true })
    expect((await failureOf(() => readCheckpoint(path))).message).toMatch(/format 9; .* reads 1, 2, 3/)
  })

  test.each(['{', 'null', '7', '[]', '{}', '{"format":"1"}'])('damaged metadata %s', async (text) => {
    const path = await fileWith('metadata.safetensors', text)
    const error = await failureOf(() => readCheckpoint(path))
    expect(error.code).toBe('damaged_checkpoint')
    expect(error.message).toMatch(/damaged/)
  })

  /** Each field is tested alone: missing, and with another type. */
  const whole = { format: 1, ...info } as Record<string, unknown>
  const paths = (value: unknown, path: string[] = []): string[][] =>
    typeof value === 'object' && value !== null && path[0] !== 'tokenizer'
      ? Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...paths(inner, [...path, key])])
      : []
  const fields = paths(whole).filter(([first]) => first !== 'format')
  /** Fields that older files lack. */
  const newer = [...Object.keys(unusedTraining), ...['checkpointInterval', 'lineEndings', 'done', 'changes']]

  /** A copy of the metadata, changed at one place. */
  function changed(path: string[], change: (parent: Record<string, unknown>, key: string) => void) {
    const copy = structuredClone(whole)
    const parent = path.slice(0, -1).reduce((object, key) => object[key] as Record<string, unknown>, copy)
    change(parent, path.at(-1)!)
    return copy
  }

  test.each(fields.map((path) => [path.join('.'), path] as const))(
    '%s is missing, or has another type',
    async (name, path) => {
      const missing = changed(path, (parent, key) => delete parent[key])
      const wrong = changed(path, (parent, key) => {
        parent[key] = typeof parent[key] === 'boolean' ? 7 : true
      })
      for (const metadata of newer.includes(path.at(-1)!) ? [wrong] : [missing, wrong]) {
        const file = await fileWith('field.safetensors', metadata)
        const error = await failureOf(() => readCheckpoint(file))
        expect(error.code).toBe('damaged_checkpoint')
        expect(error.message).toContain(`${file} is damaged: ${name}`)
      }
    },
  )

  test.each([
    ['step', -1],
    ['step', 0.5],
    ['seed', '-1'],
    ['seed', '1e3'],
    ['seed', '123456789012345678901'],
    ['model', { ...info.model, kind: 'mixture' }],
    ['model', { ...info.model, heads: 0 }],
    ['model', { ...info.model, dropout: 1.5 }],
    ['training', { ...training, learningRate: 0 }],
    ['training', { ...training, gradientClip: -1 }],
    ['training', { ...training, batchSize: 1.5 }],
    ['training', { ...training, optimizer: 'adam' }],
    ['training', { ...training, schedule: 'sine' }],
    ['training', { ...training, warmup: -1 }],
    ['training', { ...training, emaDecay: 2 }],
  ])('%s: %p', async (key, value) => {
    const file = await fileWith('value.safetensors', { ...whole, [key]: value })
    expect((await failureOf(() => readCheckpoint(file))).message).toContain(`damaged: ${key}`)
  })
})

test('a file from before optimizers, schedules and precisions: AdamW, constant rate, no average, f32', async () => {
  const { steps, batchSize, gradientAccumulationSteps, learningRate, beta1, beta2, epsilon, weightDecay } =
    training
  const { gradientClip, evalInterval, evalBatches } = training
  const older = {
    ...{ steps, batchSize, gradientAccumulationSteps, learningRate, beta1, beta2, epsilon, weightDecay },
    ...{ gradientClip, evalInterval, evalBatches },
  }
  const file = await fileWith('older.safetensors', { format: 1, ...info, training: older })
  expect((await readCheckpoint(file)).info.training).toEqual({
    ...older,
    ...unusedTraining,
    checkpointInterval: evalInterval,
  })
})

describe('loading an inconsistent checkpoint', () => {
  let path: string
  let good: { metadata: Record<string, string>; tensors: TensorState[] }
  beforeAll(async () => {
    const out = folder.path('trained')
    await (await train({ ...short, device: 'js', steps: 2, out })).dispose()
    path = folder.path('trained', files.last)
    const { metadata, tensors } = await readSafetensors(path)
    // As an older version wrote it, without checksums, which would find every change first.
    const nano_gpt = JSON.stringify({ ...JSON.parse(metadata.nano_gpt), format: 2 })
    good = { metadata: { nano_gpt }, tensors: [...tensors.values()] as TensorState[] }
  })
  const loading = async (tensors: TensorState[], edit: (info: CheckpointInfo) => void = () => {}) => {
    const info = JSON.parse(good.metadata.nano_gpt)
    edit(info)
    const file = folder.path('unfit.safetensors')
    await writeFileAtomic(
      file,
      safetensorsChunks(tensors, { ...good.metadata, nano_gpt: JSON.stringify(info) }),
    )
    return failureOf(() => load(file, { device: 'js' }))
  }

  test('a weight is missing', async () => {
    const rest = good.tensors.filter(({ name }) => name !== 'tokenEmbedding.weight')
    expect((await loading(rest)).message).toMatch(
      /tokenEmbedding.weight should be f32 \[.*\], but it is missing/,
    )
  })

  test('a weight has another shape or dtype', async () => {
    const flat = good.tensors.map((tensor) => ({ ...tensor, shape: [tensor.data.length] }))
    expect((await loading(flat)).message).toMatch(
      /tokenEmbedding.weight should be f32 \[\d+, \d+\], but it is f32 \[\d+\]/,
    )
    const wide = good.tensors.map((tensor) => ({
      ...tensor,
      dtype: 'f64' as const,
      data: Float64Array.from(tensor.data),
    }))
    expect((await loading(wide)).message).toMatch(/should be f32 .*, but it is f64/)
  })

  test('a tokenizer of another size, or of an unknown type', async () => {
    const other = (info: CheckpointInfo) =>
      Object.assign(info, { tokenizer: CharTokenizer.fromText('ab').toJSON() })
    expect((await loading(good.tensors, other)).message).toMatch(
      /damaged: the model has \d+ tokens, but the tokenizer has 2/,
    )
    const unknown = (info: CheckpointInfo) => Object.assign(info, { tokenizer: { type: 'words' } })
    expect((await loading(good.tensors, unknown)).code).toBe('tokenizer')
  })

  test('additional tensors are ignored', async () => {
    const more = [
      ...good.tensors,
      { name: 'extra', dtype: 'u32', shape: [1], data: Uint32Array.from([1]) } as TensorState,
    ]
    const file = folder.path('more.safetensors')
    await writeFileAtomic(file, safetensorsChunks(more, good.metadata))
    await using model = await load(file, { device: 'js' })
    expect(model.info.step).toBe(2)
  })

  test('random damage gives an error or a model, never anything else', async () => {
    const bytes = await readFile(path)
    const file = folder.path('damage.safetensors')
    for (let round = 0; round < 60; round++) {
      const copy = Buffer.from(bytes)
      // In the header, where damage matters most.
      copy[(round * 131) % 2500] ^= 1 << (round % 8)
      await writeFile(file, copy)
      const outcome = await load(file, { device: 'js' }).then(
        (model) => model.dispose(),
        (error) => error,
      )
      if (outcome)
        expect(outcome).toMatchObject({ name: 'NanoGptError', message: expect.stringMatching(/.{10}/) })
    }
  })
})
