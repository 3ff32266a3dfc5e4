// Usage errors: each has an exit code and a message that names flags and commands, without a stack
// trace.

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
  ['trian', 2, /^nano-gpt: there is no command "trian"\. Did you mean train\? See ".* --help"$/],
  ['help trian', 2, /there is no command "trian"\. Did you mean train\?/],
  ['xyz', 2, /^nano-gpt: there is no command "xyz"\. See ".* --help"$/],
  ['train --minutes 3', 2, /^nano-gpt: --minutes is 3: .*--preset auto/],
  ['train --preset auto --minutes 0', 2, /--minutes is 0: must be more than 0/],
  ['train --step 5', 2, /there is no option --step\. Did you mean --steps\? See ".* train --help"$/],
  ['train --lr 5', 2, /there is no option --lr\. Did you mean --learning-rate\? See ".* train --help"$/],
  ['evaluate --nope', 2, /there is no option --nope\. See ".* evaluate --help"$/],
  ['demo --second 3', 2, /there is no option --second\. Did you mean --seconds\? See ".* demo --help"$/],
  ['info --nope', 2, /there is no option --nope\. See ".* info --help"$/],
  ['train --data', 2, /--data requires a value\. See ".* train --help"$/],
  ['train --data --steps 5', 2, /--data requires a value\. If --steps is the value/],
  ['train --steps 1x', 2, /^nano-gpt: --steps is "1x": must be a whole number$/],
  ['train --learning-rate fast', 2, /--learning-rate is "fast": must be a number, such as/],
  [
    'train --seed 18446744073709551616',
    2,
    /--seed is .*: must be a whole number from 0 to 18446744073709551615/,
  ],
  ['train some.txt', 2, /unexpected argument "some.txt"\. Did you mean --data some.txt\?/],
  ['generate some.txt', 2, /Did you mean --model some.txt\? See ".* generate --help"$/],
  ['stages 03 04', 2, /unexpected argument "04"\. See ".* stages --help"$/],
  ['info 5', 2, /unexpected argument "5"/],
  ['train --data - --data -', 2, /--data is "-": standard input can be read only once/],
  ['train --no-out --overwrite', 2, /--no-out and --overwrite are both given/],
  ['demo --seconds 0', 2, /^nano-gpt: --seconds is 0: must be more than 0$/],
  ['train --batch-size 0', 2, /^nano-gpt: --batch-size is 0: must be at least 1$/],
  ['train --preset decodr', 2, /Did you mean --preset decoder\?/],
  ['train --data some.txt --text x', 2, /--data and --text are both given/],
  ['train --resume runs/a --no-out', 2, /--no-out and --resume are both given/],
  ['train --data shakespear', 1, /Did you mean .*shakespeare.*\?.*--text/],
  ['train --data some.txt --block-size 900', 1, /too short.*--block-size/],
  ['train --data some.txt --device gpu', 1, /device.*gpu.*cuda.*metal/],
  ['train --data some.txt --preset bigram --device js --steps 1 --eval-batches 1 --out taken', 1, /taken/],
  ['train --data some.txt --preset bigram --out taken', 1, /^nano-gpt: --out is "taken": it is a file/],
  ['train --data empty', 1, /^nano-gpt: --data is "empty".*folder/],
  ['train --data latin.txt', 1, /^nano-gpt: --data is "latin.txt": not valid UTF-8 at byte 1 \(0xE9\)/],
  ['train --resume empty', 1, /empty.*no checkpoint.*--out/],
  ['train --resume some.txt', 1, /some.txt.*safetensors/],
  ['train --from some.txt', 1, /some.txt/],
  ['train --from a --resume b', 2, /^nano-gpt: --from is "a": --resume /],
  ['train --from a --embed 8', 2, /^nano-gpt: --embed is 8: the weights of --from fit no other/],
  ['train --config a --resume b', 2, /^nano-gpt: --config is "a": --resume /],
  ['train --config empty', 1, /empty.* no config.json/],
  ['train --config some.txt', 1, /some.txt.* not valid JSON.*--config/],
  ['train --config wrong.json', 1, /^nano-gpt: .*wrong.json.*\bbatchSize is 0: must be at least 1/],
  ['train --config typo.json', 1, /^nano-gpt: .*typo.json.*\bbatchsize\b.*Did you mean .*batchSize.*\?/],
  ['train --config moved.json', 1, /^nano-gpt: .*moved.json.*\bout\b.*--out/],
  [
    'train --config heads.json',
    2,
    /^nano-gpt: --heads is 5: .* divide .*\(options that were not given come from heads.json\)$/,
  ],
  ['train --config no-text.json', 1, /no-text.json.*--data/],
  ['report', 1, /there is no trained model in runs\/\. Give a run folder, or train one: .* train$/],
  ['generate', 1, /there is no trained model in runs\/\. Name one with --model, or train one: .* train$/],
  ['generate --model empty --checkpoint bst', 2, /--checkpoint is "bst": must be 'best' or 'last'/],
  ['generate --top-k -1', 2, /^nano-gpt: --top-k is -1: must be at least 0$/],
  ['generate --max-tokens 1e99', 2, /--max-tokens is "1e99": must be a whole number/],
  // A user's text stays verbatim, even if it looks like an option's name.
  ['train --data notes/trainSet.txt', 1, /\bnotes\/trainSet\.txt/],
  ['train --resume runs/gradientAccumulationSteps', 1, /\bruns\/gradientAccumulationSteps\b/],
  ['train --config my/batchSize.json', 1, /\bmy\/batchSize\.json\b/],
]

