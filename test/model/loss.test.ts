// model.loss(): the loss of a text, against a float64 computation that treats every token
// separately.

import { load, type Model } from '../../lib/api/model'
import { createModel } from '../../lib/architectures/create'
import { JsSession } from '../../lib/backend/js/session'
import { Trace } from '../../lib/graph/trace'
import { selectRow } from '../../lib/ops'
import { copyOp } from '../../lib/ops/copy'
import { constantIndex } from '../../lib/ops/fill'
import { apply } from '../../lib/ops/op'
import { train } from '../../lib/train/train'
import { handleOf, onEveryDevice, onNative } from '../support/devices'
import { failureOf } from '../support/errors'
import { compiled } from '../support/models'
import { decoder, short, temporaryFolder } from '../support/runs'
import { someText } from '../support/text'

const folder = temporaryFolder()

/**
 * −log p of every token after the first, each from a separate pass over the part of its window
 * before it, in float64.
 */
async function losses(model: Model, text: string): Promise<number[]> {
  const session = new JsSession({ precision: 'f64' })
  const { model: architecture } = createModel(model.config)
  for (const [path, { shape, data }] of await model.parameters()) {
    await session.allocate(path, 'f32', shape)
    await session.write(path, data)
  }
  const programs = new Map<number, Awaited<ReturnType<typeof compiled>>>()
  const tokens = model.tokenizer.encode(text)
  const found: number[] = []
  for (let i = 1; i < tokens.length; i++) {
    const begin = i - 1 - ((i - 1) % model.config.blockSize)
    const window = tokens.slice(begin, i)
    if (!programs.has(window.length)) {
      const trace = new Trace(`window of ${window.length}`)
      const logits = architecture.forward(trace.input('tokens', 'i32', [1, window.length]))
      const last = window.length === 1 ? logits : selectRow(logits, constantIndex(window.length - 1, trace))
      trace.output('logits', apply(copyOp, [last])[0])
      programs.set(window.length, await compiled(session, trace.finish()))
    }
    const { logits } = await programs.get(window.length)!.run({ tokens: window })
    const values = Array.from(logits as Float32Array)
    const most = Math.max(...values)
    const sum = values.reduce((total, value) => total + Math.exp(value - most), 0)
    found.push(most + Math.log(sum) - values[tokens[i]])
  }
  await session.dispose()
  return found
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

/** The Programs of a model's session. */
async function programsOf(model: Model): Promise<number> {
  const { session } = (model as unknown as { parts: { session: JsSession } }).parts
  if (session.device === 'js') return (session as unknown as { programs: Map<number, unknown> }).programs.size
  const memory = (await handleOf(session).memory()) as unknown as { programs: unknown[] }
  return memory.programs.length
}

onEveryDevice('the loss of a text', ({ name: device }) => {
  describe.each([
    ['a decoder with dropout', decoder],
    ['a bigram', short],
    ['a single head', { ...short, preset: 'single-head' }],
  ])('%s', (_, options) => {
    let model: Model
    beforeAll(async () => {
      model = await train({ ...options, device, steps: 3 })
    })
    afterAll(() => model.dispose())

    test('is the mean over every token but the first, for any length', async () => {
      const T = model.config.blockSize
      const text = someText(2000, 'unseen')
      const expected = await losses(model, text)
      const batch = Math.floor(1024 / T) * T
      const lengths = [2, 3, T, T + 1, T + 2, 2 * T + 1, 3 * T + 5, batch + 1, batch + 2, batch + T + 1, 2000]
      for (const length of lengths) {
        const loss = await model.loss(text.slice(0, length))
        expect([length, Math.abs(loss - mean(expected.slice(0, length - 1))) < 1e-5]).toEqual([length, true])
      }
    })

    test('is reproducible, and frees the Programs compiled for a text', async () => {
      const text = someText(1500)
      const first = await model.loss(text)
      const before = await programsOf(model)
      expect(await Promise.all([model.loss(text), model.loss(text)])).toEqual([first, first])
      for (let length = 2; length < 20; length++) await model.loss(text.slice(0, length))
      expect(await programsOf(model)).toBe(before)
    })
  })

  test('falls as the model learns', async () => {
    const text = someText(600, 'unseen')
    const out = folder.path(`learning-${device}`)
    await using model = await train({ ...short, device, steps: 200, evalInterval: 100, out })
    const loss = await model.loss(text)
    await using begin = await train({ ...short, device, steps: 1 })
    expect(loss).toBeLessThan((await begin.loss(text)) - 0.5)
    await using loaded = await load(out, { device, checkpoint: 'last' })
    expect(await loaded.loss(text)).toBe(loss)
  })

  test('inputs that have no loss', async () => {
    await using model = await train({ ...short, device, steps: 1 })
    const wrong = (text: unknown, options?: object) => failureOf(() => model.loss(text as string, options))
    expect(await wrong('')).toMatchObject({
      code: 'data_too_short',
      message:
        'loss: text is "": it has too few tokens, 0. Give at least 2: one to predict from and one to predict',
    })
    expect((await wrong('T')).message).toMatch(/text is "T": it has too few tokens, 1\. Give at least 2/)
    expect(await wrong('The cät')).toMatchObject({
      code: 'unknown_character',
      message: expect.stringMatching(
        /"ä" \(U\+00E4\) at position 5 .*\. Leave it out, or train on a text that has it/,
      ),
    })
    expect((await wrong('The \ud800')).code).toBe('lone_surrogate')
    expect((await wrong(7)).message).toMatch(
      /^loss: text is 7: must be a string, or its tokens as a Uint8Array, Uint16Array/,
    )
    expect((await wrong('The cat', { signl: 1 })).message).toMatch(/Did you mean `signal`/)
    expect((await wrong('The cat', { signal: 7 })).message).toMatch(/signal is 7: must be an AbortSignal/)
  })

  test('a signal aborts it before or during the computation', async () => {
    await using model = await train({ ...decoder, device, steps: 1 })
    const long = someText(60_000, 'long')
    await expect(model.loss(long, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    const controller = new AbortController()
    const begun = model.loss(long, { signal: controller.signal })
    setImmediate(() => controller.abort(new Error('closing time')))
    await expect(begun).rejects.toThrow('closing time')
    expect(await model.loss('The cat', { signal: new AbortController().signal })).toBeGreaterThan(0)
  })

  test('fails after and during dispose()', async () => {
    const model = await train({ ...decoder, device, steps: 1 })
    const begun = failureOf(() => model.loss(someText(60_000, 'long')))
    await new Promise((resolve) => setImmediate(resolve))
    await model.dispose()
    expect(['disposed', 'cancelled']).toContain((await begun).code)
    expect(await failureOf(() => model.loss('The cat'))).toMatchObject({
      code: 'disposed',
      message: expect.stringContaining('load() it again'),
    })
  })
})

onEveryDevice('release', ({ open }) => {
  test('a released Program can’t run, the others can', async () => {
    const session = open()
    const program = () => {
      const trace = new Trace('copy')
      trace.output('y', apply(copyOp, [trace.input('x', 'f32', [2])])[0])
      return trace.finish()
    }
    const [one, other] = [await compiled(session, program()), await compiled(session, program())]
    await session.release(one.handle)
    expect((await failureOf(() => one.run({ x: [1, 2] }))).code).toBe('invalid_argument')
    expect((await failureOf(() => session.release(one.handle))).code).toBe('invalid_argument')
    expect((await other.run({ x: [1, 2] })).y).toEqual(Float32Array.from([1, 2]))
    // Its handle is not reused.
    const next = await compiled(session, program())
    expect([one.handle, other.handle]).not.toContain(next.handle)
    await session.dispose()
    expect((await failureOf(() => session.release(other.handle))).code).toBe('disposed')
  })
})

onNative('on the native engine', ({ name: device }) => {
  test('the loss equals that of plain TypeScript', async () => {
    const path = folder.path('across.safetensors')
    await using model = await train({ ...decoder, device, steps: 3 })
    await model.save(path)
    await using other = await load(path, { device: 'js' })
    const text = someText(700, 'unseen')
    expect(Math.abs((await model.loss(text)) - (await other.loss(text)))).toBeLessThan(1e-5)
  })
})
