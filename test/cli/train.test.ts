// Runs `nano-gpt train` and `nano-gpt generate` in a child process, on a text file.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { ended, objects, run, shown, start } from './command'

jest.setTimeout(30_000)

const folder = temporaryFolder()
const cli = (...args: string[]) => run(args, { cwd: folder.path() })
const tiny = ['--preset', 'bigram', '--device', 'js', '--eval-batches', '2']
const fromFile = ['train', '--data', 'some.txt', ...tiny]

beforeAll(() => writeFileSync(folder.path('some.txt'), someText()))

test('trains with a header, saves, resumes and generates', async () => {
  const trained = await cli(
    ...fromFile,
    '--steps',
    '20',
    '--sample-interval',
    '10',
    '--sample-tokens',
    '30',
    '--out',
    'runs/a',
  )
  expect(trained).toMatchObject({ code: 0, stderr: '' })
  expect(trained.stdout).toMatch(/^device +js: /m)
  expect(trained.stdout).toMatch(/^text +some\.txt: 3,000 tokens, 300 of them for validation$/m)
  expect(trained.stdout).toMatch(/^tokenizer +char: a vocabulary of \d+ characters$/m)
  expect(trained.stdout).toMatch(/^model +bigram, [\d,]+ parameters, block size 8 tokens$/m)
  expect(trained.stdout).toMatch(/^training +20 steps of 32 sequences × 8 tokens, seed 1337$/m)
  expect(trained.stdout).toMatch(/^step {2}0 {2}training loss \d\.\d{4} {2}validation loss \d\.\d{4}/m)
  expect(trained.stdout).toMatch(/^step 20 {2}training loss/m)
  expect(trained.stdout.match(/a sample after (0|10|20) steps/g)).toHaveLength(3)
  expect(trained.stdout).toMatch(/saved .*last\.safetensors/)
  // Without a terminal, lines are neither rewritten nor colored.
  for (const control of ['\r', '\x1b']) expect(trained.stdout).not.toContain(control)

  const resumed = await cli('train', '--resume', 'runs/a', '--steps', '25', '--device', 'js')
  expect(resumed).toMatchObject({ code: 0, stderr: '' })
  expect(resumed.stdout).toMatch(/^resuming +after 20 steps$/m)
  expect(resumed.stdout).toMatch(/^step 25 {2}training loss/m)

  const writing = [
    'generate',
    '--model',
    'runs/a',
    '--prompt',
    'The cat',
    '--max-tokens',
    '40',
    '--seed',
    '7',
    '--device',
    'js',
  ]
  const written = await cli(...writing)
  expect(written).toMatchObject({ code: 0, stderr: '' })
  expect(written.stdout.startsWith('The cat')).toBe(true)
  expect(written.stdout).toHaveLength('The cat'.length + 40 + 1)
  const lines = objects((await cli(...writing, '--json')).stdout)
  const pieces = lines.filter(({ type }) => type === 'text').map(({ text }) => text)
  expect(`${pieces.join('')}\n`).toBe(written.stdout)
  expect(lines.at(-1)).toMatchObject({
    type: 'result',
    prompt: 'The cat',
    text: pieces.join(''),
    device: 'js',
  })
})

test('shows the options of the optimizer and the schedule', async () => {
  const tinyDecoder = [
    '--preset',
    'decoder',
    '--block-size',
    '5',
    '--embed',
    '6',
    '--heads',
    '1',
    '--layers',
    '1',
  ]
  const muon = [
    '--optimizer',
    'muon',
    '--momentum-warmup',
    '1',
    '--schedule',
    'wsd',
    '--warmup',
    '2',
    '--ema-decay',
    '0.9',
  ]
  const rest = [
    '--data',
    'some.txt',
    '--device',
    'js',
    '--eval-batches',
    '1',
    '--batch-size',
    '2',
    '--steps',
    '3',
    '--no-out',
  ]
  const { code, stdout } = await cli('train', ...tinyDecoder, ...muon, ...rest)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^optimizer +muon --learning-rate [\d.]+ .*--momentum-warmup 1 --ema-decay 0\.9$/m)
  expect(stdout).toMatch(/^schedule +--schedule wsd --warmup 2$/m)
  const sgd = [
    '--optimizer',
    'sgd',
    '--nesterov',
    '--schedule',
    'cosine',
    '--final-learning-rate-fraction',
    '0.1',
  ]
  const second = await cli('train', ...tinyDecoder, ...sgd, ...rest)
  expect(second.stdout).toMatch(/^optimizer +sgd --learning-rate [\d.]+ .*--nesterov$/m)
  expect(second.stdout).toMatch(/^schedule +--schedule cosine --final-learning-rate-fraction 0\.1$/m)
})

