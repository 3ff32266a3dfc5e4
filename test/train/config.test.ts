// config.json stores all options of a run. A run from this file gives the same bits.

import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { files } from '../../lib/checkpoint/folder'
import type { StoredOptions, TrainOptions } from '../../lib/options'
import { train } from '../../lib/train/train'
import { expectSameBits, sameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { expectFileAccess, pipeAt, testOnUnix } from '../support/hostile'
import { decoder, eventsOf, lossesOf, ofType, parametersOf, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const textFile = () => folder.path('some.txt')
beforeAll(() => writeFile(textFile(), someText()))

async function whole(options: TrainOptions) {
  const run = train(options)
  const events = await eventsOf(run)
  await using model = await run
  const [{ options: stored }] = ofType(events, 'start')
  return { stored, losses: lossesOf(events), weights: await parametersOf(model), info: model.info }
}

async function stored(path: string): Promise<StoredOptions> {
  return JSON.parse(await readFile(join(path, 'config.json'), 'utf8'))
}

onEveryDevice('a run from the config.json of another run', ({ name: device }) => {
  const variants: [name: string, options: TrainOptions][] = [
    ['a bigram of few options', { ...short }],
    [
      'a decoder of many',
      { ...decoder, beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.2, checkpointInterval: 3 },
    ],
    ['a single head with a seed of 64 bits', { ...short, preset: 'single-head', seed: 2n ** 64n - 3n }],
  ]
  test.each(variants)('%s: gives the same losses and weights', async (name, options) => {
    const out = folder.path(`${device}-${name}`)
    const first = await whole({ ...options, data: textFile(), device, out })
    expect(await stored(out)).toEqual(first.stored)
    const again = folder.path(`${device}-${name}-again`)
    const second = await whole({ config: out, out: again })
    expect(second.losses).toEqual(first.losses)
    expectSameBits(second.weights, first.weights)
    expect(second.info).toEqual(first.info)
    // Its own config.json is identical.
    expect(await readFile(join(again, 'config.json'))).toEqual(await readFile(join(out, 'config.json')))
    // An option beside the file overrides it: the first loss is the same, the weights are not.
    const third = await whole({ config: join(again, 'config.json'), learningRate: 0.5 })
    expect(third.losses[0]).toBe(first.losses[0])
    const [path] = Object.keys(first.weights)
    expect(sameBits(third.weights[path], first.weights[path])).toBe(false)
  })

  test('reproduces a run that started with `from`', async () => {
    const [base, out] = [folder.path(`${device}-base`), folder.path(`${device}-from`)]
    await whole({ ...decoder, data: textFile(), device, out: base })
    // No clipping, although the checkpoint was trained with clipping.
    const first = await whole({ from: base, device, gradientClip: Infinity, steps: 4, seed: 3, out })
    expect(await stored(out)).toMatchObject({
      from: base,
      dropout: 0.2,
      data: textFile(),
      gradientClip: null,
    })
    expect(Object.keys(await stored(out))).not.toContain('preset')
    const second = await whole({ config: out, out: folder.path(`${device}-from-again`) })
    expect(second.losses).toEqual(first.losses)
    expectSameBits(second.weights, first.weights)
    // With `from` beside a file that has sizes, the sizes are those of the model in `from`.
    const third = await whole({ config: base, from: out, steps: 1 })
    expect(third.info.model).toEqual(first.info.model)
    expect(third.info.training!.gradientClip).toBe(0.8)
  })
})

test('the file has every option with its value, flat', async () => {
  const out = folder.path('explicit')
  const { stored: said } = await whole({
    ...short,
    preset: 'cpu',
    layers: 1,
    embed: 16,
    data: textFile(),
    device: 'js',
    steps: 1,
    threads: 1,
    out,
  })
  expect(await readFile(join(out, 'config.json'), 'utf8')).toBe(`${JSON.stringify(said, null, 2)}\n`)
  // Options that were not given have their defaults.
  expect(said).toMatchObject({
    ...{ preset: 'gpt', blockSize: 64, embed: 16, heads: 4, layers: 1, dropout: 0 },
    ...{
      positions: 'learned',
      norm: 'layer',
      normAffine: true,
      activation: 'gelu',
      qkNorm: false,
      kvHeads: 4,
    },
    ...{ tiedEmbeddings: true, logitSoftcap: 0, bias: false, embeddingNorm: false },
    ...{ attentionDropout: 0, embeddingDropout: 0, init: 'gpt2' },
    precision: 'f32',
    data: textFile(),
    ...{
      steps: 1,
      batchSize: 4,
      gradientAccumulationSteps: 1,
      learningRate: 0.001,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
    },
    ...{
      weightDecay: 0.1,
      gradientClip: 1,
      ...{ optimizer: 'adamw', schedule: 'cosine', warmup: 100, finalLearningRateFraction: 0.1, emaDecay: 0 },
      evalInterval: 5,
      evalBatches: 2,
      sampleInterval: 0,
      ...{ sampleTokens: 200, exactEvaluation: false, checkpointInterval: 5 },
      ...{ lineEndings: 'normalize', tokenizer: 'char' },
    },
    ...{ seed: 7, device: 'js' },
  })
  expect((await readdir(out)).sort()).toEqual(
    [files.best, 'config.json', files.last, 'metrics.jsonl', 'plan.json', 'report.html'].sort(),
  )
})

test('given intervals and the instruction set are stored; a large seed is a string', async () => {
  const out = folder.path('given')
  const given = { checkpointInterval: 2, sampleInterval: 5, sampleTokens: 3, gradientClip: 2 }
  await whole({
    ...short,
    ...given,
    data: textFile(),
    device: 'js',
    instructionSet: 'portable',
    seed: 2n ** 53n,
    out,
  })
  expect(await stored(out)).toMatchObject({ ...given, instructionSet: 'portable', seed: '9007199254740992' })
})

test('the file is written at the start, and resuming does not change it', async () => {
  const out = folder.path('start')
  const run = train({
    ...short,
    data: textFile(),
    device: 'js',
    steps: 1_000_000,
    evalInterval: 1_000_000,
    out,
  })
  for await (const event of run) {
    if (event.type !== 'start') continue
    expect(await readdir(out)).toContain('config.json')
    run.stop()
  }
  await (await run).dispose()
  const before = await readFile(join(out, 'config.json'))
  const { info, stored: resumed } = await whole({
    resume: out,
    device: 'js',
    evalInterval: 3,
    steps: 5 + (await run).info.step,
  })
  expect(info.training!.evalInterval).toBe(3)
  expect(resumed).toMatchObject({ evalInterval: 3, preset: 'bigram', data: textFile() })
  expect(await readFile(join(out, 'config.json'))).toEqual(before)
})

test('a text given as a string is stored beside the file, so the folder can be moved', async () => {
  const out = folder.path('text')
  const first = await whole({ ...short, device: 'js', out })
  expect(await stored(out)).toMatchObject({ data: 'text.txt' })
  const moved = folder.path('moved')
  await cp(out, moved, { recursive: true })
  expectSameBits((await whole({ config: moved })).weights, first.weights)
  const { data: _, ...rest } = await stored(out)
  await writeFile(folder.path('no-text.json'), JSON.stringify(rest))
  expect(await failureOf(() => train({ config: folder.path('no-text.json') }))).toMatchObject({
    code: 'data',
    message: expect.stringMatching(/no-text\.json: it names no text, .*\. Give it as `data`$/),
  })
  expectSameBits((await whole({ config: out, data: short.data })).weights, first.weights)
})

test('given options override the file, undefined ones do not; the file may set `threads`', async () => {
  const file = folder.path('own.json')
  await writeFile(
    file,
    `\uFEFF${JSON.stringify({ preset: 'bigram', data: textFile(), steps: 3, seed: '5', threads: 1, batchSize: 2, device: 'js' })}`,
  )
  const { stored: said } = await whole({ config: file, steps: 2, batchSize: undefined, evalBatches: 1 })
  expect(said).toMatchObject({
    preset: 'bigram',
    steps: 2,
    batchSize: 2,
    seed: 5,
    evalBatches: 1,
    device: 'js',
  })
  expect(said).not.toHaveProperty('threads')
})

describe('errors in a file', () => {
  const refused = async (contents: string | object, beside: TrainOptions = {}) => {
    const file = folder.path('wrong.json')
    await writeFile(file, typeof contents === 'string' ? contents : JSON.stringify(contents))
    const error = await failureOf(() => train({ device: 'js', data: short.data, config: file, ...beside }))
    expect(error.message).toContain(file)
    return { code: error.code, message: error.message.replace(file, 'FILE').replace(file, 'FILE') }
  }

  test.each<[object, string | RegExp]>([
    [{ batchsize: 4 }, 'FILE: there is no option batchsize. Did you mean `batchSize`?'],
    [{ lr: 4 }, /^FILE: there is no option lr. Did you mean `learningRate`\?$/],
    [{ batchSize: 0 }, 'FILE: batchSize is 0: must be at least 1'],
    [{ batchSize: '4' }, 'FILE: batchSize is "4": must be a number'],
    [{ batchSize: null }, /^FILE: batchSize is null: must be a number/],
    [{ learningRate: -1 }, 'FILE: learningRate is -1: must be more than 0'],
    [{ gradientClip: 0 }, 'FILE: gradientClip is 0: must be more than 0'],
    [{ dropout: 1 }, 'FILE: dropout is 1: must be less than 1'],
    [{ data: { text: 'x' } }, 'FILE: data is an object: must be a corpus name or a path'],
    [{ seed: '1e3' }, /^FILE: seed is "1e3": must be a whole number .* or a string of digits/],
    [{ seed: String(2n ** 64n) }, /^FILE: seed is "18446744073709551616"/],
    [{ seed: -1 }, /^FILE: seed is -1/],
    [
      { out: 'runs/a' },
      'FILE: out cannot be set in a config file. Remove it from the file, and give `out` in the call',
    ],
    [{ resume: 'runs/a' }, /^FILE: resume cannot be set in a config file/],
    [{ signal: null }, /^FILE: signal cannot be set/],
    [
      { config: 'b.json' },
      /^FILE: config cannot be set in a config file\. Copy the options of that file into this one/,
    ],
    [{ from: 'runs/a', heads: 2 }, /^FILE: heads is 2: the weights of `from` fit no other model/],
    [{ constructor: 1 }, /^FILE: there is no option constructor/],
    [[1], 'FILE: the options must be an object, not an array'],
  ])('%j', async (contents, message) => {
    const error = await refused(contents)
    expect(error.code).toBe('config')
    if (typeof message === 'string') expect(error.message).toBe(message)
    else expect(error.message).toMatch(message)
  })

  test('keys that JSON.parse would pass over', async () => {
    expect((await refused('{"steps":5,"layers":1,"steps":6}')).message).toMatch(
      /it is not valid JSON \(the name "steps" appears twice\)/,
    )
    expect((await refused('{"__proto__":{"steps":5}}')).message).toMatch(
      /^FILE: there is no option __proto__\. The options are/,
    )
    expect((await refused('{"constructor":5}')).message).toMatch(/there is no option constructor/)
    expect((await refused('{"steps":{"__proto__":{"valueOf":1}}}')).message).toMatch(/steps is an object/)
  })

  test('a key that is long, or would act on a terminal', async () => {
    const { message } = await refused({ [`\u001b[2J${'x'.repeat(1e5)}`]: 1 })
    expect(message).toMatch(/^FILE: there is no option "\\u001b\[2Jx{196}…"/)
  })

  test('a file that is too long, or nests too deep', async () => {
    expect((await refused('['.repeat(1e6))).message).toMatch(/it nests deeper than 16 levels/)
    const long = await refused(`{"data":"${'x'.repeat(1 << 20)}"}`)
    expect(long).toMatchObject({
      code: 'read_failed',
      message: expect.stringMatching(/FILE: it has more than 1048576 bytes/),
    })
  })

  testOnUnix('a pipe, alone or in a folder', async () => {
    await mkdir(folder.path('pipe'))
    const pipe = pipeAt(folder.path('pipe', 'config.json'))
    for (const config of [pipe, folder.path('pipe')]) {
      const error = await failureOf(() => train({ device: 'js', data: short.data, config }))
      expect(error).toMatchObject({ code: 'read_failed', reason: 'it is a pipe, not a file' })
    }
    const out = folder.path('pipe')
    expect((await failureOf(() => train({ ...short, device: 'js', out }))).code).toBe('foreign_files')
    await expectFileAccess()
  })

  test.each(['', '{', '{"steps": 5,}', 'steps: 5'])('invalid JSON: %j', async (contents) => {
    const error = await refused(contents)
    expect(error.code).toBe('config')
    expect(error.message).toMatch(
      /^FILE: it is not valid JSON \(.+\)\. Correct the file; `config` takes a run folder or a JSON file/,
    )
  })

  test.each(['null', '7', '"runs/a"'])('JSON that is not an object: %s', async (contents) => {
    expect((await refused(contents)).message).toMatch(/^FILE: the options must be an object, not /)
  })

  test('an error found only in the merged options also names the file', async () => {
    expect((await refused({ preset: 'decodre' })).message).toMatch(
      /Did you mean `preset: 'decoder'`\? \(options that were not given come from FILE\)$/,
    )
    expect((await refused({ heads: 5 }, { embed: 12 })).message).toMatch(
      /heads is 5: it must divide `embed`.*FILE/,
    )
    expect((await refused({ from: folder.path('nowhere') })).message).toMatch(
      /no checkpoint at .*nowhere.*FILE/,
    )
    expect((await refused({ from: 'runs/a' }, { layers: 2 })).message).toMatch(/^train: layers is 2: .*FILE/)
    expect((await refused({ device: 'abacus' }, { device: undefined })).message).toMatch(
      /device is "abacus": there is no such device.*FILE/,
    )
    expect((await refused({ data: 'no.txt' }, { data: undefined })).message).toMatch(/data is "no.txt".*FILE/)
    expect((await refused({ blockSize: 5000 })).message).toMatch(/too short for `blockSize: 5000`.*FILE/)
  })

  test('no such file, a folder without config.json, and a file that is not UTF-8', async () => {
    const wrong = (config: string) => failureOf(() => train({ ...short, device: 'js', config }))
    expect(await wrong(folder.path('nowhere'))).toMatchObject({
      code: 'file_not_found',
      message: `train: config is "${folder.path('nowhere')}": there is no such file or folder. Give a run folder or a JSON file`,
    })
    await mkdir(folder.path('bare'))
    expect(await wrong(folder.path('bare'))).toMatchObject({
      code: 'file_not_found',
      message: expect.stringMatching(
        /^train: config is ".*bare": the folder contains no config.json. Give a run folder \(the `out` of a run\) or/,
      ),
    })
    await writeFile(folder.path('latin.json'), Buffer.from([0x7b, 0xe9, 0x7d]))
    expect((await wrong(folder.path('latin.json'))).message).toMatch(/latin\.json: not valid UTF-8 at byte 1/)
  })

  test('`config` with `resume`, and a `config` that is not a path', async () => {
    const error = await failureOf(() => train({ config: 'a', resume: 'b' }))
    expect(error).toMatchObject({
      code: 'option',
      message: 'train: config is "a": `resume` continues a run as it was. Leave one of them out',
    })
    expect((await failureOf(() => train({ config: 7 } as never))).message).toMatch(
      /^train: config is 7: must be a path/,
    )
  })
})
