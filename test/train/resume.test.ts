// A resumed run continues as if it had never been interrupted: the same losses and weights, to the
// bit.

import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAddon } from '../../lib/backend/native/addon'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { files } from '../../lib/checkpoint/folder'
import { readSafetensors, safetensorsChunks } from '../../lib/checkpoint/safetensors'
import { writeFileAtomic } from '../../lib/files/atomic'
import type { TensorState } from '../../lib/model/weights'
import type { TrainOptions } from '../../lib/options'
import type { TrainEvent } from '../../lib/train/events'
import { train } from '../../lib/train/train'
import { version } from '../../lib/version'
import { expectSameBits } from '../support/bits'
import { runChild } from '../support/child'
import { onEveryDevice, onNative } from '../support/devices'
import { failureOf } from '../support/errors'
import { decoder, eventsOf, lossesOf, ofType, parametersOf, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()

/** Trains to the end. Returns the events, losses, weights and info. */
async function whole(options: TrainOptions) {
  const run = train(options)
  const events = await eventsOf(run)
  await using model = await run
  return { events, losses: lossesOf(events), weights: await parametersOf(model), info: model.info }
}

async function tensorsOf(path: string) {
  const { tensors } = await readCheckpoint(path, 'last')
  return Object.fromEntries(
    [...(tensors as Map<string, TensorState>)].map(([name, { data }]) => [name, data]),
  )
}

const evaluations = (events: TrainEvent[]) =>
  ofType(events, 'evaluation').map(({ step, valLoss, best }) => ({ step, valLoss, best }))

onEveryDevice('resuming', ({ name: device }) => {
  const options = { ...decoder, device, steps: 12, evalInterval: 4 }

  test.each([1, 5, 8])('after %i steps gives the same losses, weights and moments', async (at) => {
    const [a, b] = [folder.path(`${device}-whole-${at}`), folder.path(`${device}-parts-${at}`)]
    const uninterrupted = await whole({ ...options, out: a })
    const first = await whole({ ...options, steps: at, out: b })
    const second = await whole({ device, data: options.data, resume: b, steps: 12 })
    expect([...first.losses, ...second.losses]).toEqual(uninterrupted.losses)
    expectSameBits(second.weights, uninterrupted.weights)
    expectSameBits(await tensorsOf(b), await tensorsOf(a))
    const [fileOfA, fileOfB] = await Promise.all([a, b].map((out) => readFile(join(out, 'last.safetensors'))))
    expect(fileOfB.equals(fileOfA)).toBe(true)
    expect(second.info.step).toBe(12)
    expect(evaluations(second.events)).toEqual(
      evaluations(uninterrupted.events).filter(({ step }) => step > at),
    )
    expect(second.events[0]).toMatchObject({ type: 'start', step: at, steps: 12, config: { seed: '7' } })
  })

  test('after three stops at arbitrary steps gives the same losses and weights', async () => {
    const out = folder.path(`${device}-stops`)
    const long = { ...options, steps: 40, evalInterval: 10 }
    const uninterrupted = await whole(long)
    const losses: number[] = []
    for (let part = 0; part < 4; part++) {
      const run = train(part === 0 ? { ...long, out } : { device, data: options.data, resume: out })
      for await (const event of run) {
        if (event.type !== 'step') continue
        losses.push(...event.losses)
        if (part < 3) run.stop()
      }
      await using model = await run
      if (part === 3) {
        expect(model.info.step).toBe(40)
        expectSameBits(await parametersOf(model), uninterrupted.weights)
      }
    }
    expect(losses).toEqual(uninterrupted.losses)
  })

  test('from a file writes checkpoints to its folder, unless `out` is given', async () => {
    const out = folder.path(`${device}-file`)
    await whole({ ...options, steps: 4, out })
    const result = await whole({ device, data: options.data, resume: `${out}/last.safetensors`, steps: 5 })
    expect(result.losses).toHaveLength(1)
    expect((await readCheckpoint(out, 'last')).info.step).toBe(5)
    const elsewhere = folder.path(`${device}-elsewhere`)
    await whole({ device, data: options.data, resume: out, steps: 6, out: elsewhere })
    expect((await readCheckpoint(elsewhere, 'last')).info.step).toBe(6)
    expect((await readCheckpoint(out, 'last')).info.step).toBe(5)
  })

  test('without `steps` continues to the original number of steps', async () => {
    const out = folder.path(`${device}-target`)
    const run = train({ ...options, steps: 9, evalInterval: 100, out })
    for await (const event of run) if (event.type === 'start') run.stop()
    await (await run).dispose()
    expect((await whole({ device, data: options.data, resume: out })).info.step).toBe(9)
  })

  test('a complete run makes no more steps', async () => {
    const out = folder.path(`${device}-complete`)
    const done = await whole({ ...options, steps: 3, out })
    const again = await whole({ device, data: options.data, resume: out })
    expect(again.events.map(({ type }) => type)).toEqual(['start', 'checkpoint', 'end'])
    expectSameBits(again.weights, done.weights)
  })
})

describe('resuming', () => {
  let out: string
  beforeAll(async () => {
    out = folder.path('base')
    await whole({ ...short, device: 'js', out })
  })
  const resume = (more: TrainOptions) =>
    failureOf(() => train({ device: 'js', data: short.data, resume: out, steps: 11, ...more }))

  test('rejects another text', async () => {
    const error = await resume({ data: { text: `${someText()}.` } })
    expect(error.code).toBe('data')
    expect(error.message).toMatch(/another text.*sha256/)
  })

  test('finds a text given as a string in the run folder, and reports it if it is missing', async () => {
    const from = folder.path('inline')
    await whole({ ...short, device: 'js', out: from, steps: 3 })
    const { info } = await whole({ device: 'js', resume: from, steps: 4 })
    expect(info).toMatchObject({ step: 4, data: { name: 'text', source: 'text.txt' } })
    await rm(join(from, 'text.txt'))
    expect((await resume({ resume: from, data: undefined })).code).toBe('data_not_found')
    expect((await whole({ device: 'js', resume: from, steps: 5, data: short.data })).info.step).toBe(5)
  })

  test('finds the text file again by its absolute path', async () => {
    const path = folder.path('text.txt')
    await writeFile(path, someText())
    const from = folder.path('from-file')
    await whole({ ...short, device: 'js', data: path, out: from, steps: 3 })
    expect((await whole({ device: 'js', resume: from, steps: 4 })).info).toMatchObject({
      step: 4,
      data: { source: path, name: 'text.txt' },
    })
    // The same text under another name is accepted.
    expect(
      (await whole({ device: 'js', resume: from, steps: 5, data: { text: someText() } })).info.step,
    ).toBe(5)
    await writeFile(path, `${someText()}!`)
    expect((await resume({ resume: from, data: undefined })).code).toBe('data')
  })

  test.each([
    ['preset', { preset: 'bigram' }],
    ['seed', { seed: 7 }],
    ['blockSize', { blockSize: 8 }],
    ['embed', { embed: 32 }],
    ['heads', { heads: 1 }],
    ['layers', { layers: 1 }],
    ['dropout', { dropout: 0 }],
    ['batchSize', { batchSize: 4 }],
    ['gradientAccumulationSteps', { gradientAccumulationSteps: 1 }],
    ['beta1', { beta1: 0.9 }],
    ['beta2', { beta2: 0.999 }],
    ['epsilon', { epsilon: 1e-8 }],
    ['weightDecay', { weightDecay: 0.01 }],
  ])('rejects %s, because the run keeps its own', async (name, more) => {
    const error = await resume(more)
    expect(error.code).toBe('option')
    expect(error.message).toMatch(new RegExp(`${name} is .* a resumed run keeps its own`))
  })

  test('rejects fewer steps than the run has made', async () => {
    expect((await resume({ steps: 9 })).message).toMatch(/steps is 9: .* has already made 1\d steps\. /)
  })

  test('rejects a missing and a truncated checkpoint', async () => {
    expect((await resume({ resume: folder.path('nowhere') })).code).toBe('file_not_found')
    const damaged = folder.path('damaged.safetensors')
    await copyFile(`${out}/last.safetensors`, damaged)
    const bytes = await readFile(damaged)
    await writeFile(damaged, bytes.subarray(0, bytes.length - 1))
    expect((await resume({ resume: damaged })).message).toContain(damaged)
  })

  test('rejects a model saved without optimizer state, and names a missing tensor', async () => {
    const model = await train({ ...short, device: 'js' })
    const path = folder.path('model.safetensors')
    await model.save(path)
    await model.dispose()
    expect((await resume({ resume: path })).message).toMatch(/adamw\/m\/.*missing/)
  })

  test('continues after a process was killed, from its last checkpoint', async () => {
    const killed = folder.path('killed')
    const { signal } = await runChild(`
      const run = nano.train({ data: { text }, preset: 'bigram', device: 'js', steps: 1000000, batchSize: 4, evalInterval: 10, evalBatches: 1, seed: 7, out: ${JSON.stringify(killed)} })
      for await (const event of run) if (event.type === 'checkpoint' && event.step >= 30) process.kill(process.pid, 'SIGKILL')
    `)
    expect(signal).toBe('SIGKILL')
    const { info } = await readCheckpoint(killed, 'last')
    expect(info.step).toBeGreaterThanOrEqual(20)
    const resumed = await whole({ device: 'js', data: short.data, resume: killed, steps: info.step + 5 })
    const uninterrupted = await whole({
      ...short,
      device: 'js',
      evalBatches: 1,
      steps: info.step + 5,
      evalInterval: 1000,
    })
    expectSameBits(resumed.weights, uninterrupted.weights)
  })
})

test('a resumed run can change its learning rate and its clipping, and records that', async () => {
  const out = folder.path('changed')
  const before = await whole({ ...decoder, device: 'js', steps: 4, learningRate: 0.01, out })
  expect(before.info.changes).toEqual([])
  const { data } = decoder
  const more = { data, device: 'js', resume: out, steps: 6 } as const
  const { info, events } = await whole({ ...more, learningRate: 0.001, gradientClip: 0.8 })
  const changes = [{ step: 4, option: 'learningRate', from: 0.01, to: 0.001 }]
  expect(info).toMatchObject({ training: { learningRate: 0.001 }, changes })
  expect(ofType(events, 'notice').map(({ message }) => String(message))).toEqual([
    'from step 4 on, `learningRate` is 0.001 instead of 0.01',
  ])
  const again = await whole({ ...more, steps: 8, gradientClip: Infinity })
  expect(again.info.changes).toEqual([...changes, { step: 6, option: 'gradientClip', from: 0.8, to: null }])
  expect((await readCheckpoint(out, 'last')).info.changes).toEqual(again.info.changes)
})

test('another kind of evaluation is not compared with the best loss', async () => {
  const out = folder.path('exact')
  await whole({ ...short, device: 'js', out })
  const resumed = await whole({
    data: short.data,
    device: 'js',
    resume: out,
    steps: 15,
    exactEvaluation: true,
  })
  const [first] = ofType(resumed.events, 'evaluation')
  expect(first).toMatchObject({ step: 15, best: true })
  expect(resumed.info.best).toEqual({
    step: 15,
    valLoss: first.exactValLoss,
    valBitsPerByte: first.exactValBitsPerByte,
  })
})

test('a resumed run keeps its precision unless another is given', async () => {
  const out = folder.path('precision')
  const { data } = decoder
  await whole({ ...decoder, device: 'js', steps: 2, out, precision: 'bf16' })
  const kept = await whole({ data, device: 'js', resume: out, steps: 3 })
  expect(kept.info).toMatchObject({ step: 3, training: { precision: 'bf16' } })
  const other = await whole({ data, device: 'js', resume: out, steps: 4, precision: 'f32' })
  expect(other.info).toMatchObject({ step: 4, training: { precision: 'f32' } })
})

describe('a notice on resuming', () => {
  /** Resumes a run on `device`, after changing its checkpoint. Returns the notices. */
  async function notices(name: string, device: 'cpu' | 'js', edit: (info: Record<string, never>) => void) {
    const out = folder.path(name)
    await whole({ ...short, device: 'js', steps: 1, evalInterval: 1, out })
    const path = join(out, files.last)
    const { metadata, tensors } = await readSafetensors(path)
    const info = { ...JSON.parse(metadata.nano_gpt), format: 2 }
    edit(info)
    const chunks = safetensorsChunks([...tensors.values()], { nano_gpt: JSON.stringify(info) })
    await writeFileAtomic(path, chunks)
    const { events } = await whole({ resume: out, device, data: short.data, steps: 2 })
    expect(events.findIndex(({ type }) => type === 'start')).toBe(ofType(events, 'notice').length)
    return ofType(events, 'notice').map(({ message }) => String(message))
  }
  const continues = (what: string) => [
    `the run continues with ${what}, so its results can differ from those of an uninterrupted run`,
  ]

  test('none if nothing has changed, or if it is unknown', async () => {
    expect(await notices('same', 'js', () => {})).toEqual([])
    const set = (info: object) =>
      Object.assign((info as { training: object }).training, { instructionSet: 'sse9' })
    expect(await notices('unknown', 'js', set)).toEqual([])
  })

  test('another version', async () => {
    const edit = (info: object) => Object.assign(info, { version: '0.0.1' })
    expect(await notices('version', 'js', edit)).toEqual(
      continues(`another version of nano-gpt (${version} instead of 0.0.1)`),
    )
  })

  onNative('of the native engine', () => {
    test('another device, another instruction set', async () => {
      expect(await notices('device', 'cpu', () => {})).toEqual(
        continues('another device (cpu instead of js)'),
      )
      const { instructionSet } = loadAddon().addon!.info()
      const edit = (info: object) =>
        Object.assign((info as { training: object }).training, { device: 'cpu', instructionSet: 'sse9' })
      expect(await notices('set', 'cpu', edit)).toEqual(
        continues(`another instruction set (${instructionSet} instead of sse9)`),
      )
      const { info } = await readCheckpoint(folder.path('set'), 'last')
      expect(info.instructionSet).toBe(instructionSet)
    })
  })
})