test('each run creates its own folder, and generate finds one', async () => {
  const cwd = folder.path()
  const [one, other] = await Promise.all([cli(...fromFile, '--steps', '3'), cli(...fromFile, '--steps', '4')])
  expect([one.code, other.code]).toEqual([0, 0])
  const made = readdirSync(folder.path('runs')).filter((name) => /^bigram-\d{8}-\d{6}(-2)?$/.test(name))
  expect(made).toHaveLength(2)
  const written = await run(['generate', '--max-tokens', '5', '--device', 'js'], { cwd })
  expect(written.code).toBe(0)
  expect(written.stderr).toMatch(
    /^runs[/\\]bigram-.*, after \d steps on some\.txt, char: a vocabulary of \d+ characters$/m,
  )
})

test('--no-out writes nothing, --text trains on a string, --seed takes 64 bits', async () => {
  const before = readdirSync(folder.path('runs'))
  const seed = String(2n ** 64n - 1n)
  const args = [
    'train',
    '--text',
    someText(300),
    ...tiny,
    '--steps',
    '4',
    '--no-out',
    '--seed',
    seed,
    '--json',
  ]
  const { code, stdout, stderr } = await cli(...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const events = objects(stdout)
  expect(events[0]).toMatchObject({
    type: 'start',
    steps: 4,
    config: { seed, data: { name: 'text', source: null } },
  })
  expect(events.filter(({ type }) => type === 'evaluation')).toHaveLength(2)
  expect(events.at(-2)).toMatchObject({ type: 'end', step: 4, stopped: false })
  expect(events.at(-1)).toMatchObject({ type: 'result', out: null, step: 4, stopped: false })
  expect(readdirSync(folder.path('runs'))).toEqual(before)
})

test('Ctrl-C saves and prints a resume command that works', async () => {
  const child = start([...fromFile, '--steps', '10000000', '--out', 'runs/c'], { cwd: folder.path() })
  const result = ended(child)
  await shown(child, /step +0 /)
  child.kill('SIGINT')
  const { code, stdout, stderr } = await result
  expect(code).toBe(130)
  expect(stderr).toMatch(/^stopping after this step and saving/)
  expect(stdout).toMatch(/train --resume runs\/c --device js$/m)
  const made = Number(/Stopped after ([\d,]+) steps? and saved/.exec(stdout)![1].replaceAll(',', ''))
  const resumed = await cli(
    'train',
    '--resume',
    'runs/c',
    '--steps',
    String(made + 2),
    '--device',
    'js',
    '--json',
  )
  expect(resumed.code).toBe(0)
  expect(objects(resumed.stdout)[0]).toMatchObject({ type: 'start', step: made })
})

test('a run folder has one writer: resuming it twice names the first process, which goes on', async () => {
  await cli(...fromFile, '--steps', '4', '--out', 'runs/twice')
  const resume = ['train', '--resume', 'runs/twice', '--steps', '10000000', '--device', 'js']
  for (const native of ['1', '0']) {
    const first = start(resume, { cwd: folder.path(), env: { NANO_GPT_NATIVE: native } })
    const result = ended(first)
    await shown(first, /^resuming +after [\d,]+ steps$/m)
    const second = await cli(...resume)
    expect(second.code).toBe(1)
    expect(second.stderr.replace(/since \S+\./, 'since then.')).toContain(
      `nano-gpt: runs/twice: process ${first.pid} has been writing to this folder since then. ` +
        'Wait until it ends, stop it, or give another --out',
    )
    const third = await cli(...resume, '--json')
    expect(third.code).toBe(1)
    expect(objects(third.stdout).at(-1)).toMatchObject({ code: 'run_busy', subject: 'runs/twice' })
    expect(first.exitCode).toBeNull()
    // Killed, it leaves its lock, which the next one replaces.
    first.kill('SIGKILL')
    await result
  }
  // This run is rejected, but it had the lock.
  const last = await cli('train', '--resume', 'runs/twice', '--steps', '1', '--device', 'js')
  expect(last.stderr).toContain('has already made')
  expect(readdirSync(folder.path('runs', 'twice'))).not.toContain('.lock')
})

test('a closed output pipe is not an error: generate ends, train saves first', async () => {
  for (const args of [
    ['generate', '--model', 'runs/a', '--max-tokens', '1000000', '--device', 'js'],
    [...fromFile, '--steps', '10000000', '--out', 'runs/d', '--json'],
  ]) {
    const child = start(args, { cwd: folder.path() })
    child.stdout.once('data', () => child.stdout.destroy())
    expect(await ended(child)).toMatchObject({ code: 0, stderr: '' })
  }
  expect(existsSync(folder.path('runs', 'd', 'last.safetensors'))).toBe(true)
})

test('variants have flags, and the header shows the chosen ones', async () => {
  const sizes = [
    '--layers',
    '1',
    '--embed',
    '12',
    '--heads',
    '2',
    '--block-size',
    '8',
    '--batch-size',
    '2',
    '--steps',
    '1',
  ]
  const common = [
    'train',
    '--data',
    'some.txt',
    '--device',
    'js',
    '--eval-batches',
    '1',
    '--no-out',
    ...sizes,
  ]
  const chosen = await cli(
    ...[
      ...common,
      '--preset',
      'decoder',
      '--positions',
      'rope',
      '--qk-norm',
      '--no-bias',
      '--logit-softcap',
      '2.5',
    ],
    ...['--kv-heads', '2', '--attention-dropout', '0', '--embedding-norm', '--no-embedding-norm'],
  )
  expect(chosen).toMatchObject({ code: 0, stderr: '' })
  expect(chosen.stdout).toMatch(/^model +gpt, [\d,.]+ .*parameters, 1 layer, 2 heads, 12 channels/m)
  expect(chosen.stdout).toMatch(
    /^variants +--positions rope --qk-norm --logit-softcap 2\.5 --no-bias( --attention-dropout 0)?$/m,
  )
  const preset = await cli(...common, '--preset', 'cpu', '--bias', '--no-tied-embeddings')
  expect(preset).toMatchObject({ code: 0, stderr: '' })
  expect(preset.stdout).toMatch(/^variants +--activation gelu --init gpt2$/m)
  expect((await cli(...common, '--preset', 'decoder')).stdout).not.toMatch(/^variants/m)

  const refused = await cli(...common, '--preset', 'bigram', '--norm', 'rms')
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toMatch(
    /^nano-gpt: --norm is "rms": the course's model 'bigram' has no variants\. .*or give a --preset whose/,
  )
  const odd = await cli(...common, '--heads', '4', '--positions', 'rope')
  expect(odd.stderr).toMatch(/^nano-gpt: --positions is "rope": .*a head has 3/)
})

test('a folder with a run is rejected; the error names --overwrite and --resume', async () => {
  const { code, stdout, stderr } = await cli(...fromFile, '--steps', '3', '--out', 'runs/a')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(
    /^nano-gpt: --out is "runs\/a": it already contains a run\. Give another folder, .*--overwrite, .* train --resume runs\/a\n$/,
  )
})

test('--config repeats a run bit for bit; --from starts from its weights', async () => {
  const weights = (out: string) => readFileSync(folder.path(out, 'last.safetensors'))
  const first = await cli(...fromFile, '--steps', '12', '--seed', '9', '--json', '--out', 'runs/config')
  expect(first).toMatchObject({ code: 0, stderr: '' })
  const stored = JSON.parse(readFileSync(folder.path('runs', 'config', 'config.json'), 'utf8'))
  expect(objects(first.stdout)[0]).toMatchObject({ type: 'start', options: stored })
  expect(stored).toMatchObject({ preset: 'bigram', steps: 12, seed: 9, data: folder.path('some.txt') })

  const again = await cli('train', '--config', 'runs/config', '--out', 'runs/again')
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect(weights('runs/again')).toEqual(weights('runs/config'))
  const longer = await cli(
    'train',
    '--config',
    'runs/config/config.json',
    '--steps',
    '13',
    '--out',
    'runs/longer',
  )
  expect(longer).toMatchObject({ code: 0, stderr: '' })
  expect(weights('runs/longer')).not.toEqual(weights('runs/config'))
  expect(longer.stdout).toMatch(/^training +13 steps of 32 sequences × 8 tokens, seed 9$/m)

  const further = await cli('train', '--from', 'runs/config', '--steps', '3', '--device', 'js')
  expect(further).toMatchObject({ code: 0, stderr: '' })
  expect(further.stdout).toMatch(/^training +3 steps of 32 sequences × 8 tokens, seed 1337$/m)
  expect(further.stdout).toMatch(/saving +to runs[/\\]config-\d{8}-\d{6}$/m)
  const unknown = await cli('train', '--from', 'runs/config', '--text', `${someText(500)}é`, '--device', 'js')
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toMatch(
    /"é" \(U\+00E9\) at position 500.*or leave --from out to start a new model, with --tokenizer byte for any text\n$/,
  )
})

test('resuming a finished run prints how to continue it', async () => {
  const { code, stdout } = await cli('train', '--resume', 'runs/a', '--device', 'js')
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /^The run in runs\/a has already finished its 25 steps\. To continue, give more steps:\n .* train --resume runs\/a --steps 50 --device js$/m,
  )
})

