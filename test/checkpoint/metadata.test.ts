// The metadata of checkpoints: both formats, fields that older files lack, and what is rejected.

import fc from 'fast-check'
import { decodeInfo, encodeInfo, type ModelInfo, untrained } from '../../lib/checkpoint/metadata'
import { NanoGptError } from '../../lib/errors'
import type { ModelConfig } from '../../lib/model/config'
import { presetNames } from '../../lib/presets'
import { checkTrainOptions, resolveNew } from '../../lib/train/resolve'

function infoOf(preset: string): ModelInfo {
  const { model, training, seed } = resolveNew(checkTrainOptions({ preset }))
  return {
    version: '0.1.0',
    model: { ...model, vocabSize: 65 } as ModelConfig,
    tokenizer: { type: 'char' },
    training,
    step: 7,
    seed: String(seed),
    data: { name: 'a', digest: 'ff', source: ['/a', '/b'], lineEndings: 'normalize' },
    device: 'cpu',
    best: { step: 5, valLoss: 2.5 },
    done: { evaluation: 5, sample: null },
    changes: [{ step: 4, option: 'learningRate', from: 0.1, to: 0.01 }],
  }
}

/** Metadata as version 0.1.0 wrote it, in a single object. */
function oldJson(change: (info: Record<string, never>) => void = () => {}): string {
  const { done: _, changes: __, data, ...info } = infoOf('speedrun')
  const old = JSON.parse(
    JSON.stringify({ format: 1, ...info, data: { name: data!.name, digest: 'ff', source: null } }),
  )
  for (const name of ['exactEvaluation', 'sampleInterval', 'sampleTokens', 'checkpointInterval'])
    delete old.training[name]
  change(old)
  return JSON.stringify(old)
}

const wrong = (json: string): NanoGptError => {
  try {
    decodeInfo('run/last.safetensors', json)
  } catch (error) {
    return error as NanoGptError
  }
  throw new Error('it was read')
}

test.each(presetNames)('%s is read back unchanged', (preset) => {
  const info = infoOf(preset)
  expect(decodeInfo('f', encodeInfo(info))).toEqual(info)
})

test('a model without training state', () => {
  const { version, model, tokenizer } = infoOf('gpt')
  const info: ModelInfo = { version, model, tokenizer, ...untrained }
  const json = encodeInfo(info)
  expect(JSON.parse(json).training).toBeNull()
  expect(decodeInfo('f', json)).toEqual(info)
})

test('format 1: missing fields get their old defaults', () => {
  const info = decodeInfo('f', oldJson())
  expect(info.training).toMatchObject({
    ...{ exactEvaluation: false, sampleInterval: 0, sampleTokens: 200 },
    checkpointInterval: info.training!.evalInterval,
  })
  expect(info.data).toEqual({ name: 'a', digest: 'ff', source: null, lineEndings: 'keep' })
  // What was due at its step counts as done.
  expect(info.done).toEqual({ evaluation: 7, sample: 7 })
})

test('format 1 from before optimizers and variants', () => {
  const older = [
    'optimizer',
    'momentum',
    'momentumWarmup',
    'nesterov',
    'matrixLearningRate',
    'schedule',
    'warmup',
    'finalLearningRateFraction',
  ]
  const json = oldJson((old: Record<string, Record<string, unknown>>) => {
    for (const name of [...older, 'decayFraction', 'precision', 'emaDecay']) delete old.training[name]
    for (const name of ['qkNorm', 'kvHeads', 'attentionDropout', 'positions']) delete old.model[name]
  })
  const { model, training } = decodeInfo('f', json)
  expect(training).toMatchObject({
    optimizer: 'adamw',
    momentum: 0,
    schedule: 'constant',
    warmup: 0,
    emaDecay: 0,
    precision: 'f32',
  })
  expect(model).toMatchObject({ qkNorm: false, kvHeads: 4, attentionDropout: 0.1, positions: 'learned' })
})

describe('damage is reported', () => {
  const cases: [what: string, path: string, value: unknown, message: RegExp][] = [
    ['no model', 'model', undefined, /model is missing: must be an object/],
    ['an unknown kind', 'model.kind', 'lstm', /model\.kind is "lstm": must be bigram or /],
    ['too many layers', 'model.layers', 100_000, /model\.layers is 100000: must be at most 1000/],
    ['heads that do not divide embed', 'model.heads', 3, /model\.heads is 3: it must divide/],
    ['an unknown field of the model', 'model.experts', 8, /model\.experts is 8: this version/],
    [
      'a batch size that is a string',
      'training.batchSize',
      'all',
      /training\.batchSize is "all": must be a number/,
    ],
    ['a negative step', 'step', -1, /step is -1: must be a whole number/],
  ]
  const put = (info: Record<string, unknown>, path: string, value: unknown) => {
    const keys = path.split('.')
    const parent = keys.slice(0, -1).reduce((object, key) => object[key] as Record<string, unknown>, info)
    parent[keys.at(-1)!] = value
  }
  test.each(cases)('%s', (_, path, value, message) => {
    const error = wrong(oldJson((info) => put(info, path, value)))
    expect(error.code).toBe('damaged_checkpoint')
    expect(error.message).toMatch(message)
    expect(error.message).toMatch(/^run\/last\.safetensors is damaged: /)
  })

  test('a newer format', () => {
    expect(wrong('{"format":9}').message).toMatch(
      /checkpoint format 9; this version of nano-gpt reads 1, 2, 3/,
    )
  })

  test('any JSON value in any field is either read or rejected with the code `checkpoint`', () => {
    const base = JSON.parse(encodeInfo(infoOf('speedrun')))
    const paths = Object.keys(base).flatMap((key) => [
      [key],
      ...Object.keys(typeof base[key] === 'object' ? base[key] : {}).map((inner) => [key, inner]),
    ])
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const changed = structuredClone(base)
        if (path.length === 1) changed[path[0]] = value
        else Object(changed[path[0]])[path[1]] = value
        try {
          decodeInfo('f', JSON.stringify(changed))
        } catch (error) {
          expect(error).toBeInstanceOf(NanoGptError)
          expect((error as NanoGptError).code).toMatch(/^(damaged_)?checkpoint$/)
        }
      }),
      { numRuns: 500 },
    )
  })
})
