// GPUs that can't be used, from a user's point of view: the messages, what 'auto' does then, and
// that the process survives. Runs on the emulated GPU, which can imitate other GPUs
// (docs/gpu-testing.md), each in a separate process.

import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { objects, run } from '../cli/command'
import { runChild } from '../support/child'
import { temporaryFolder } from '../support/runs'
import { someText } from '../support/text'
import { device, gpu } from './device'

const folder = temporaryFolder()
/** Suppresses messages about errors that tests cause on purpose, and reports leaks. */
const emulated = { SIMT_QUIET: '1', SIMT_ALIVE: '1' }
const nothingLeft = /(simt|metal): \d+ calls; still there: nothing\n/

/** The output of a script, one JSON value per `say(value)`; the script must exit normally. */
async function answers(body: string, env: Record<string, string>): Promise<unknown[]> {
  const ended = await runChild(`const say = (value) => console.log(JSON.stringify(value))\n${body}`, env)
  expect(ended.code === 0 ? '' : ended.stderr).toBe('')
  return ended.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/**
 * For the scripts: a few steps of a model that needs about 4 MiB. `failure(options)` returns how
 * they end.
 */
const script = `
  const options = { data: { text }, preset: 'decoder', blockSize: 16, embed: 64, heads: 2, layers: 4, steps: 3, batchSize: 4,
    evalInterval: 2, evalBatches: 1, seed: 7 }
  const failure = (more) => nano.train({ ...options, ...more }).then(() => 'none', ({ code, message }) => ({ code, message }))
  const eventsOf = async (run) => {
    const events = []
    for await (const event of run) events.push(event)
    return events
  }
`

describe.each(gpu.faults)('$name', ({ name, env, available, present, message }) => {
  test('is reported; auto uses the CPU as if it had been requested', async () => {
    const said = await answers(
      `${script}
      say(nano.devices().find(({ name }) => name === '${device}'))
      say(await failure({ device: '${device}' }))
      const run = nano.train(options)
      say(await eventsOf(run))
      say((await run).device)
      say(await eventsOf(nano.train({ ...options, device: 'cpu' })))`,
      { ...emulated, ...env(folder.path()) },
    )
    const [found, named, events, used, onCpu] = said as [
      { description: string },
      { code: string; message: string },
      { type: string; losses?: number[] }[],
      string,
      { type: string; losses?: number[] }[],
    ]
    expect(found).toMatchObject({ name: device, available, present })
    if (!available) expect(found.description).toMatch(message)
    expect(named.message).toMatch(message)
    expect(named.code).toBe(
      !available ? 'device' : name === 'too little memory' ? 'out_of_memory' : 'unsupported',
    )
    const reason = expect.stringMatching(message)
    const fallback = { type: 'fallback', step: 0, device, reason, instead: 'cpu' }
    expect(events.filter(({ type }) => type === 'fallback')).toEqual(present ? [fallback] : [])
    expect(events.filter(({ type }) => type === 'start')).toMatchObject([{ device: 'cpu' }])
    expect(used).toBe('cpu')
    const losses = (of: typeof events) => of.flatMap((event) => event.losses ?? [])
    expect(losses(events)).toHaveLength(3)
    expect(losses(events)).toEqual(losses(onCpu))
  })
})

if (device === 'metal') {
  test('a GPU is found without a default Metal device', async () => {
    const found = `say(nano.devices().find(({ name }) => name === 'metal'))`
    const none = { ...emulated, SIMT_DEFAULT_DEVICE: '0' }
    expect(await answers(found, none)).toMatchObject([
      { available: true, description: gpu.description.source },
    ])
    const unsuitable = { ...none, SIMT_FAMILY: 'mac2' }
    expect(await answers(found, unsuitable)).toMatchObject([
      {
        available: false,
        present: true,
        description: expect.stringMatching(/an external GPU can't be used/),
      },
    ])
  })
}

test('running out of GPU memory frees the memory, and the GPU stays usable', async () => {
  const { code, stderr, stdout } = await runChild(
    `${script}
    const small = { preset: 'bigram', device: '${device}' }
    console.log((await failure({ device: '${device}' })).code, await failure(small))
    console.log((await failure({ device: '${device}' })).code, await failure({ preset: 'bigram', device: 'cpu' }))
    const model = await nano.train({ ...options, ...small })
    console.log((await model.generate({ maxTokens: 5 })).length)
    await model.dispose()`,
    { ...emulated, ...gpu.littleMemory },
  )
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'out_of_memory none\nout_of_memory none\n5\n' })
  expect(stderr).toMatch(nothingLeft)
})

