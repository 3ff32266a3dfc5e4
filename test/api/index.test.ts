// The exports of the package, and the calls that the README shows.

import * as nano from '../../lib'
import { runChild } from '../support/child'
import { short, temporaryFolder } from '../support/runs'

const folder = temporaryFolder()

test('the list of exports', () => {
  expect(Object.keys(nano).sort()).toEqual([
    'BpeTokenizer',
    'ByteTokenizer',
    'CharTokenizer',
    'Gpt2Tokenizer',
    'Model',
    'NanoGptError',
    'Tensor',
    'devices',
    'estimate',
    'evaluate',
    'generate',
    'load',
    'nn',
    'ops',
    'plan',
    'presets',
    'readRun',
    'report',
    'sweep',
    'tensor',
    'train',
    'version',
  ])
  expect(nano.version).toMatch(/^\d+\.\d+\.\d+/)
})

test('devices() lists every device, best first, with a description', () => {
  const devices = nano.devices()
  expect(devices.map(({ name }) => name)).toEqual(['cuda', 'metal', 'cpu', 'js'])
  for (const { description } of devices) expect(description).not.toBe('')
  expect(devices.at(-1)).toMatchObject({ name: 'js', available: true })
})

test('train, iterate, await, generate and stream, as in the README', async () => {
  const { train, generate } = nano
  const out = folder.path('first')
  const { data } = short
  const run = train({
    data,
    preset: 'decoder',
    blockSize: 16,
    embed: 12,
    heads: 2,
    layers: 1,
    steps: 20,
    batchSize: 4,
    evalInterval: 10,
    evalBatches: 2,
    device: 'auto',
    seed: 1337,
    out,
  })
  const evaluated: number[] = []
  for await (const event of run) if (event.type === 'evaluation') evaluated.push(event.step)
  const model = await run
  expect(evaluated).toEqual([0, 10, 20])
  const text = await model.generate({ prompt: 'The cat', maxTokens: 30, temperature: 0.8, topK: 40, seed: 7 })
  let streamed = ''
  for await (const piece of model.stream({
    prompt: 'The cat',
    maxTokens: 30,
    temperature: 0.8,
    topK: 40,
    seed: 7,
  }))
    streamed += piece
  expect(streamed).toBe(text)
  await model.dispose()
  const again = await generate({
    model: out,
    checkpoint: 'last',
    prompt: 'The cat',
    maxTokens: 30,
    temperature: 0.8,
    topK: 40,
    seed: 7,
  })
  expect(again).toBe(text)
})

test('tensors and ops run eagerly', () => {
  const { tensor, ops } = nano
  const y = ops.relu(
    ops.add(
      ops.matmul(
        tensor([
          [1, 2],
          [3, 4],
        ]),
        tensor([
          [1, 0],
          [0, -1],
        ]),
      ),
      tensor([0.5, 1]),
    ),
  )
  expect(y.toArray()).toEqual([
    [1.5, 0],
    [3.5, 0],
  ])
  expect(() => ops.matmul(tensor([1, 2]), tensor([[1, 2, 3]]))).toThrow(/matmul: inner sizes differ/)
  expect(() => tensor([[1], [2, 3]])).toThrow(/ragged/)
  expect(() => tensor([1, 2]).item()).toThrow(/needs one element/)
  expect(tensor(7).item()).toBe(7)
})

test.each(['0', 'False', 'off'])(
  'NANO_GPT_NATIVE=%s disables the native engine, and the messages say so',
  async (value) => {
    const { stdout, code } = await runChild(
      `
    const cpu = nano.devices().find(({ name }) => name === 'cpu')
    console.log(cpu.available, cpu.description)
    const model = await nano.train({ data: { text }, preset: 'bigram', steps: 1, evalBatches: 1 })
    console.log(model.device)
    await nano.train({ data: { text }, device: 'cpu' }).catch(({ code, message }) => console.log(code, message))
  `,
      { NANO_GPT_NATIVE: value },
    )
    expect(code).toBe(0)
    const [device, used, refused] = stdout.trim().split('\n')
    expect(device).toBe(`false NANO_GPT_NATIVE=${value} turns it off`)
    expect(used).toBe('js')
    expect(refused).toMatch(/^device device is "cpu": it is not available: NANO_GPT_NATIVE=/)
  },
)
