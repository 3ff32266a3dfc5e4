// The update Program: which optimizer updates which parameters, its state, and the order of the
// ops.

import { createModel } from '../../lib/architectures/create'
import { type ModelConfig, stageKinds } from '../../lib/model/config'
import { defaultVariants } from '../../lib/nn'
import { stateTensors, updateProgram } from '../../lib/optim/update'
import { configs, training } from '../support/models'

const settings = { ...training, gradientClip: 0.5 }
const { kind: _, ...sizes } = configs.decoder
const tied: ModelConfig = { kind: 'gpt', ...sizes, ...defaultVariants(sizes), tiedEmbeddings: true }
const decoder = createModel(configs.decoder).parameters

/** The names of an op's inputs. */
function inputsOf(program: ReturnType<typeof updateProgram>, op: string): string[] {
  const node = program.ops.find((node) => node.op === op)
  return node ? node.inputs.map((id) => program.buffers[id].name) : []
}

const matrices = [0, 1].flatMap((block) =>
  [
    ...['attention.query', 'attention.key', 'attention.value', 'attention.projection'],
    ...['feedForward.expand', 'feedForward.contract'],
  ].map((name) => `blocks.${block}.${name}.weight`),
)

test('Muon updates the matrices of hidden layers, AdamW the rest, each with its own decay', () => {
  const program = updateProgram(decoder, { ...settings, optimizer: 'muon', weightDecay: 0.3 })
  const paths = decoder.map(({ path }) => path)
  const rest = paths.filter((path) => !matrices.includes(path))
  expect(rest).toEqual(
    expect.arrayContaining(['tokenEmbedding.weight', 'positionEmbedding.weight', 'head.weight']),
  )
  const taken = (op: string) =>
    inputsOf(program, op)
      .filter((name) => paths.includes(name))
      .sort()
  expect(taken('muon')).toEqual([...matrices].sort())
  expect(taken('adamw')).toEqual([...rest].sort())
  const attributes = (op: string) => program.ops.find((node) => node.op === op)!.attributes
  expect(attributes('muon')).toEqual({ iterations: 5, weight_decay: 0.3 })
  expect(attributes('adamw')).toMatchObject({ weight_decay: 0 })
})

test('AdamW updates a head that shares the embedding table', () => {
  const { parameters } = createModel(tied)
  const program = updateProgram(parameters, { ...settings, optimizer: 'muon' })
  expect(inputsOf(program, 'muon')).not.toContain('tokenEmbedding.weight')
  expect(inputsOf(program, 'adamw')).toContain('tokenEmbedding.weight')
})

test('a model without hidden layers has no parameters for Muon', () => {
  const { parameters } = createModel(configs.bigram)
  const program = updateProgram(parameters, { ...settings, optimizer: 'muon' })
  expect(program.ops.map(({ op }) => op)).not.toContain('muon')
  expect(inputsOf(program, 'adamw')).toContain('tokenEmbedding.weight')
})

test('the optimizer state of each parameter', () => {
  const names = (more: Partial<typeof settings>) =>
    stateTensors(decoder, { ...settings, ...more }).map(({ name }) => name)
  const of = (...prefixes: string[]) =>
    decoder.flatMap(({ path }) => prefixes.map((prefix) => `${prefix}/${path}`))
  expect(names({})).toEqual(of('adamw/m', 'adamw/v'))
  expect(names({ optimizer: 'sgd', emaDecay: 0.9 })).toEqual([...of('sgd/m'), ...of('average')])
  const muon = names({ optimizer: 'muon' })
  expect(muon.filter((name) => name.startsWith('muon/m/'))).toEqual(matrices.map((path) => `muon/m/${path}`))
  expect(muon.filter((name) => name.startsWith('adamw/'))).toHaveLength(
    2 * (decoder.length - matrices.length),
  )
  for (const { name, shape } of stateTensors(decoder, { ...settings, optimizer: 'muon', emaDecay: 0.5 })) {
    expect(decoder.find(({ path }) => name.endsWith(`/${path}`))!.shape).toEqual(shape)
  }
})

describe.each(stageKinds)('the update of a %s', (kind) => {
  test.each(['adamw', 'muon', 'sgd'] as const)(
    'by %s: nothing is written before the norm was found finite',
    (optimizer) => {
      const { parameters } = createModel(configs[kind])
      const program = updateProgram(parameters, { ...settings, optimizer, emaDecay: 0.9 })
      const ops = program.ops.map(({ op }) => op)
      expect(ops.slice(0, 3)).toEqual(['global_norm', 'require_finite', 'clip_scale'])
      const gradients = parameters.map(({ path }) => `gradient/${path}`)
      expect(inputsOf(program, 'global_norm')).toEqual(gradients)
      expect(ops.slice(-2)).toEqual(['ema', 'zero'])
      expect(inputsOf(program, 'zero')).toEqual(gradients)
      // Every update scales by a factor that depends on the norm of all gradients.
      const scale = program.ops[2].outputs[0]
      for (const node of program.ops.slice(3, -2)) expect(node.inputs).toContain(scale)
    },
  )
})