test.each(mistakes)('nano-gpt %s', async (command, code, message) => {
  const result = await cli(...command.split(' '))
  expect(result.stderr.trimEnd().split('\n').at(-1)).toMatch(message)
  expect(result.stderr).toMatch(/^nano-gpt: /m)
  expect(result.stderr).not.toMatch(/^\s+at /m)
  expect(result.stderr).not.toMatch(/bug in nano-gpt/)
  // No names or code of the library's API.
  expect(result.stderr).not.toMatch(/`[a-z]+`|\{ text \}|\w\(\{|\/--/)
  expect(result.code).toBe(code)
})

test('an empty argument is rejected with its flag and value', async () => {
  for (const [args, message] of [
    [['train', '--out', ''], /^nano-gpt: --out is "": must be a path, but it is empty$/],
    [['train', '--data', ''], /^nano-gpt: --data is ""/],
    [['train', '--steps', ''], /^nano-gpt: --steps is "": must be a whole number$/],
    [['generate', '--stop', ''], /^nano-gpt: --stop is "": must not be empty$/],
    [['generate', '--model', ''], /^nano-gpt: --model is "": must be a path, but it is empty$/],
    [['', '--data', 'x'], /^nano-gpt: there is no command ""/],
  ] as const) {
    const { code, stderr } = await cli(...args)
    expect([code, stderr.trimEnd()]).toEqual([2, expect.stringMatching(message)])
  }
})

test('--json prints errors as objects', async () => {
  const usage = await cli('train', '--json', '--foo')
  expect(usage).toMatchObject({ code: 2, stderr: '' })
  expect(objects(usage.stdout)).toEqual([
    {
      type: 'error',
      code: 'usage',
      message: expect.stringMatching(/--foo/),
      reason: 'there is no option --foo',
      remedy: expect.stringMatching(/train --help/),
    },
  ])
  const wrong = await cli('train', '--json', '--batch-size', '0')
  expect(objects(wrong.stdout)).toEqual([
    {
      type: 'error',
      code: 'option',
      message: '--batch-size is 0: must be at least 1',
      option: '--batch-size',
      value: 0,
      reason: 'must be at least 1',
    },
  ])
  const missing = await cli('generate', '--model', 'nowhere', '--json')
  expect(missing).toMatchObject({ code: 1, stderr: '' })
  expect(objects(missing.stdout)).toMatchObject([{ type: 'error', code: 'file_not_found' }])
})

test('NANO_GPT_DEBUG=1 prints the stack', async () => {
  const { stderr } = await run(['generate'], { cwd: folder.path(), env: { NANO_GPT_DEBUG: '1' } })
  expect(stderr).toMatch(/^\s+at /m)
})

test('an unexpected exception is reported as a bug', async () => {
  // No bug is known, so the test causes one.
  writeFileSync(folder.path('break.js'), "require('node:os').cpus = () => { throw new TypeError('broken') }")
  const env = { NODE_OPTIONS: `--require ${JSON.stringify(folder.path('break.js'))}` }
  const { code, stderr } = await run(['info'], { cwd: folder.path(), env })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^nano-gpt: TypeError: broken\nThis is a bug in nano-gpt.*NANO_GPT_DEBUG=1.*Please report it/,
  )
  expect(stderr).not.toMatch(/^\s+at /m)
})
