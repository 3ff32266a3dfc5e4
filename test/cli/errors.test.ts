// What is typed wrong: an exit code and one sentence, in the words of the command line, without a stack trace.

import { mkdirSync, writeFileSync } from 'node:fs'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { objects, run } from './command'

jest.setTimeout(30_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(args, { cwd: folder.path() })

beforeAll(() => {
  writeFileSync(folder.path('some.txt'), someText())
  writeFileSync(folder.path('taken'), 'a file, not a folder')
  writeFileSync(folder.path('wrong.json'), '{ "data": "some.txt", "batchSize": 0 }')
  writeFileSync(folder.path('typo.json'), '{ "data": "some.txt", "batchsize": 4 }')
  writeFileSync(folder.path('moved.json'), '{ "out": "runs/a" }')
  writeFileSync(folder.path('heads.json'), '{ "data": "some.txt", "heads": 5 }')
  writeFileSync(folder.path('no-text.json'), '{ "preset": "bigram" }')
  writeFileSync(folder.path('latin.txt'), Buffer.from([0x61, 0xe9]))
  mkdirSync(folder.path('empty'))
})

const mistakes: [command: string, code: number, message: RegExp][] = [
  ['trian', 2, /unknown command 'trian' \(Did you mean train\?\); see "nano-gpt --help"/],
  ['help trian', 2, /unknown command 'trian' \(Did you mean train\?\)/],
  [
    'train --minutes 3',
    2,
    /--minutes is 3: it is for the preset 'auto' alone; give --steps, or --preset auto/,
  ],
  ['train --preset auto --minutes 0', 2, /--minutes is 0: must be more than 0/],
  ['train --step 5', 2, /unknown option '--step' \(Did you mean --steps\?\); see "nano-gpt train --help"/],
  ['train --steps 1x', 2, /'--steps <n>' argument '1x' is invalid. It must be a whole number/],
  ['train --learning-rate fast', 2, /'fast' is invalid. It must be a number, such as/],
  ['train --seed 18446744073709551616', 2, /It must be a whole number from 0 to 18446744073709551615/],
  ['train some.txt', 2, /too many arguments .*\(a text file is given as --data FILE\)/],
  ['train --batch-size 0', 2, /^nano-gpt: --batch-size is 0: must be at least 1$/],
  ['train --preset decodr', 2, /Did you mean 'decoder'\?/],
  ['train --data some.txt --text x', 2, /--data and --text are both given/],
  ['train --resume runs/a --no-out', 2, /--no-out and --resume are both given/],
  ['train --data shakespear', 1, /Did you mean "shakespeare"\?.*use --text to train on this very string/],
  ['train --data some.txt --block-size 900', 1, /too short for --block-size 900/],
  ['train --data some.txt --device gpu', 1, /there is no device 'gpu'; there are auto, /],
  ['train --data some.txt --preset bigram --device js --steps 1 --eval-batches 1 --out taken', 1, /taken/],
  [
    'train --data some.txt --preset bigram --out taken',
    1,
    /cannot write taken: there is a file of that name/,
  ],
  ['train --data empty', 1, /^nano-gpt: --data is "empty", which is a folder; name one text file in it$/],
  ['train --data latin.txt', 1, /latin.txt is not valid UTF-8 at byte 1 \(0xE9\)/],
  ['train --resume empty', 1, /empty holds no checkpoint .*: is it the --out of a run\?$/],
  [
    'train --resume some.txt',
    1,
    /some.txt: .*A checkpoint is a run folder \(the --out of a run\) or a .safetensors/,
  ],
  ['train --from some.txt', 1, /^nano-gpt: safetensors file some.txt: /],
  ['train --from a --resume b', 2, /^nano-gpt: --from is "a", but --resume goes on with a run as it was/],
  [
    'train --from a --block-size 8',
    2,
    /^nano-gpt: --block-size is 8, but the weights of --from fit no other/,
  ],
  ['train --config a --resume b', 2, /^nano-gpt: --config is "a", but --resume goes on/],
  ['train --config empty', 1, /^nano-gpt: the folder empty holds no config.json: is it the --out of a run\?/],
  [
    'train --config some.txt',
    1,
    /^nano-gpt: some.txt is not valid JSON .*; --config takes a run folder or a JSON/,
  ],
  ['train --config wrong.json', 1, /^nano-gpt: wrong.json: batchSize is 0: must be at least 1$/],
  ['train --config typo.json', 1, /^nano-gpt: typo.json: .* batchsize. Did you mean batchSize\?$/],
  [
    'train --config moved.json',
    1,
    /^nano-gpt: moved.json: out has no place in a config file; .* give --out itself$/,
  ],
  [
    'train --config heads.json',
    2,
    /^nano-gpt: --heads is 5: it must divide .*\(options .* are those of heads.json\)$/,
  ],
  ['train --config no-text.json', 1, /^nano-gpt: no-text.json names no text .*: give it as --data$/],
  [
    'generate',
    1,
    /there is no trained model under runs\/: make one with ".* train", or name one with --model/,
  ],
  ['generate --model empty --checkpoint bst', 2, /--checkpoint is "bst": it must be best or last/],
  ['generate --top-k -1', 2, /--top-k is -1/],
]

test.each(mistakes)('nano-gpt %s', async (command, code, message) => {
  const result = await cli(...command.split(' '))
  expect(result.stderr.trimEnd().split('\n').at(-1)).toMatch(message)
  expect(result.stderr).toMatch(/^nano-gpt: /m)
  expect(result.stderr).not.toMatch(/^\s+at /m)
  expect(result.stderr).not.toMatch(/bug in nano-gpt/)
  expect(result.code).toBe(code)
})

test('--json makes errors objects too', async () => {
  const usage = await cli('train', '--json', '--foo')
  expect(usage).toMatchObject({ code: 2, stderr: '' })
  expect(objects(usage.stdout)).toEqual([
    { type: 'error', code: 'usage', message: expect.stringMatching(/--foo/) },
  ])
  const missing = await cli('generate', '--model', 'nowhere', '--json')
  expect(missing).toMatchObject({ code: 1, stderr: '' })
  expect(objects(missing.stdout)).toMatchObject([{ type: 'error', code: 'file_not_found' }])
})

test('NANO_GPT_DEBUG=1 shows where it happened', async () => {
  const { stderr } = await run(['generate'], { cwd: folder.path(), env: { NANO_GPT_DEBUG: '1' } })
  expect(stderr).toMatch(/^\s+at /m)
})

test('a bug says that it is one', async () => {
  // Nothing is known to be one, so something is broken first.
  writeFileSync(folder.path('break.js'), "require('node:os').cpus = () => { throw new TypeError('broken') }")
  const env = { NODE_OPTIONS: `--require ${JSON.stringify(folder.path('break.js'))}` }
  const { code, stderr } = await run(['info'], { cwd: folder.path(), env })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^nano-gpt: TypeError: broken\nThis is a bug in nano-gpt.*NANO_GPT_DEBUG=1.*Please report it/,
  )
  expect(stderr).not.toMatch(/^\s+at /m)
})
