// A comparison of runs: what `nano-gpt compare` says about them, and what they wrote.

import { titleOf } from '../data/corpus'
import { wordsOf } from '../errors'
import { compareRuns } from '../history/compare'
import { readRun } from '../history/read'
import { decidingLoss, meanSpeed } from '../history/records'
import type { EvaluationRecord, RunRecord, RunState } from '../history/types'
import { rowOf, trainNames, trainOptions } from '../options'
import { type TokenUnit, unitOf } from '../tokenizer/names'
import { RequestError } from './respond'
import type { Runs } from './runs'
import { labelOf, surface } from './surface'
import { rounded } from './view'

/** The options that are shown first. The others follow in the order of the plan. */
const important = [
  ...['preset', 'tokenizer', 'layers', 'embed', 'heads', 'blockSize', 'dropout'],
  ...['steps', 'batchSize', 'learningRate', 'optimizer', 'seed'],
]

/** The facts of a run tell these. */
const shownElsewhere = ['data', 'text', 'parameters']

/** The largest number of runs. More curves cannot be told apart. */
export const mostCompared = 6

/** A loss after `step` updates, which took `seconds`. */
export interface Measured {
  readonly step: number
  readonly seconds: number
  readonly loss: number
}

/** A run of a comparison. */
export interface Compared {
  readonly id: string
  readonly text: string
  readonly state: RunState
  readonly step: number
  readonly steps: number
  readonly parameters: number
  /** The time of all updates. */
  readonly seconds: number
  readonly tokensPerSecond: number | null
  /** The validation losses, in nats per `unit` of the comparison. */
  readonly evaluations: readonly Measured[]
  /** The training losses. */
  readonly points: readonly Measured[]
  readonly best: Measured | null
  readonly samples: RunRecord['history']['samples']
}

export interface ComparedRuns {
  /** What the losses are about. Runs with other tokens, or another text, are compared by bytes. */
  readonly unit: TokenUnit | 'byte'
  readonly runs: readonly Compared[]
  /** The options that differ: a value per run, and null where an option does not apply. */
  readonly options: readonly {
    readonly name: string
    readonly label: string
    readonly help: string
    readonly values: readonly (string | null)[]
  }[]
  /** The command that compares the same runs in a terminal. */
  readonly command: string
}

/**
 * Compares runs of the runs folder.
 *
 * @param given the ids of two runs or more
 * @param commandOf the command with which a terminal compares folders
 * @throws RequestError for other ids
 */
export async function comparisonOf(
  runs: Runs,
  given: unknown,
  commandOf: (folders: readonly string[]) => string,
): Promise<ComparedRuns> {
  const ids = Array.isArray(given) ? [...new Set(given)] : []
  if (ids.length < 2 || ids.length > mostCompared)
    throw new RequestError(400, `Choose from 2 to ${mostCompared} runs to compare them.`)
  const folders: string[] = []
  for (const id of ids) folders.push(await runs.folderOf(id))
  const records: RunRecord[] = []
  for (const folder of folders) records.push(await readRun(folder))
  return { ...compared(ids, records), command: commandOf(folders) }
}

/** The comparison of these runs, which have these ids. */
export function compared(
  ids: readonly string[],
  records: readonly RunRecord[],
): Omit<ComparedRuns, 'command'> {
  const { unit, options, best } = compareRuns(records)
  const texts = textsOf(records)
  const isPerToken = unit === 'nats per token'
  /** A bit has ln 2 nats. */
  const valLossOf = (each: EvaluationRecord) =>
    rounded(isPerToken ? decidingLoss(each, unit) : Math.LN2 * decidingLoss(each, unit))
  return {
    unit: isPerToken ? unitOf(records[0].tokenizer) : 'byte',
    runs: records.map((record, i) => {
      const { state, step, steps, parameters, data, history } = record
      const speed = meanSpeed(history.steps)
      const perToken = isPerToken ? 1 : data.bytesPerToken?.train
      const measured = (each: EvaluationRecord) => {
        return { step: each.step, seconds: each.seconds, loss: valLossOf(each) }
      }
      return {
        id: ids[i],
        text: texts[i],
        ...{ state, step, steps, parameters },
        seconds: history.steps.at(-1)?.seconds ?? 0,
        tokensPerSecond: Number.isFinite(speed) ? speed : null,
        evaluations: history.evaluations.map(measured),
        points: history.steps.flatMap(({ to, seconds, loss }) =>
          loss === null || perToken === undefined
            ? []
            : [{ step: to, seconds, loss: rounded(loss / perToken) }],
        ),
        best: best[i] && measured(best[i]),
        samples: history.samples,
      }
    }),
    options: Object.entries(options)
      .filter(([name]) => !shownElsewhere.includes(name))
      .map(([name, values]) => ({
        name,
        label: labelOf(name),
        help: helpOf(name),
        values: values.map(wordsFor),
      }))
      .sort((a, b) => rankOf(a.name) - rankOf(b.name)),
  }
}

function rankOf(name: string): number {
  const rank = important.indexOf(name)
  return rank < 0 ? important.length : rank
}

/** The names of the texts. Texts of the same name are told apart by their content. */
function textsOf(records: readonly RunRecord[]): string[] {
  return records.map(({ data }) => {
    const name = titleOf(data.name)
    const hasNamesake = records.some(
      (other) => titleOf(other.data.name) === name && other.data.digest !== data.digest,
    )
    return hasNamesake ? `${name} (${data.digest.slice(0, 6)})` : name
  })
}

/** null: the option does not apply. */
function wordsFor(value: unknown): string | null {
  if (value === undefined) return null
  if (value === null) return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.map(wordsFor).join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Empty for what is no option: the text, for example. */
function helpOf(name: string): string {
  const option = trainNames.find((each) => each === name)
  return option ? wordsOf(rowOf(trainOptions, option).help, surface) : ''
}
