// A checkpoint whose metadata claims other sizes than its tensors have is rejected before anything of
// these sizes is built, and before its tensors are read.

import { stat, truncate } from 'node:fs/promises'
import { load } from '../../lib/api/model'
import type { CheckpointInfo } from '../../lib/checkpoint/checkpoint'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { files } from '../../lib/checkpoint/folder'
import { readSafetensors, safetensorsChunks } from '../../lib/checkpoint/safetensors'
import { writeFileAtomic } from '../../lib/files/atomic'
import type { TensorState } from '../../lib/model/weights'
import { train } from '../../lib/train/train'
import { failureOf } from '../support/errors'
import { expectFileAccess, pipeAt, testOnUnix } from '../support/hostile'
import { decoder, short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

/** A checkpoint of a run with these options, without checksums, with an edited description. */
async function claiming(
  name: string,
  options: typeof short,
  edit: (info: { model: Record<string, unknown>; training: { options: Record<string, unknown> } }) => void,
): Promise<string> {
  const out = folder.path(`${name} run`)
  await (await train({ ...options, steps: 1, evalInterval: 1, device: 'js', out })).dispose()
  const { metadata, tensors } = await readSafetensors(folder.path(`${name} run`, files.last))
  const info = JSON.parse(metadata.nano_gpt) as CheckpointInfo
  edit(Object.assign(info, { format: 2 }) as never)
  const path = folder.path(`${name}.safetensors`)
  const chunks = safetensorsChunks([...tensors.values()] as TensorState[], { nano_gpt: JSON.stringify(info) })
  await writeFileAtomic(path, chunks)
  return path
}

const rope = { ...decoder, preset: 'gpt', embed: 12, heads: 2, positions: 'rope' } as const

test.each([
  ['layers', decoder, { layers: 1000 }, 'model.layers is 1000, but it has the weights of 2 blocks'],
  ['layers 3', rope, { layers: 3 }, 'model.layers is 3, but it has the weights of 2 blocks'],
  [
    'vocabulary',
    decoder,
    { vocabSize: 2 ** 31 - 1 },
    /model.vocabSize is 2147483647, but tokenEmbedding.weight is \[\d+, 15\]/,
  ],
  ['bigram', short, { vocabSize: 7 }, /model.vocabSize is 7, but tokenEmbedding.weight is \[\d+, \d+\]/],
  ['width', decoder, { embed: 3e8 }, /model.embed is 300000000, but tokenEmbedding.weight is \[\d+, 15\]/],
  [
    'block size',
    decoder,
    { blockSize: 1e9 },
    /model.blockSize is 1000000000, but positionEmbedding.weight is \[11, 15\]/,
  ],
] as const)('%s', async (name, options, sizes, message) => {
  const path = await claiming(name, options, ({ model }) => Object.assign(model, sizes))
  for (const read of [() => readCheckpoint(path), () => load(path, { device: 'js' })]) {
    const begun = performance.now()
    expect(await failureOf(read)).toMatchObject({
      code: 'damaged_checkpoint',
      subject: path,
      message: expect.stringMatching(message),
    })
    expect(performance.now() - begun).toBeLessThan(2000)
  }
  expect((await failureOf(() => train({ resume: path, device: 'js' }))).code).toBe('damaged_checkpoint')
})

test('sizes that a kind of model ignores may have any value', async () => {
  const path = await claiming('unused', short, ({ model }) => Object.assign(model, { layers: 1000 }))
  await using model = await load(path, { device: 'js' })
  expect(model.config.layers).toBe(1000)
})

test('a batch that needs more memory than the machine has is rejected on resuming', async () => {
  const path = await claiming('batch', decoder, ({ training }) => {
    training.options.batchSize = 2 ** 31 - 1
  })
  const resumed = train({ resume: path, data: decoder.data, device: 'js', out: folder.path('batch resumed') })
  expect(await failureOf(() => resumed)).toMatchObject({
    code: 'out_of_memory',
    option: 'batchSize',
    message: expect.stringMatching(/this training needs at least [\d.]+ TB of memory/),
  })
})

testOnUnix('the file of another program is rejected before its data is read', async () => {
  const path = folder.path('foreign.safetensors')
  const [header] = safetensorsChunks([{ name: 'w', dtype: 'f32', shape: [1], data: new Float32Array(1) }])
  const size = 3 * 2 ** 30
  const text = Buffer.from(header).toString('latin1')
  const json = text
    .slice(8)
    .trimEnd()
    .replace('"shape":[1]', `"shape":[${size / 4}]`)
    .replace('[0,4]', `[0,${size}]`)
  const frame = Buffer.alloc(8)
  frame.writeBigUInt64LE(BigInt(json.length))
  await writeFileAtomic(path, [frame, Buffer.from(json)])
  await truncate(path, (await stat(path)).size + size)
  const before = process.memoryUsage().rss
  expect(await failureOf(() => load(path))).toMatchObject({
    code: 'checkpoint',
    message: expect.stringMatching(/it is a safetensors file, but not a nano-gpt checkpoint/),
  })
  expect(process.memoryUsage().rss - before).toBeLessThan(200e6)
})

testOnUnix('a pipe as a checkpoint, or in a run folder, is rejected at once', async () => {
  const pipes = ['a', 'b', 'c', 'd', 'e'].map((name) => pipeAt(folder.path(name)))
  for (const failure of await Promise.all(pipes.map((pipe) => failureOf(() => load(pipe))))) {
    expect(failure).toMatchObject({ code: 'read_failed', reason: 'it is a pipe, not a file' })
  }
  await expectFileAccess()
})
