// The diagram of a stage's model, derived from the model itself: it is traced, and what its modules and
// ops compute becomes the parts of the diagram. The blocks of a model are equal, so the first one stands
// for all.

import type { ModelSizes } from '../nn'
import { findPreset } from '../presets'
import { recordedHead, sizes as sketchSizes } from './02_attention_tricks'
import {
  type Computation,
  computationsOf,
  computationsOfProgram,
  firstBlock,
  labelOf,
  type ModelName,
} from './computations'
import { modelStages, stages } from './index'
import type { Stage } from './stage'

/** A computation of the model. The parameters are those of one block. */
export interface Part extends Omit<Computation, 'shape' | 'path' | 'around'> {
  /** The sizes of its result as symbols, such as B, T, C. */
  readonly shape: readonly string[]
  /** One more than the largest row of the parts that it reads. */
  readonly row: number
  /** The index of the innermost group that it is in. -1: none. */
  readonly group: number
  /** Whether the previous model has no such part. */
  readonly isNew: boolean
}

/** Parts that belong together. */
export interface Group {
  readonly label: string
  /** How many equal ones follow each other. */
  readonly times: number
  /** The index of the group around it. -1: none. */
  readonly group: number
  readonly isNew: boolean
}

export interface Diagram {
  readonly parts: readonly Part[]
  readonly groups: readonly Group[]
  /** What the symbols mean, and their values. */
  readonly symbols: readonly { readonly symbol: string; readonly value: number; readonly meaning: string }[]
}

/** A part before it is compared with those of another model. */
interface Drawn extends Omit<Diagram, 'parts' | 'groups'> {
  readonly parts: readonly (Omit<Part, 'isNew'> & { readonly key: string })[]
  readonly groups: readonly (Omit<Group, 'isNew'> & { readonly key: string })[]
}

/** The diagram of a stage, for a text with so many different characters. */
export function diagramOf(stage: Stage, vocabSize: number): Diagram {
  const drawn = draw(stage, vocabSize)
  const before = stages.slice(0, stages.indexOf(stage)).findLast(definesModel)
  return compared(drawn, definesModel(stage) && before ? draw(before, vocabSize) : undefined)
}

/** The number of all parameters, those of all blocks. */
export function weightsOf({ parts, groups }: Diagram): number {
  const times = (at: number): number => (at < 0 ? 1 : groups[at].times * times(groups[at].group))
  return parts.reduce((sum, { parameters, group }) => sum + parameters * times(group), 0)
}

const definesModel = ({ name }: Stage) => Object.hasOwn(modelStages, name)

/** Marks what the diagram of the previous model has not. */
function compared({ parts, groups, symbols }: Drawn, before?: Drawn): Diagram {
  const marked = <T extends { readonly key: string }>(all: readonly T[], old: readonly T[] = []) => {
    const known = old.map(({ key }) => key)
    return all.map(({ key, ...rest }) => {
      const at = known.indexOf(key)
      if (at >= 0) known.splice(at, 1)
      return { ...rest, isNew: at < 0 }
    })
  }
  return { parts: marked(parts, before?.parts), groups: marked(groups, before?.groups), symbols }
}

function draw(stage: Stage, vocabSize: number): Drawn {
  if (!stage.numbers) return drawProgram()
  const { kind, ...sizes } = findPreset(stage.name).model
  return drawModel(kind as ModelName, { ...sizes, vocabSize }, stage.numbers.batchSize)
}

// ------------------------------------------------------------------------------------------------
// Parts

/** The same path in a model with and without blocks. */
const withoutBlock = (path: string) => path.replace(/^blocks\.0\.?/, '')

/** Puts the computations into rows and groups. */
function arranged(
  computations: readonly (Omit<Computation, 'shape'> & { readonly shape: readonly string[] })[],
  times: number,
): Pick<Drawn, 'parts' | 'groups'> {
  const paths: string[] = []
  const add = (path: string): number => {
    if (path === '' || path === 'blocks') return -1
    const known = paths.indexOf(path)
    if (known >= 0) return known
    add(parentOf(path))
    return paths.push(path) - 1
  }
  const rows: number[] = []
  const parts = computations.map(({ path, around, ...computation }) => {
    const row = Math.max(-1, ...computation.reads.map((index) => rows[index])) + 1
    rows.push(row)
    const key = [
      withoutBlock(path),
      computation.label,
      computation.detail,
      computation.kind === 'module' && computation.shape,
    ].join()
    return { ...computation, row, group: add(around), key }
  })
  const groups = paths.map((path) => {
    const isBlock = /^blocks\.\d+$/.test(path)
    const group = paths.indexOf(parentOf(path))
    return { label: labelOf(path), times: isBlock ? times : 1, group, key: withoutBlock(path) || `×${times}` }
  })
  return { parts, groups }
}

const parentOf = (path: string) => path.replace(/(^|\.)\w+$/, '')

// ------------------------------------------------------------------------------------------------
// A model

/** Sizes of which none is a part of another, so that each has its symbol. */
const primes = { batch: 101, block: 103, channels: 107, vocabulary: 109 }

function drawModel(kind: ModelName, sizes: ModelSizes, batchSize: number): Drawn {
  const { computations, times } = firstBlock(computationsOf(kind, sizes, batchSize))
  const embed = primes.channels * sizes.heads
  const distinct = { ...sizes, embed, blockSize: primes.block, vocabSize: primes.vocabulary }
  const symbolic = firstBlock(computationsOf(kind, distinct, primes.batch)).computations
  const names: Readonly<Record<number, string>> = {
    [primes.batch]: 'B',
    [primes.block]: 'T',
    [primes.vocabulary]: 'V',
    [embed]: 'C',
    [4 * embed]: '4C',
  }
  const shapes = symbolic.map(({ shape }) => shape.map((size) => names[size]))
  const symbols = [
    { symbol: 'B', value: batchSize, meaning: 'windows of the text that it reads at once' },
    { symbol: 'T', value: sizes.blockSize, meaning: 'characters in a window' },
    { symbol: 'C', value: sizes.embed, meaning: 'numbers for each character' },
    { symbol: 'V', value: sizes.vocabSize, meaning: 'different characters in the text' },
  ]
  return {
    ...arranged(
      computations.map((computation, i) => ({ ...computation, shape: shapes[i] })),
      times,
    ),
    symbols: symbols.filter(({ symbol }) => shapes.flat().includes(symbol)),
  }
}

// ------------------------------------------------------------------------------------------------
// The Program of stage 02

function drawProgram(): Drawn {
  const { B, T, C, D } = sketchSizes
  const names: Readonly<Record<number, string>> = { [B]: 'B', [T]: 'T', [C]: 'C', [D]: 'D' }
  const computations = computationsOfProgram(recordedHead())
  return {
    ...arranged(
      computations.map((computation) => ({
        ...computation,
        shape: computation.shape.map((size) => names[size]),
      })),
      1,
    ),
    symbols: [
      { symbol: 'B', value: B, meaning: 'windows' },
      { symbol: 'T', value: T, meaning: 'positions in a window' },
      { symbol: 'C', value: C, meaning: 'numbers for each position' },
      { symbol: 'D', value: D, meaning: 'numbers for each position in the head' },
    ],
  }
}
