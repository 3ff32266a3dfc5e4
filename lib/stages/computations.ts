// What a model computes, in order: its modules, and the ops between them. A computation is either one.

import { type Shape, sizeOf } from '../graph/dtype'
import type { Attributes, Program } from '../graph/program'
import { Parameter, type Tensor } from '../graph/tensor'
import { Trace } from '../graph/trace'
import { modulesOf } from '../model/probe'
import { Dropout, Embedding, LayerNorm, Linear, type ModelSizes, type Module, nameParameters } from '../nn'
import { modelStages } from './index'

/** A kind of model that a stage defines. */
export type ModelName = keyof typeof modelStages

/** What has computed a value. */
export interface Computation {
  /** 'source': a value that the model is given. */
  readonly kind: 'source' | 'module' | 'op'
  readonly label: string
  /** What kind of attention it is, or by what it multiplies; '' for most computations. */
  readonly detail: string
  /** The number of its parameters. */
  readonly parameters: number
  /** The indices of the computations whose results it reads. */
  readonly reads: readonly number[]
  /** The shape of its result. */
  readonly shape: Shape
  /** The path of the module, or of the one whose op it is. */
  readonly path: string
  /** The path of the innermost module around it; '' for the model. */
  readonly around: string
}

/** The ops that are parts of a diagram. The others make constants. */
const opLabels: Readonly<Record<string, string>> = {
  positions: 'positions',
  add: '+',
  attention: 'attention',
  relu: 'ReLU',
  matmul: 'product',
  batched_matmul: 'product',
  masked_softmax: 'softmax of the past',
}

/** Properties whose names say too little. */
const moduleLabels: Readonly<Record<string, string>> = {
  blocks: 'block',
  head: 'scores',
  feedForward: 'feed-forward',
  feedForwardNorm: 'layer norm',
  attentionNorm: 'layer norm',
  finalNorm: 'final layer norm',
  residualDropout: 'dropout',
}

/** `blocks.0.attention` → attention */
export function labelOf(path: string): string {
  const property = path
    .replace(/\.\d+$/, '')
    .split('.')
    .at(-1)!
  return moduleLabels[property] ?? property.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

const leaves = [Embedding, Linear, LayerNorm, Dropout]
const isLeaf = (module: Module) => leaves.some((kind) => module instanceof kind)

/** What a module has computed: the ops from `from` on, before `to`. */
interface Call {
  readonly module: Module
  readonly from: number
  readonly to: number
  readonly operands: readonly Tensor[]
  readonly result: Tensor
}

/** Traces a model as in training, with dropout. */
export function computationsOf(kind: ModelName, sizes: ModelSizes, batchSize: number): Computation[] {
  const model = new modelStages[kind].model(sizes)
  nameParameters(model)
  const trace = new Trace('diagram', { training: true })
  const calls: Call[] = []
  for (const module of modulesOf(model)) {
    if (module === model) continue
    const { forward } = module
    module.forward = (...operands) => {
      const from = trace.ops.length
      const result = forward.apply(module, operands)
      calls.push({ module, from, to: trace.ops.length, operands, result })
      return result
    }
  }
  const tokens = trace.input('tokens', 'i32', [batchSize, sizes.blockSize])
  model.forward(tokens)
  const computations: Computation[] = [source('tokens', tokens.shape)]
  const indexOf = new Map([[tokens.id, 0]])
  for (let op = 0; op < trace.ops.length; ) {
    // Of nested modules, the inner one returns first.
    const open = calls.filter(({ from, to }) => from <= op && op < to)
    const leaf = open.find(({ module }) => isLeaf(module))
    const around = open.find(({ module }) => !isLeaf(module))?.module.path ?? ''
    const { op: name, inputs, outputs, attributes } = trace.ops[op]
    const reading = leaf ? leaf.operands.map(({ id }) => id) : inputs
    const reads = reading.flatMap((id) => indexOf.get(id) ?? [])
    const result = leaf?.result ?? trace.tensor(outputs[0])
    op = leaf?.to ?? op + 1
    const common = { around, reads, shape: result.shape }
    if (leaf) {
      const { path } = leaf.module
      const parameters = parametersOf(leaf.module)
      computations.push({ kind: 'module', label: labelOf(path), detail: '', parameters, path, ...common })
    } else if (opLabels[name] !== undefined) {
      const detail = name === 'attention' ? headsOf(attributes) : ''
      const kind = reads.length > 0 ? 'op' : 'source'
      computations.push({ kind, label: opLabels[name], detail, parameters: 0, path: around, ...common })
    } else continue
    indexOf.set(result.id, computations.length - 1)
  }
  return computations
}

const source = (label: string, shape: Shape): Computation => ({
  ...{ kind: 'source', label, detail: '', parameters: 0, reads: [] },
  ...{ path: '', around: '', shape },
})

function parametersOf(module: Module): number {
  const own = Object.values(module).filter((value) => value instanceof Parameter)
  return own.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}

function headsOf({ heads, dropout }: Attributes): string {
  const what = heads === 1 ? '1 head' : `${heads} heads`
  return dropout ? `${what}, dropout ${dropout}` : what
}

/** The computations without those of all blocks but the first. What reads the last block reads the first. */
export function firstBlock(computations: readonly Computation[]): {
  computations: Computation[]
  times: number
} {
  const blockOf = ({ around }: Computation) => Number(/^blocks\.(\d+)/.exec(around)?.[1] ?? -1)
  const first = computations.flatMap((computation, i) => (blockOf(computation) === 0 ? [i] : []))
  const times = Math.max(...computations.map(blockOf)) + 1
  /** The index of each computation, or of its twin in the first block, among those that stay. */
  const places: number[] = []
  const kept: Computation[] = []
  const seen = Array.from({ length: times }, () => 0)
  for (const computation of computations) {
    const block = blockOf(computation)
    if (block > 0) places.push(places[first[seen[block]++]])
    else
      places.push(kept.push({ ...computation, reads: computation.reads.map((index) => places[index]) }) - 1)
  }
  return { computations: kept, times }
}

/** The computations of a Program with one input x. Its other inputs are matrices. */
export function computationsOfProgram({ buffers, ops }: Program): Computation[] {
  const x = buffers.findIndex(({ name }) => name === 'x')
  const computations = [source('x', buffers[x].shape)]
  const indexOf = new Map([[x, 0]])
  for (const { op, inputs, outputs } of ops) {
    const reads = inputs.flatMap((id) => indexOf.get(id) ?? [])
    const [matrix] = inputs.filter((id) => !indexOf.has(id))
    const detail = matrix === undefined ? '' : `with ${buffers[matrix].name}`
    const { shape } = buffers[outputs[0]]
    const how = { label: opLabels[op], detail, path: '', around: '', shape, reads }
    computations.push({ kind: 'op', parameters: 0, ...how })
    indexOf.set(outputs[0], computations.length - 1)
  }
  return computations
}