test('the preset auto measures the device that it trains on', async () => {
  const [events] = (await answers(
    `${script}
    say(await eventsOf(nano.train({ data: { text }, preset: 'auto', minutes: 0.001, sampleTokens: 1 })))`,
    { ...emulated, ...gpu.littleMemory },
  )) as { type: string; device?: string; instead?: string }[][]
  expect(events.slice(0, 5)).toMatchObject([
    { type: 'notice' },
    { type: 'measuring' },
    { type: 'fallback', instead: 'cpu' },
    { type: 'measuring' },
    { type: 'start', device: 'cpu' },
  ])
})

describe('a GPU that stops answering', () => {
  const lost = () => ({ ...emulated, SIMT_LOST: folder.path('lost') })
  /** Trains, and makes the GPU stop at the event for which the condition is true. */
  const losing = (condition: string, more: string) => `${script}
    const run = nano.train({ ...options, steps: 40, evalInterval: 5, ...${more} })
    const events = []
    try {
      for await (const event of run) {
        events.push(event)
        if (${condition}) require('node:fs').writeFileSync(process.env.SIMT_LOST, '')
      }
    } catch ({ code, message }) {
      say({ code, message })
    }
    say(events)`

  afterEach(() => {
    if (existsSync(folder.path('lost'))) spawnSync('rm', [folder.path('lost')])
  })

  test.each(['last', 'best'])(
    'ends the run; the %s checkpoint is intact, and the process and the CPU still work',
    async (file) => {
      const out = folder.path(file)
      const path = JSON.stringify(out)
      const [error, events, again, onCpu, resumed] = (await answers(
        `${losing(`event.path?.endsWith('${file}.safetensors')`, `{ device: 'auto', out: ${JSON.stringify(out)} }`)}
      say(await failure({ device: '${device}' }))
      const model = await nano.train({ ...options, device: 'cpu' })
      say([model.device, (await model.generate({ maxTokens: 5 })).length])
      const rest = nano.train({ resume: ${path}, data: { text }, steps: 12 })
      say(await eventsOf(rest))`,
        lost(),
      )) as [
        { code: string; message: string },
        { type: string }[],
        { code: string; message: string },
        unknown,
        { type: string }[],
      ]
      expect(error.code).toBe('device_lost')
      expect(error.message).toMatch(gpu.lost)
      expect(error.message).toContain(
        `The run is saved up to step 5: train({ resume: '${JSON.parse(path)}' }) continues from there`,
      )
      expect(events.filter(({ type }) => type === 'fallback')).toEqual([])
      expect(again.code).toBe(gpu.lostAgain.code)
      expect(again.message).toMatch(gpu.lostAgain.message)
      expect(onCpu).toEqual(['cpu', 5])
      expect(resumed.slice(0, 3)).toMatchObject([
        { type: 'fallback', device, instead: 'cpu' },
        { type: 'notice', message: expect.stringContaining('another device (cpu instead of') },
        { type: 'start', device: 'cpu', step: 5 },
      ])
      expect((await readCheckpoint(out, 'last')).info.step).toBe(12)
    },
  )

  test('without a checkpoint the error says so', async () => {
    const [error] = (await answers(
      losing(`event.type === 'step' && event.to > 4`, `{ device: '${device}' }`),
      lost(),
    )) as { message: string }[]
    expect(error.message).toMatch(/new one can try\. Nothing was saved, because no `out` was given$/)
  })

  test('before the first step auto restarts on another device', async () => {
    const [events] = (await answers(losing(`event.type === 'start'`, '{}'), lost())) as {
      type: string
      device?: string
    }[][]
    expect(events.filter(({ device }) => device !== undefined)).toMatchObject([
      { type: 'start', device },
      { type: 'fallback', device, instead: 'cpu' },
      { type: 'start', device: 'cpu' },
    ])
    expect(events.at(-1)).toMatchObject({ type: 'end', step: 40 })
  })
})

