// Checkpoints whose tensors do not match the model in their metadata.

import { load } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import { JsSession } from '../../lib/backend/js/session'
import { readCheckpoint, writeCheckpoint } from '../../lib/checkpoint/checkpoint'
import type { ModelConfig } from '../../lib/model/config'
import { loadTensors, loadWeights, type TensorState, weightTensors } from '../../lib/model/weights'
import { failureOf } from '../support/errors'
import { temporaryFolder } from '../support/runs'
import { untrainedModel } from '../support/untrained'

const folder = temporaryFolder()
const whole = () => folder.path('whole.safetensors')
beforeAll(async () => {
  await using model = await untrainedModel()
  await model.save(whole())
})

/** Copies the checkpoint with changes to its model config and with additional tensors. */
async function edited(name: string, model: Partial<ModelConfig>, more: readonly string[] = []) {
  const { info, tensors } = await readCheckpoint(whole())
  const extra = more.map(
    (name): TensorState => ({ name, dtype: 'f32', shape: [2], data: new Float32Array(2) }),
  )
  const path = folder.path(name)
  const changed = { ...info, model: { ...info.model, ...model } as ModelConfig }
  await writeCheckpoint(path, changed, [...(tensors.values() as Iterable<TensorState>), ...extra])
  return path
}

test('more layers in the file than in the model config', async () => {
  const path = await edited('one.safetensors', { layers: 1 })
  const error = await failureOf(() => load(path, { device: 'js' }))
  expect(error).toMatchObject({ code: 'checkpoint', subject: path })
  expect(error.message).toMatch(
    /one\.safetensors: its tensor blocks\.1\.\S+ belongs to no part of the model that its metadata describes \(nor do \d+ more\)\. Copy it/,
  )
})

test.each([
  'other',
  'average/other',
  'adamw/m/blocks.2.attention.query.weight',
  'adamw/head.weight',
  'rmsprop/m/head.weight',
])('an unknown tensor named %s', async (name) => {
  const path = await edited('stranger.safetensors', {}, [name])
  const { message } = await failureOf(() => load(path, { device: 'js' }))
  expect(message).toContain(`stranger.safetensors: its tensor ${name} belongs to no part of the model that`)
  expect(message).not.toContain('nor do')
})

test('the state of an optimizer is accepted', async () => {
  const groups = ['adamw/m/', 'adamw/v/', 'muon/m/', 'sgd/m/']
  const path = await edited(
    'state.safetensors',
    {},
    groups.map((group) => `${group}head.weight`),
  )
  await using model = await load(path, { device: 'js' })
  expect(model.config.layers).toBe(2)
})

test('`from` and `resume` reject unknown tensors too', async () => {
  const path = await edited('one.safetensors', { layers: 1 })
  const checkpoint = await readCheckpoint(path)
  const { parameters } = createModel(checkpoint.info.model)
  for (const read of [
    (session: JsSession) => loadWeights(session, parameters, checkpoint),
    (session: JsSession) => loadTensors(session, weightTensors(parameters), checkpoint),
  ]) {
    const { message } = await failureOf(() => read(new JsSession()))
    expect(message).toMatch(/its tensor blocks\.1\.\S+ belongs to no part of the model/)
  }
})

test.each([
  ['heads that do not divide the width', { heads: 5 }, /sizes\.safetensors.*heads is 5.*must divide.*embed/s],
  [
    'an odd head size with RoPE',
    { kind: 'gpt', heads: 4, positions: 'rope' },
    /sizes\.safetensors.*pairs of channels/s,
  ],
  [
    'kvHeads that do not divide heads',
    { kind: 'gpt', heads: 4, kvHeads: 3 },
    /sizes\.safetensors.*kvHeads is 3/s,
  ],
] as const)('%s', async (_, model, message) => {
  const path = await edited('sizes.safetensors', model as Partial<ModelConfig>)
  const error = await failureOf(() => load(path, { device: 'js' }))
  expect(error.code).toBe('damaged_checkpoint')
  expect(error.message).toMatch(message)
})
