// Files that once crashed or blocked a reader, or that try to. scripts/ci/hostile reads mutations of
// them, and of others.

import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluate, load, plan } from '../../lib'
import { loadText } from '../../lib/data/corpus'
import { tokenizerFromJSON } from '../../lib/tokenizer'
import { failureOf, hasControls } from '../support/errors'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const committed = join(__dirname, '..', 'fixtures', 'hostile')
const text = 'the quick brown fox jumps over the lazy dog.\r\n'.repeat(40)
const device = 'js'

/** The code of the error of all calls, or of each call that fails. */
const expected: Record<string, string | Record<string, string>> = {
  'checkpoint-batch': { resume: 'out_of_memory', 'resume with its text': 'data', from: 'out_of_memory' },
  'checkpoint-deep': 'damaged_checkpoint',
  'checkpoint-device-as-text': { 'resume with its text': 'data' },
  'checkpoint-dimensions': 'safetensors',
  'checkpoint-foreign': 'checkpoint',
  'checkpoint-layers': 'damaged_checkpoint',
  'checkpoint-name-acts-on-terminal': {
    ...{ load: 'checkpoint', 'resume with its text': 'data', evaluate: 'checkpoint' },
  },
  'checkpoint-not-finite': { load: 'non_finite', 'resume with its text': 'data', evaluate: 'non_finite' },
  'checkpoint-option-acts-on-terminal': 'damaged_checkpoint',
  'checkpoint-pipe-as-text': { 'resume with its text': 'data' },
  'checkpoint-polluting': { 'resume with its text': 'data' },
  'checkpoint-seed': 'damaged_checkpoint',
  'checkpoint-twice': 'safetensors',
  'checkpoint-vocabulary': 'damaged_checkpoint',
  'config-acts-on-terminal': 'config',
  'config-deep': 'config',
  'config-huge-sizes': 'out_of_memory',
  'config-pipe': {},
  'config-polluting': 'config',
  'config-twice': 'config',
  'text-cut-utf16': 'not_utf16',
  'text-zeros': 'not_text',
  'tokenizer-polluting': 'tokenizer',
  'tokenizer-surrogate': 'tokenizer',
  'tokenizer-unsorted': 'tokenizer',
}

/** The calls that read a file of each kind. */
const calls: Record<string, Record<string, (path: string) => Promise<unknown>>> = {
  checkpoint: {
    async load(path) {
      await using model = await load(path, { device })
      return await model.generate({ prompt: 'the', maxTokens: 1 })
    },
    resume: (path) => plan({ resume: path, data: { text }, device }),
    'resume with its text': (path) => plan({ resume: path, device }),
    from: (path) => plan({ from: path, data: { text }, device }),
    evaluate: (path) => evaluate({ model: path, device, data: { text } }),
  },
  config: { plan: (path) => plan({ config: path, data: { text }, device }) },
  tokenizer: { read: async (path) => tokenizerFromJSON(JSON.parse(readFileSync(path, 'utf8'))) },
  text: { read: (path) => loadText(path) },
}

test.each(readdirSync(committed))('%s', async (name) => {
  // A checkpoint is alone in a folder, so that no other run is in the way.
  const path = folder.path(name, name.startsWith('checkpoint') ? 'last.safetensors' : name)
  mkdirSync(folder.path(name))
  copyFileSync(join(committed, name), path)
  const codes: Record<string, string> = {}
  const ofKind = calls[name.split('-')[0]]
  for (const [what, call] of Object.entries(ofKind)) {
    const begun = performance.now()
    const outcome = await failureOf(() => call(path)).catch((error) => error)
    expect(performance.now() - begun).toBeLessThan(10_000)
    if (outcome.message === 'expected an error') continue
    expect(outcome.name).toBe('NanoGptError')
    expect(hasControls(outcome.message)).toBe(false)
    expect(outcome.message.length).toBeLessThan(3000)
    codes[what] = outcome.code
  }
  const code = expected[name]
  const all = (of: string) => Object.fromEntries(Object.keys(ofKind).map((what) => [what, of]))
  expect(codes).toEqual(typeof code === 'string' ? all(code) : code)
})