test('generate() restarts on another device, with a warning', async () => {
  const out = JSON.stringify(folder.path('for-generate'))
  const open = `{ model: ${out}, checkpoint: 'last', maxTokens: 5, seed: 1 }`
  const generated = `
    await nano.train({ ...options, device: 'cpu', out: ${out} })
    console.log((await nano.load(${out}, { checkpoint: 'last' })).device)`
  // Between loading, which succeeds, and the last token.
  const broken = { SIMT_QUIET: '1', SIMT_FAIL: `${gpu.whileGenerating}:stays` }
  const loaded = await runChild(script + generated, broken)
  expect(loaded).toMatchObject({ code: 0, stdout: `${device}\n`, stderr: '' })
  const { code, stdout, stderr } = await runChild(
    `console.log(await nano.generate(${open}) === await nano.generate({ ...${open}, device: 'cpu' }))`,
    broken,
  )
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'true\n' })
  const warnings = stderr.match(/NanoGptWarning: .*/g)
  expect(warnings).toEqual([
    expect.stringMatching(new RegExp(`${device} can't be used: .*; continuing with cpu`)),
  ])
})

describe('on the command line', () => {
  const size = ['--block-size', '16', '--embed', '64', '--heads', '2', '--layers', '4', '--batch-size', '4']
  const short = ['--preset', 'decoder', ...size, '--steps', '2', '--eval-batches', '1']
  const text = ['--data', 'some.txt']
  const cli = (env: Record<string, string>, ...args: string[]) =>
    run(args, { cwd: folder.path(), env: { SIMT_QUIET: '1', ...env } })

  beforeAll(() => writeFileSync(folder.path('some.txt'), someText()))

  test('info has a line for every fault', async () => {
    for (const { env, available, message } of gpu.faults) {
      const { code, stdout } = await cli(env(folder.path()), 'info')
      expect(code).toBe(0)
      // Long lines are wrapped.
      const lines = stdout.replace(/\n {14}/g, ' ').split('\n')
      const line = lines.find((it) => new RegExp(`^ {2}[✓✗] ${device} `).test(it))
      expect(line).toMatch(available ? new RegExp(`✓ ${device} +an emulated GPU, \\d+ MiB`) : message)
    }
  })

  test('train and generate print a line when they skip the GPU', async () => {
    const env = gpu.littleMemory
    const passedOver = new RegExp(
      `^${device} can't be used: tensor ".*": out of memory on the GPU: .*; continuing with cpu\n$`,
    )
    const trained = await cli(env, 'train', ...text, ...short, '--out', 'a')
    expect(trained.code).toBe(0)
    expect(trained.stderr).toMatch(passedOver)
    expect(trained.stdout).toMatch(/^device +cpu: /m)
    const generated = await cli(gpu.noKernels(folder.path()), 'generate', '--model', 'a', '--max-tokens', '5')
    expect(generated.code).toBe(0)
    expect(generated.stderr).toMatch(
      new RegExp(`^nano-gpt: ${device} can't be used: .*; continuing with cpu\n$`, 's'),
    )
    const onGpu = await cli(
      {},
      'train',
      ...text,
      '--preset',
      'bigram',
      '--steps',
      '1',
      '--eval-batches',
      '1',
      '--no-out',
    )
    expect(onGpu).toMatchObject({ code: 0, stderr: '' })
    expect(onGpu.stdout).toMatch(new RegExp(`^device +${device}: ${gpu.description.source}$`, 'm'))
    const asJson = await cli(env, 'train', ...text, ...short, '--out', 'b', '--json')
    expect(asJson.stderr).toBe('')
    expect(objects(asJson.stdout)[0]).toMatchObject({ type: 'fallback', device, instead: 'cpu' })
  })

  test('an unusable GPU that was requested is an error that suggests flags', async () => {
    const { code, stderr } = await cli(
      gpu.littleMemory,
      'train',
      ...text,
      ...short,
      '--no-out',
      '--device',
      device,
    )
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /out of memory on the GPU: .* A smaller --batch-size \(with more --gradient-accumulation-steps\)/,
    )
    const old = await cli(gpu.tooOld.env, 'generate', '--model', 'a', '--device', device)
    expect(old.code).toBe(1)
    expect(old.stderr).toMatch(
      new RegExp(
        `--device is "${device}": it is not available: .*${gpu.tooOld.message.source}.* --device auto`,
      ),
    )
    const missing = await cli({}, 'train', ...text, ...short, '--no-out', '--device', `${device}:3`)
    expect(missing.stderr).toMatch(gpu.missing)
  })
})
