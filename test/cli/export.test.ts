// `nano-gpt export`: what it writes and prints.

import { readdirSync, readFileSync } from 'node:fs'
import { train } from '../../lib'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { objects, run } from './command'

jest.setTimeout(60_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(['export', ...args], { cwd: folder.path() })

beforeAll(async () => {
  const sizes = { embed: 8, heads: 2, layers: 1, blockSize: 8 }
  const training = { steps: 1, evalInterval: 1, evalBatches: 1, batchSize: 2, seed: 1 }
  const options = { data: { text: someText() }, ...sizes, ...training, device: 'js' } as const
  await using _ = await train({ ...options, preset: 'cpu', out: folder.path('runs', 'mine') })
  await using __ = await train({ ...options, preset: 'speedrun', out: folder.path('recipe') })
})

test('the newest model becomes a folder for transformers, with two lines of Python', async () => {
  const { code, stdout, stderr } = await cli('--out', 'mine')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^runs\/mine\/best\.safetensors → mine: huggingface, GPT-2, f32, /)
  expect(stdout).toMatch(/\n {2}config\.json +\d+ bytes\n/)
  // No more tokens than the context holds.
  expect(stdout).toMatch(
    /\n {2}print\(pipeline\("text-generation", "mine"\)\("[^"]+", max_new_tokens=[1-7]\)\)\n$/,
  )
  expect(readdirSync(folder.path('mine')).sort()).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
})

test('as GGUF, with the commands of llama.cpp and Ollama, and notes', async () => {
  const { code, stdout } = await cli(
    '--model',
    'runs/mine',
    '--out',
    'a b',
    '--format',
    'gguf',
    '--dtype',
    'q8_0',
  )
  expect(code).toBe(0)
  expect(stdout).toMatch(/\nNote: matrices such as token_embd\.weight are in f16/)
  expect(stdout).toMatch(/\n {2}llama-completion -m 'a b\/model\.gguf' -no-cnv -p /)
  expect(stdout).toMatch(/\n {2}ollama create my-model -f 'a b\/Modelfile' && ollama run my-model /)
  expect(readFileSync(folder.path('a b', 'model.gguf')).toString('latin1', 0, 4)).toBe('GGUF')
})

test('as JSON; and a shorter context', async () => {
  const { stdout } = await cli('--model', 'recipe', '--out', 'short', '--block-size', '5', '--json')
  expect(objects(stdout)).toEqual([
    expect.objectContaining({
      type: 'result',
      folder: 'short',
      format: 'huggingface',
      architecture: 'nanochat',
    }),
  ])
  const config = JSON.parse(readFileSync(folder.path('short', 'config.json'), 'utf8'))
  expect(config.max_position_embeddings).toBe(5)
})

test('what is refused is named by its flag', async () => {
  expect(await cli('--model', 'runs/mine')).toMatchObject({
    ...{ code: 2, stderr: 'nano-gpt: --out is missing: it is required. Give a folder to write to\n' },
  })
  expect(await cli('--out', 'runs/mine', '--model', 'runs/mine')).toMatchObject({
    ...{
      code: 1,
      stderr: 'nano-gpt: --out is "runs/mine": it is the folder of a run. Give another folder\n',
    },
  })
  const { code, stderr } = await cli('--model', 'recipe', '--out', 'x', '--format', 'gguf')
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^nano-gpt: activation is "relu-squared": Llama, .*--logit-softcap 15.*Export it with --format huggingface/,
  )
})
