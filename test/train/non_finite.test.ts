// A step that would produce NaN or Infinity is not applied. The run ends, the error names the op
// and the step, and the weights are kept.

import { load } from '../../lib/api/model'
import { readCheckpoint } from '../../lib/checkpoint/checkpoint'
import { gradientName } from '../../lib/optim/update'
import { train } from '../../lib/train/train'
import { expectSameBits } from '../support/bits'
import { onEveryDevice } from '../support/devices'
import { failureOf } from '../support/errors'
import { configs, prepare, type TestModel, weightsOf } from '../support/models'
import { decoder, type eventsOf, lossesOf, ofType, parametersOf, temporaryFolder } from '../support/runs'

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

/** Checks that all gradients are 0 after the failed step. */
async function expectNoGradients({ session, parameters }: TestModel): Promise<void> {
  for (const { path } of parameters) {
    const gradient = Array.from(await session.read(gradientName(path)))
    expect([path, gradient.every((element) => element === 0)]).toEqual([path, true])
  }
}
