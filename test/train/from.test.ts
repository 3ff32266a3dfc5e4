// train({ from }): a new run with the weights of another run, on the same text or a new one.

import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { load } from '../../lib/api/model'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { files } from '../../lib/checkpoint/folder'
import type { TrainOptions } from '../../lib/options'
import { train } from '../../lib/train/train'
import { expectSameBits, sameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import {
  decoder,
  eventsOf,
  lossesOf,
  ofType,
  parametersOf,
  short,
  temporaryFolder,
  unusedTraining,
} from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const { data } = short

/** A second text that uses only characters of the first. */
const other = someText(2000, 'other')

onEveryDevice('a run from the weights of another run', ({ name: device }) => {
  const first = () => folder.path(`first-${device}`)
  beforeAll(async () => {
    // A folder whose best checkpoint differs from its last one.
    await mkdir(first())
    for (const [file, steps] of [
      [files.best, 4],
      [files.last, 6],
    ] as const) {
      const out = folder.path(`${device}-${steps}`)
      await (await train({ ...decoder, device, steps, out })).dispose()
      await copyFile(`${out}/${files.last}`, `${first()}/${file}`)
    }
  })

  test('starts at step 0 with the best weights, a new optimizer state and the same training options', async () => {
    const out = folder.path(`second-${device}`)
    const run = train({ from: first(), data, device, steps: 3, out })
    const events = await eventsOf(run)
    await using model = await run
    const { info } = await readCheckpoint(first(), 'best')
    expect(events[0]).toMatchObject({ type: 'start', step: 0, steps: 3, config: { seed: '1337' } })
    expect(events[0]).toMatchObject({ config: { model: info.model } })
    expect(model.info.training).toEqual({ ...info.training, steps: 3 })
    expect(model.info).toMatchObject({ step: 3, tokenizer: info.tokenizer })
    await using best = await load(first(), { device })
    // With a learning rate of almost 0, training keeps the loaded weights.
    const again = train({ from: `${first()}/${files.best}`, data, device, steps: 3, learningRate: 1e-30 })
    await using same = await again
    expectSameBits(await parametersOf(same), await parametersOf(best))
    const { tensors } = await readCheckpoint(out, 'last')
    const { tensors: before } = await readCheckpoint(first(), 'best')
    expect([...tensors.keys()].sort()).toEqual([...before.keys()].sort())
  })

  test('depends only on the seed and the weights', async () => {
    const weightsOnly = folder.path(`weights-${device}.safetensors`)
    await using best = await load(first(), { device })
    await best.save(weightsOnly)
    const trained = async (options: TrainOptions) => {
      const run = train({ from: first(), data, device, steps: 4, ...options })
      const losses = lossesOf(await eventsOf(run))
      await using model = await run
      return { losses, weights: await parametersOf(model) }
    }
    const one = await trained({ seed: 5 })
    const two = await trained({ seed: 5, from: weightsOnly })
    const three = await trained({ seed: 6 })
    expect(two.losses).toEqual(one.losses)
    expectSameBits(two.weights, one.weights)
    expect(three.losses).not.toEqual(one.losses)
  })

  test('trains on another text, and given options, including `dropout`, override the stored ones', async () => {
    const changes = {
      ...{
        dropout: 0,
        batchSize: 5,
        gradientAccumulationSteps: 1,
        learningRate: 0.001,
        beta1: 0.8,
        beta2: 0.98,
        epsilon: 1e-7,
      },
      ...{ weightDecay: 0.1, evalInterval: 3, evalBatches: 1, steps: 6, precision: 'f32' as const },
    }
    const run = train({ from: first(), data: { text: other }, device, ...changes, gradientClip: Infinity })
    const events = await eventsOf(run)
    await using model = await run
    const { dropout, ...training } = changes
    expect(model.info.training).toEqual({
      ...unusedTraining,
      ...{ ...training, gradientClip: null },

      checkpointInterval: 3,
    })
    expect(model.config).toMatchObject({ dropout, blockSize: 11, embed: 15, heads: 3, layers: 2 })
    expect(ofType(events, 'evaluation').map(({ step }) => step)).toEqual([0, 3, 6])
    expect(model.info.best!.step).toBeLessThanOrEqual(6)
    const [start] = ofType(events, 'start')
    expect(start.trainTokens + start.validationTokens).toBe(other.length)
  })

  test('can be interrupted and resumed', async () => {
    const options = { from: first(), data, device, seed: 3 }
    const [whole, parts] = [folder.path(`whole-${device}`), folder.path(`parts-${device}`)]
    await using uninterrupted = await train({ ...options, steps: 6, out: whole })
    await (await train({ ...options, steps: 2, out: parts })).dispose()
    await using resumed = await train({ resume: parts, data, device, steps: 6 })
    expectSameBits(await parametersOf(resumed), await parametersOf(uninterrupted))
    await using begun = await load(first(), { device })
    const [a, b] = [await parametersOf(begun), await parametersOf(resumed)]
    expect(sameBits(a['head.weight'], b['head.weight'])).toBe(false)
  })
})

describe('from', () => {
  const first = () => folder.path('first')
  beforeAll(async () => {
    await (await train({ ...short, device: 'js', out: first() })).dispose()
  })
  const refused = (options: TrainOptions) =>
    failureOf(() => train({ device: 'js', data, from: first(), ...options }))

  test.each([
    { preset: 'bigram' },
    { positions: 'rope' as const },
    { embed: 32 },
    { heads: 1 },
    { layers: 1 },
  ])('%p with `from` is rejected', async (given) => {
    const [[name, value]] = Object.entries(given)
    expect(await refused(given)).toMatchObject({
      code: 'option',
      message:
        `train: ${name} is ${JSON.stringify(value)}: the weights of \`from\` fit no other model. ` +
        'Leave it out, or leave `from` out to start a new model',
    })
  })

  test('`resume` with `from` is rejected', async () => {
    expect(await refused({ resume: first() })).toMatchObject({
      code: 'option',
      message: expect.stringMatching(
        /^train: from is ".*": `resume` continues a run as it was\. Leave one of them out$/,
      ),
    })
  })

  test('a text with an unknown character: the error has the character, its position and a remedy', async () => {
    const error = await refused({ data: { text: `${someText(500)}\nThe dög. ${someText(500)}` } })
    expect(error.code).toBe('unknown_character')
    expect(error.message).toMatch(
      /^the character "ö" \(U\+00F6\) at position 506 \(line \d+, column 6\) is not in the vocabulary \(size \d+\)/,
    )
    expect(error.message).toContain(`The vocabulary is that of ${first()}`)
    expect(error.message).toMatch(
      /Train on a text without this character, or leave `from` out to start a new model, with `tokenizer: 'byte'` for any text$/,
    )
  })

  test('a text too short for the block size: a smaller one is accepted', async () => {
    const text = { text: someText(50) }
    const { message } = await refused({ data: text })
    expect(message).toMatch(/too short for `blockSize: 8`: .*or a `blockSize` of at most 4$/)
    await using model = await train({ from: first(), data: text, blockSize: 4, device: 'js', steps: 1 })
    expect(model.config.blockSize).toBe(4)
    expect((await refused({ blockSize: 9 })).message).toMatch(
      /^blockSize is 9: the model in .* has 8 positions\. Give at most 8$/,
    )
  })

  test('with a smaller block size, the weights are the first positions', async () => {
    const files = folder.path('decoder')
    const sizes = { preset: 'decoder', layers: 1, embed: 8, heads: 2, blockSize: 8 } as const
    await using whole = await train({ ...short, ...sizes, device: 'js', out: files })
    await using part = await load(files, { checkpoint: 'last', blockSize: 3, device: 'js' })
    const [a, b] = [await parametersOf(whole), await parametersOf(part)]
    const table = 'positionEmbedding.weight'
    expectSameBits({ [table]: b[table] }, { [table]: a[table].subarray(0, 3 * 8) })
    expectSameBits({ ...b, [table]: a[table] }, a)
  })

  test('the default text is that of the checkpoint; a text given as a string is read from its folder', async () => {
    await using same = await train({ from: first(), device: 'js', steps: 1 })
    expect(same.info.data).toMatchObject({ name: 'text', source: null })
    await rm(folder.path('first', 'text.txt'))
    expect(await refused({ data: undefined })).toMatchObject({ code: 'data_not_found' })
    const path = folder.path('text.txt')
    await writeFile(path, other)
    const out = folder.path('from-file')
    await (await train({ ...short, device: 'js', data: path, out })).dispose()
    await using model = await train({ from: out, device: 'js', steps: 1 })
    expect(model.info.data).toMatchObject({ name: 'text.txt', source: path })
  })

  test('the text of the checkpoint must be the same as then, or another program could name any file', async () => {
    const out = folder.path('changed')
    const file = folder.path('changed.txt')
    await writeFile(file, someText())
    await (await train({ ...short, data: file, device: 'js', steps: 1, out })).dispose()
    await writeFile(file, other)
    const error = await failureOf(() => train({ from: out, device: 'js', steps: 1 }))
    expect(error.code).toBe('data')
    expect(error.message).toMatch(
      /it was trained on another text \(changed.txt, sha256 \w{12}…\) than changed.txt .*\. Give the text to train on as `data`$/,
    )
    await (await train({ from: out, data: file, device: 'js', steps: 1 })).dispose()
  })

  test('no such path, no checkpoint, the folder of `from` as `out`, and a `from` that is not a path', async () => {
    expect((await refused({ from: folder.path('nowhere') })).code).toBe('file_not_found')
    expect((await refused({ from: folder.path() })).message).toMatch(/contains no checkpoint/)
    expect((await refused({ out: first() })).code).toBe('run_exists')
    expect((await refused({ from: 7 } as never)).message).toMatch(/^train: from is 7: must be a path/)
  })
})

describe('a folder that contains a run', () => {
  test.each(Object.values(files))(
    '%s alone: rejected and not replaced; the error lists the alternatives',
    async (file) => {
      const base = folder.path(`base-${file}`)
      await (await train({ ...short, device: 'js', steps: 10, out: base })).dispose()
      const out = folder.path(`taken-${file}`)
      const copy = `${out}/${file}`
      await mkdir(out)
      await copyFile(`${base}/${file}`, copy)
      const run = train({ ...short, device: 'js', out })
      await expect(eventsOf(run)).rejects.toMatchObject({
        code: 'run_exists',
        message:
          `train: out is ${JSON.stringify(out)}: it already contains a run. Give another folder, ` +
          `replace it with \`overwrite: true\`, or continue it: train({ resume: '${out}' })`,
      })
      expect((await readCheckpoint(copy)).info.step).toBeGreaterThan(0)
    },
  )

  test('the check comes before the text is loaded, and applies to runs resumed from elsewhere', async () => {
    const [one, two] = [folder.path('one'), folder.path('two')]
    for (const out of [one, two]) await (await train({ ...short, device: 'js', steps: 2, out })).dispose()
    const refused = (options: TrainOptions) => failureOf(() => train({ device: 'js', ...options }))
    expect((await refused({ data: 'no such text', out: one })).code).toBe('run_exists')
    expect((await refused({ data, resume: two, steps: 3, out: one })).code).toBe('run_exists')
    // `out` may be the resumed folder, however its path is written.
    for (const [steps, resume] of [
      [3, one],
      [4, `${one}/${files.last}`],
    ] as const) {
      await (
        await train({ device: 'js', data, resume, steps, out: folder.path('two', '..', 'one') })
      ).dispose()
    }
    expect((await readCheckpoint(one, 'last')).info.step).toBe(4)
    expect((await refused({ data, resume: folder.path('gone'), out: one })).code).toBe('file_not_found')
  })

  test('a file instead of a folder is rejected', async () => {
    const out = folder.path('a-file')
    await writeFile(out, 'a file')
    expect(await failureOf(() => train({ ...short, device: 'js', out }))).toMatchObject({
      code: 'write_failed',
      message: expect.stringContaining(
        `out is ${JSON.stringify(out)}: it is a file, but a run needs a folder`,
      ),
    })
  })
})

test('an inherited warm-up that is longer than the run is announced', async () => {
  const base = folder.path('warm')
  await (await train({ ...decoder, device: 'js', steps: 6, warmup: 6, out: base })).dispose()
  const noticesOf = async (options: TrainOptions) => {
    const run = train({ from: base, data, device: 'js', ...options })
    const events = await eventsOf(run)
    await (await run).dispose()
    return ofType(events, 'notice').map(({ message }) => String(message))
  }
  expect(await noticesOf({ steps: 3 })).toEqual([
    expect.stringMatching(
      /^the warm-up is that of .*warm.*, 6 steps, so .* in a run of 3\. `warmup: 0` avoids this$/,
    ),
  ])
  expect(await noticesOf({ steps: 3, warmup: 0 })).toEqual([])
  expect(await noticesOf({ steps: 6 })).toEqual([])
})