test('--overwrite replaces only a run', async () => {
  const replaced = await cli(...fromFile, '--steps', '3', '--out', 'runs/a', '--overwrite')
  expect(replaced).toMatchObject({ code: 0, stderr: '' })
  expect(replaced.stdout).toMatch(/^step 3 {2}training loss/m)
  writeFileSync(folder.path('config.json'), '{ "mine": true }')
  for (const more of [[], ['--overwrite']]) {
    const refused = await cli(...fromFile, '--steps', '3', '--out', '.', ...more)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^nano-gpt: --out is "\.": it contains \S+, which no run wrote/)
  }
  expect(readFileSync(folder.path('config.json'), 'utf8')).toBe('{ "mine": true }')
})

test('--dry-run prints the plan, memory and time, and writes nothing', async () => {
  const before = readdirSync(folder.path('runs'))
  const { code, stdout, stderr } = await cli(...fromFile, '--steps', '20', '--dry-run')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^training +20 steps of 32 sequences × 8 tokens, seed 1337$/m)
  expect(stdout).toMatch(/^saving +to runs\/bigram-<date>-<time>$/m)
  const lines = stdout.replaceAll(`\n${' '.repeat(11)}`, ' ')
  expect(lines).toMatch(/^memory +[\d.]+ [KM]B: weights [\d.]+ KB, .*corpus [\d.]+ KB$/m)
  expect(stdout).toMatch(/^time +[\d.]+ (µs|ms) per step, about 0:\d\d min for 20 steps/m)
  expect(stdout).toMatch(/\nNothing was trained or written\.\n$/)
  const [plan, ...rest] = objects((await cli(...fromFile, '--steps', '20', '--dry-run', '--json')).stdout)
  expect(rest).toEqual([])
  expect(plan).toMatchObject({
    type: 'plan',
    begins: 'new',
    parameters: expect.any(Number),
    training: { steps: 20 },
    memory: { total: expect.any(Number) },
    secondsPerStep: expect.any(Number),
  })
  const unsaved = await cli(...fromFile, '--dry-run', '--no-out')
  expect(unsaved.stdout).toMatch(/^saving +off/m)
  expect(readdirSync(folder.path('runs'))).toEqual(before)
})

test('several texts and standard input: the run keeps a copy', async () => {
  writeFileSync(folder.path('more.txt'), someText(1000))
  const args = ['train', ...tiny, '--steps', '3', '--data', 'more.txt', '--data', '-']
  const piped = async (...more: string[]) => {
    const child = start([...args, ...more], { cwd: folder.path() })
    child.stdin.end(someText(500))
    return ended(child)
  }
  const kept = await piped('--out', 'runs/piped')
  expect(kept).toMatchObject({ code: 0, stderr: '' })
  expect(kept.stdout).toMatch(/^text +more\.txt \+ standard input: 1,500 tokens/m)
  expect(kept.stdout).toMatch(/^saving +to runs\/piped, with a copy of the text$/m)
  const resumed = await cli('train', '--resume', 'runs/piped', '--steps', '5', '--device', 'js')
  expect(resumed).toMatchObject({ code: 0, stderr: '' })
  const unsaved = await piped('--no-out')
  expect(unsaved.stdout).toMatch(/^saving +off; the run cannot be resumed$/m)
})
