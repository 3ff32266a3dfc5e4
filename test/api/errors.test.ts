// Common mistakes: each error names what is wrong and its value, and says what to do.

import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import * as nano from '../../lib'
import { failureOf } from '../support/errors'
import { short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()
const device = 'js'
const out = () => folder.path('run')
let model: nano.Model

beforeAll(async () => {
  model = await nano.train({ ...short, device, out: out() })
  await mkdir(folder.path('empty'))
})
afterAll(() => model.dispose())

async function file(name: string, contents: string | Uint8Array): Promise<string> {
  await writeFile(folder.path(name), contents)
  return folder.path(name)
}

/** The first half of a checkpoint. */
async function truncated(name: string): Promise<string> {
  const bytes = await readFile(`${out()}/last.safetensors`)
  return file(name, bytes.subarray(0, bytes.length / 2))
}

const train = (options: nano.TrainOptions) => nano.train({ ...short, device, ...options })

const mistakes: [
  what: string,
  work: () => Promise<unknown> | PromiseLike<unknown>,
  code: string,
  message: RegExp,
][] = [
  [
    'a prompt with a character outside the vocabulary',
    () => model.generate({ prompt: 'The cät' }),
    'unknown_character',
    /^the character "ä" \(U\+00E4\) at position 5 is not in the vocabulary \(size \d+\)\. Leave it out, or train on /,
  ],
  [
    'loss() of several lines with a character outside the vocabulary',
    () => model.loss('The cat\nsat\n\t'),
    'unknown_character',
    /^the character U\+0009 at position 12 \(line 3, column 1\) is not in the vocabulary \(size \d+\)\. Leave it out, or train on /,
  ],
  [
    'training further on a text with a character outside the vocabulary',
    () => nano.train({ from: out(), data: { text: `${someText()}é` }, device }),
    'unknown_character',
    /"é" \(U\+00E9\) at position 3000 .*run[\\/]best.safetensors\. Train on a text without this character, or leave `from` out/,
  ],
  [
    'an empty text',
    () => train({ data: { text: '' } }),
    'empty_text',
    /^data: the text is empty\. Give a text to train on$/,
  ],
  [
    'an empty file',
    async () => train({ data: await file('empty.txt', '') }),
    'empty_text',
    /empty\.txt": the text is empty\. Give a text to train on$/,
  ],
  [
    'a text shorter than a block',
    () => train({ data: { text: someText(50) } }),
    'data_too_short',
    /too short for `blockSize: 8`: its 50 tokens .*\. Use a text of at least 81 tokens, or a `blockSize` of at most 4$/,
  ],
  [
    'loss() of one token',
    () => model.loss('a'),
    'data_too_short',
    /^loss: text is "a": it has too few tokens, 1\. Give at least 2/,
  ],
  [
    'a file that is not UTF-8',
    async () => train({ data: await file('latin.txt', Buffer.from(`${someText(200)}\xe9!`, 'latin1')) }),
    'not_utf8',
    /latin\.txt": not valid UTF-8 at byte 200 \(0xE9\)\. Save it as UTF-8/,
  ],
  [
    'a folder as the text',
    () => train({ data: folder.path('empty') }),
    'data_is_folder',
    /^data is ".*empty": a folder without text files\. Name a text file, several, or a folder that contains some$/,
  ],
  [
    'a text that does not exist',
    () => train({ data: 'shakespear' }),
    'data_not_found',
    /^data is "shakespear": neither a corpus nor an existing file .*Did you mean "shakespeare"\?/,
  ],
  [
    'load() of a folder without a checkpoint',
    () => nano.load(folder.path('empty')),
    'file_not_found',
    /^the folder .*empty contains no checkpoint \(last\.safetensors\)\. Give a run folder, the `out` of a run$/,
  ],
  [
    'a model that does not exist',
    () => nano.generate({ model: folder.path('nowhere') }),
    'file_not_found',
    /^there is no checkpoint at .*nowhere\. Give a run folder or a \.safetensors file$/,
  ],
  [
    'a text file as the model',
    async () => nano.load(await file('notes.txt', 'these are notes, and long enough for a header')),
    'safetensors',
    /notes\.txt: .*another kind of file\. A checkpoint is a run folder .*or a \.safetensors file$/,
  ],
  [
    'a truncated checkpoint',
    async () => nano.load(await truncated('cut.safetensors')),
    'safetensors',
    /cut\.safetensors: .* it is cut off\. If it was a checkpoint, copy it again .*, or use another checkpoint of its run$/,
  ],
  [
    'resuming from a truncated checkpoint',
    async () => nano.train({ resume: await truncated('cut.safetensors'), device }),
    'safetensors',
    /cut\.safetensors: .* it is cut off\./,
  ],
  [
    'resuming with another text',
    () => nano.train({ resume: out(), data: { text: someText(2000) }, device }),
    'data',
    /run[\\/]last\.safetensors: it was trained on another text \(text, sha256 .*Give its original text as `data`, or start a new run from its weights with `from` instead of `resume`$/,
  ],
  [
    'resuming from weights alone',
    async () => {
      await model.save(folder.path('weights.safetensors'))
      return nano.train({ resume: folder.path('weights.safetensors'), data: short.data, device })
    },
    'checkpoint',
    /weights\.safetensors: adamw\/m\/.* is missing: .*Start a new run from its weights: give `from` instead of `resume`$/,
  ],
  [
    'a folder that already contains a run',
    () => train({ out: out() }),
    'run_exists',
    /^train: out is ".*run": it already contains a run\. Give another folder, replace it with `overwrite: true`, or continue it: train\(\{ resume: '.*run' \}\)$/,
  ],
]

test.each(mistakes)('%s', async (_, work, code, message) => {
  const error = await failureOf(work)
  expect(error.code).toBe(code)
  expect(error.message).toMatch(message)
})

test('load() of a folder takes the best checkpoint by validation loss, or the last', async () => {
  const both = folder.path('both')
  await mkdir(both)
  const other = folder.path('longer')
  await using last = await train({ steps: 13, out: other })
  await copyFile(`${out()}/best.safetensors`, `${both}/best.safetensors`)
  await copyFile(`${other}/last.safetensors`, `${both}/last.safetensors`)
  const weights = async (from: nano.Model) =>
    [...(await from.parameters()).values()].map(({ data }) => [...data])
  await using best = await nano.load(both, { device })
  await using named = await nano.load(both, { device, checkpoint: 'last' })
  await using file = await nano.load(`${out()}/best.safetensors`, { device })
  expect(best.info.step).toBe(model.info.best!.step)
  expect(await weights(best)).toEqual(await weights(file))
  expect(named.info.step).toBe(13)
  expect(await weights(named)).toEqual(await weights(last))
})

test('an aborted AbortSignal rejects train, generate and loss with its reason', async () => {
  const signal = AbortSignal.abort(new Error('closing time'))
  const saved = folder.path('never')
  await expect(train({ signal, out: saved })).rejects.toThrow('closing time')
  await expect(readFile(`${saved}/config.json`)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(model.generate({ signal })).rejects.toThrow('closing time')
  await expect(model.loss('The cat', { signal })).rejects.toThrow('closing time')
  await expect(model.loss('The cat', { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  })
})
