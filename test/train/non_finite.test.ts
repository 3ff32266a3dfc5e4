// A step whose loss or gradient is NaN or Infinity is not applied. The run ends, the error names the
// op and the step, and the weights are kept. If it is the update that writes such a value, the error
// names the tensor, and nothing is saved.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { evaluate } from '../../lib'
import { generate, load } from '../../lib/api/model'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import type { FloatArray } from '../../lib/graph/dtype'
import { gradientName, stateTensors } from '../../lib/optim/update'
import type { TrainingConfig } from '../../lib/options'
import type { TrainEvent } from '../../lib/train/events'
import { train } from '../../lib/train/train'
import { Trainer } from '../../lib/train/trainer'
import { expectSameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { configs, prepare, type TestModel, training, weightsOf } from '../support/models'
import { decoder, eventsOf, lossesOf, ofType, parametersOf, temporaryFolder } from '../support/runs'
import { copySpoiled } from '../support/spoiled'

const folder = temporaryFolder()

onEveryDevice('a non-finite step', ({ name: device, open }) => {
  test('ends the run with an error that names the step, and saves the weights before it', async () => {
    const out = folder.path(device)
    const options = { ...decoder, device, learningRate: 1e30, steps: 50, evalInterval: 50 }
    const run = train({ ...options, out })
    const events: Awaited<ReturnType<typeof eventsOf>> = []
    const error = await failureOf(async () => {
      for await (const event of run) events.push(event)
    })
    const made = lossesOf(events).length
    expect(made).toBeGreaterThan(0)
    expect(error.code).toBe('non_finite')
    expect(error.message).toMatch(
      new RegExp(
        `^step ${made}: .*first non-finite value came from \\w+ \\(op \\d+ of the (gradient|update) Program: `,
      ),
    )
    expect(error.message).toMatch(/lower `learningRate`/)
    expect(await failureOf(() => run)).toBe(error)
    expect(ofType(events, 'checkpoint').at(-1)).toMatchObject({ step: made })
    expect((await readCheckpoint(out, 'last')).info.step).toBe(made)
    await using saved = await load(out, { device, checkpoint: 'last' })
    await using before = await train({ ...options, steps: made, evalInterval: 1000 })
    expectSameBits(await parametersOf(saved), await parametersOf(before))
  })

  const poisons = [
    { parameter: 'tokenEmbedding.weight', value: Number.NaN, op: 'embedding' },
    { parameter: 'blocks.1.attention.query.weight', value: Infinity, op: 'matmul' },
    { parameter: 'blocks.0.feedForward.expand.bias', value: Number.NaN, op: 'linear' },
    { parameter: 'head.bias', value: -Infinity, op: 'linear' },
  ]
  test.each(poisons)(
    '$value in $parameter: the error names $op, and no weight changes',
    async ({ parameter, value, op }) => {
      const session = open()
      const model = await prepare(session, configs['decoder with dropout'], { gradientAccumulationSteps: 2 })
      await model.trainer.steps(0, 2)
      const weights = await session.read(parameter)
      weights.fill(value)
      await session.write(parameter, weights)
      const before = await weightsOf(model)
      const { losses, gradientNorms, failure } = await model.trainer.steps(2, 5)
      expect({ losses, gradientNorms }).toEqual({ losses: [], gradientNorms: [] })
      expect(failure).toMatchObject({ code: 'non_finite', step: 0 })
      expectSameBits(await weightsOf(model), before)
      const error = await model.trainer.explain(2, failure!)
      expect(error).toMatchObject({ code: 'non_finite', message: expect.stringContaining(`step 2: `) })
      expect(error.message).toContain(`came from ${op} (op `)
      expectSameBits(await weightsOf(model), before)
      await expectNoGradients(model)
      await session.dispose()
    },
  )

  /**
   * A finite loss with gradients that grow with `size`. Every target is token 5, whose row of the
   * head is `size`; all other rows are -`size`. The final norm outputs 0.
   */
  async function steep(size: number) {
    const session = open()
    const corpus = new Uint16Array(200).fill(5)
    const model = await prepare(session, configs.decoder, {}, undefined, corpus)
    const head = await session.read('head.weight')
    const columns = configs.decoder.embed
    for (let i = 0; i < head.length; i++) head[i] = Math.floor(i / columns) === 5 ? size : -size
    await session.write('head.weight', head)
    for (const path of ['finalNorm.weight', 'finalNorm.bias'])
      await session.write(path, new Float32Array(columns))
    return { session, model }
  }

  test.each([
    {
      what: 'elements of a gradient overflow',
      size: 3.4e38,
      named: 'layer_norm_backward \\(op \\d+ of the gradient Program',
    },
    {
      what: 'only the gradient norm overflows',
      size: 0.5e38,
      named: 'global_norm \\(op 0 of the update Program',
    },
  ])('$what: the loss is finite, but the update is not applied', async ({ size, named }) => {
    const { session, model } = await steep(size)
    const before = await weightsOf(model)
    const { losses, failure } = await model.trainer.steps(0, 3)
    expect(losses).toEqual([])
    expect(failure).toMatchObject({ code: 'non_finite', step: 0, phase: 1, opName: 'require_finite' })
    const error = await model.trainer.explain(0, failure!)
    expect(error.message).toMatch(new RegExp(`^step 0: .* first non-finite value came from ${named}`))
    expectSameBits(await weightsOf(model), before)
    await expectNoGradients(model)
    await session.dispose()
  })
})

onEveryDevice('an update that writes a value that is not finite', ({ name: device, open }) => {
  const muon: Partial<TrainingConfig> = { optimizer: 'muon', momentum: 0.95 }
  const planted: { name: string; op: string; value: number; overrides?: Partial<TrainingConfig> }[] = [
    { name: 'adamw/v/head.weight', op: 'adamw', value: Number.NaN },
    { name: 'adamw/v/tokenEmbedding.weight', op: 'adamw', value: Infinity },
    { name: 'adamw/m/blocks.1.attention.key.weight', op: 'adamw', value: -Infinity },
    { name: 'adamw/v/head.bias', op: 'adamw', value: Number.NaN, overrides: muon },
    { name: 'muon/m/blocks.0.attention.key.weight', op: 'muon', value: Infinity, overrides: muon },
    {
      name: 'sgd/m/head.weight',
      op: 'sgd',
      value: Number.NaN,
      overrides: { optimizer: 'sgd', momentum: 0.9 },
    },
    { name: 'average/head.weight', op: 'ema', value: Number.NaN, overrides: { emaDecay: 0.9 } },
  ]
  test.each(planted)('$value in $name: the step that reads it fails, and names it', async (it) => {
    const { name, op, value, overrides } = it
    const session = open()
    const model = await prepare(session, configs['decoder with dropout'], overrides)
    await model.trainer.steps(0, 2)
    await plant(session, name, value)
    const { losses, failure } = await model.trainer.steps(2, 5)
    expect(losses).toEqual([])
    expect(failure).toMatchObject({ code: 'non_finite', step: 0, phase: 1, opName: op, buffer: name })
    expect(failure!.message).toMatch(
      new RegExp(
        `^op \\d+ \\(${op}\\) computed a value that is not finite: in "${name}", f32 \\[[\\d, ]+\\]$`,
      ),
    )
    const run = jest.spyOn(session, 'run')
    const error = await model.trainer.explain(2, failure!)
    expect(run).not.toHaveBeenCalled() // the step is not repeated
    expect(error).toMatchObject({ code: 'non_finite', subject: 'step 2' })
    expect(error.message).toContain(`the update (${op}) wrote a value that is not finite to ${name}.`)
    expect(error.message).not.toContain('unchanged')
    expect(error.message).toContain(
      `Resume the run with a lower \`${op === 'muon' ? 'matrixLearningRate' : 'learningRate'}\``,
    )
    await session.dispose()
  })

  test.each<[string, Partial<TrainingConfig>]>([
    ['AdamW', { learningRate: 1e38, weightDecay: 1e3 }],
    ['SGD', { optimizer: 'sgd', learningRate: 1e38, momentum: 0.9, weightDecay: 1e3 }],
    ['Muon', { ...muon, matrixLearningRate: 1e38, weightDecay: 1e3 }],
  ])('%s at a rate of 1e38 fails in its first step', async (_, overrides) => {
    const session = open()
    const { trainer } = await prepare(session, configs.decoder, overrides)
    const { losses, failure } = await trainer.steps(0, 4)
    expect(losses).toEqual([])
    expect(failure).toMatchObject({ code: 'non_finite', step: 0, phase: 1 })
    expect(Array.from((await session.read(failure!.buffer!)) as FloatArray).every(Number.isFinite)).toBe(
      false,
    )
    await session.dispose()
  })

  const rates = [1e3, 1e6, 1e12, 1e20, 1e30, 1e38]
  test.each(rates)('no completed step leaves such a value in the Store, at a rate of %p', async (rate) => {
    const all: Partial<TrainingConfig>[] = [
      { learningRate: rate },
      { optimizer: 'sgd', learningRate: rate, momentum: 0.9 },
      { ...muon, matrixLearningRate: rate, emaDecay: 0.9 },
    ]
    for (const overrides of all) {
      const session = open()
      const model = await prepare(session, configs.decoder, overrides)
      const names = [
        ...model.parameters.map(({ path }) => path),
        ...stateTensors(model.parameters, { ...training, ...overrides }).map(({ name }) => name),
      ]
      for (let step = 0; step < 12; step++) {
        const { failure } = await model.trainer.steps(step, 1)
        const isSpoiled = failure?.phase === 1 && failure.opName !== 'require_finite'
        for (const name of isSpoiled ? [] : names) {
          const values = Array.from((await session.read(name)) as FloatArray)
          expect([step, name, values.every(Number.isFinite)]).toEqual([step, name, true])
        }
        if (failure) break
      }
      await session.dispose()
    }
  })

  test('ends the run: the last checkpoint stays as it was, and the error says how to continue', async () => {
    const out = folder.path(`spoiled-${device}`)
    const options = { ...decoder, device, steps: 20, evalInterval: 20, checkpointInterval: 2, out }
    const steps = Trainer.prototype.steps
    const spy = jest.spyOn(Trainer.prototype, 'steps').mockImplementation(async function (
      this: Trainer,
      step,
    ) {
      const { session } = (this as unknown as { options: TestModel }).options
      if (step === 5) await plant(session, 'adamw/v/head.weight', Number.NaN)
      return steps.call(this, step, 1)
    })
    const saved: Buffer[] = []
    const run = train(options)
    const error = await failureOf(async () => {
      for await (const event of run) {
        if (event.type === 'checkpoint' && event.step === 4) saved.push(await readFile(event.path))
      }
    })
    spy.mockRestore()
    expect(error).toMatchObject({ code: 'non_finite', subject: 'step 5' })
    expect(error.message).toBe(
      'step 5: the update (adamw) wrote a value that is not finite to adamw/v/head.weight. ' +
        'The weights in memory are unusable and are not saved. Resume the run with a lower `learningRate` or `gradientClip: 1`. ' +
        `The run is saved up to step 4: train({ resume: '${out}' }) continues from there`,
    )
    expect(saved).toHaveLength(1)
    expect((await readFile(join(out, 'last.safetensors'))).equals(saved[0])).toBe(true)
    await using next = await train({ resume: out, learningRate: 1e-4, device, steps: 6, data: decoder.data })
    expect(next.info).toMatchObject({ step: 6, changes: [{ step: 4, option: 'learningRate', to: 1e-4 }] })
  })

  test('before the first checkpoint nothing is saved', async () => {
    const out = folder.path(`first-${device}`)
    const run = train({ ...decoder, device, learningRate: 1e30, weightDecay: 1e30, out })
    const error = await failureOf(() => run)
    expect(error.message).toMatch(/^step 0: the update \(adamw\) .*/)
    await expect(readCheckpoint(out, 'last')).rejects.toMatchObject({ code: 'file_not_found' })
  })
})

onEveryDevice('a checkpoint with a value that is not finite', ({ name: device }) => {
  /** A checkpoint of a short run, with NaN in one of its tensors. */
  async function spoiledCheckpoint(name: string): Promise<string> {
    const out = folder.path(`whole-${device}`)
    await (await train({ ...decoder, device, steps: 2, out, overwrite: true })).dispose()
    const path = folder.path(`spoiled-${device}.safetensors`)
    await copySpoiled(out, path, { name, at: 3, value: Number.NaN })
    return path
  }
  const { data } = decoder

  test('is rejected, and the error names the first such tensor', async () => {
    const model = await spoiledCheckpoint('head.weight')
    const calls: (() => PromiseLike<unknown>)[] = [
      () => load(model, { device }),
      () => evaluate({ model, data, device }),
      () => generate({ model, device, maxTokens: 3 }),
      () => train({ from: model, data, device, steps: 2 }),
      () => train({ resume: model, data, device, steps: 4 }),
    ]
    for (const call of calls) {
      const error = await failureOf(call)
      expect(error).toMatchObject({ code: 'non_finite', subject: model })
      expect(error.message).toBe(
        `${model}: element 3 of its tensor head.weight is NaN. Use a checkpoint from before training diverged`,
      )
    }
  })

  test('in the state of the optimizer is rejected by resume only', async () => {
    const model = await spoiledCheckpoint('adamw/v/head.weight')
    const error = await failureOf(() => train({ resume: model, data, device, steps: 4 }))
    expect(error.message).toContain('element 3 of its tensor adamw/v/head.weight is NaN')
    expect((await evaluate({ model, data, device })).valLoss).toBeGreaterThan(0)
  })
})

/** Replaces an element of a tensor in the Store. */
async function plant(session: TestModel['session'], name: string, value: number): Promise<void> {
  const values = await session.read(name)
  values[values.length - 1] = value
  await session.write(name, values)
}

/** Checks that all gradients are 0 after the failed step. */
async function expectNoGradients({ session, parameters }: TestModel): Promise<void> {
  for (const { path } of parameters) {
    const gradient = Array.from(await session.read(gradientName(path)))
    expect([path, gradient.every((element) => element === 0)]).toEqual([path, true])
  }
}

onEveryDevice('nonFinite', ({ name: device }) => {
  // The model is a table of pairs that is sure of a `!` after each `#`: any other character has an
  // infinite loss.
  const text = `${'the cat sat on a #mat. '.repeat(40)}#!`
  const base = { data: { text }, device, seed: 3 } as const
  const options = { ...base, steps: 100, batchSize: 1, evalInterval: 1000, nonFinite: 'skip' } as const
  let from: string
  beforeAll(async () => {
    from = folder.path(`${device}-sure.safetensors`)
    await using model = await train({ ...base, preset: 'bigram', blockSize: 1, steps: 1 })
    const [[path, { data, shape }]] = await model.parameters()
    const [row, only] = model.tokenizer.encode('#!')
    for (let i = 0; i < shape[1]; i++) data[row * shape[1] + i] = i === only ? 3e38 : -3e38
    await model.setParameter(path, data)
    await model.save(from)
  })

  test("'skip' leaves out the steps whose loss is not finite, and says so", async () => {
    const out = folder.path(`${device}-skip`)
    const run = train({ ...options, from, out })
    const events = await eventsOf(run)
    await using model = await run
    const losses = lossesOf(events)
    expect(losses).toHaveLength(100)
    const skipped = losses.flatMap((loss, step) => (Number.isNaN(loss) ? [step] : []))
    expect(skipped.length).toBeGreaterThan(0)
    expect(skipped.length).toBeLessThan(60)
    const warnings = ofType(events, 'warning')
    expect(warnings.map(({ step, code }) => ({ step, code }))).toEqual(
      skipped.map((step) => ({ step, code: 'non_finite' })),
    )
    expect(String(warnings[0].message)).toMatch(/^step \d+: the loss or its gradient .* The step is skipped$/)
    // A stop and a resume change nothing.
    const half = folder.path(`${device}-half`)
    await (await train({ ...options, from, steps: skipped[0] + 1, out: half })).dispose()
    await using resumed = await train({ device, resume: half, steps: 100 })
    expectSameBits(await parametersOf(resumed), await parametersOf(model))
  })

  test("'stop' ends the run at the first of them", async () => {
    const error = await failureOf(() => train({ ...options, from, nonFinite: 'stop' }))
    expect(error.message).toMatch(/The weights are unchanged by this step/)
  })

  test("'skip' ends the run after ten in a row", async () => {
    const only = { ...options, data: { text: '#'.repeat(5000) + text }, from }
    const run = train(only)
    const events: TrainEvent[] = []
    const error = await failureOf(async () => {
      for await (const event of run) events.push(event)
    })
    expect(error.code).toBe('non_finite')
    expect(ofType(events, 'warning').length).toBeGreaterThanOrEqual(10)
  })
})
