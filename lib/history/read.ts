// readRun(): what a run folder tells about its run, also while the run is training.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAddon } from '../backend/native/addon'
import { describeCheckpoint } from '../checkpoint/checkpoint'
import { checkpointsIn, isCheckpointName } from '../checkpoint/folder'
import { NanoGptError, option, reasonOf, say } from '../errors'
import { refuseLocked } from '../files/lock'
import { statOf } from '../files/read'
import type { StoredOptions } from '../options'
import { nameOf, tokenizerFromJSON } from '../tokenizer'
import { HistoryFile } from './file'
import {
  configFile,
  isOfRun,
  metricsFile,
  planFile,
  readConfigOf,
  readPlanOf,
  type StoredPlan,
} from './folder'
import { History } from './history'
import { bestOf, decidingLoss } from './records'
import type { RunRecord, RunState } from './types'

/**
 * Reads a run folder: the state of the run, its plan and its history, including what was before a
 * resume. The run may be training, in this process or another one. Runs of earlier versions have no
 * history.
 *
 * @param folder the `out` of a run
 * @throws NanoGptError 'file_not_found' if the folder holds no run, or one that ended before it began
 */
export function readRun(folder: string): Promise<RunRecord> {
  return new RunReader(folder).read()
}

/** Reads a run again and again while it is training, each time what is new. */
export class RunReader {
  private readonly metrics: string
  private readonly file: HistoryFile

  constructor(readonly folder: string) {
    this.metrics = join(folder, metricsFile)
    this.file = new HistoryFile(this.metrics)
  }

  /** @throws NanoGptError as `readRun` */
  async read(): Promise<RunRecord> {
    const { folder } = this
    const notices: string[] = []
    const config = await readConfigOf(folder)
    const options = isOfRun(config) ? config : undefined
    const stored = await readPlanOf(folder)
    const plan: Known | undefined = stored ?? (await planOfCheckpoint(folder, notices))
    if (!plan) throw await noRun(folder, options !== undefined, notices[0])
    // In this order: a run records its end before it unlocks its folder.
    const locked = await isLocked(folder)
    if (!stored && (await statOf(join(folder, planFile))))
      notices.push(`${join(folder, planFile)} is damaged`)
    const hasHistory = stored !== undefined || (await statOf(this.metrics)) !== undefined
    const history = hasHistory ? await this.readHistory(notices) : new History()
    const step = Math.max(history.step, plan.step ?? 0)
    const view = history.view()
    const best = bestOf(view.evaluations)
    if (!options) notices.push(`${join(folder, configFile)} is missing or damaged`)
    const isComplete = step >= plan.training.steps
    const state = history.end?.state ?? stateOf(locked, view.sessions.length > 0, isComplete)
    const reason = history.end?.reason
    const times = await timesOf(folder)
    const { model, parameters, tokenizer, training, data } = plan
    return {
      folder,
      state,
      ...(reason !== undefined && { reason }),
      step,
      steps: training.steps,
      parameters,
      options: withTraining(options ?? ({} as StoredOptions), plan),
      model,
      tokenizer,
      data,
      tokensPerStep: training.batchSize * training.gradientAccumulationSteps * model.blockSize,
      bestValLoss: best ? decidingLoss(best, 'nats per token') : (plan.best ?? null),
      started: view.sessions.find(({ resumed }) => !resumed)?.time ?? times.first,
      updated: times.last,
      history: view,
      notices,
    }
  }

  private async readHistory(notices: string[]): Promise<History> {
    try {
      await this.file.read()
    } catch (error) {
      notices.push(reasonOf(error))
    }
    notices.push(...this.file.notices)
    return this.file.history
  }
}

/** A plan, and what only a checkpoint tells. */
type Known = StoredPlan & { readonly step?: number; readonly best?: number }

/** Of a run of an earlier version, or one whose plan.json is lost. */
async function planOfCheckpoint(folder: string, notices: string[]): Promise<Known | undefined> {
  const names = await checkpointsIn(folder, 'last').catch(() => [])
  for (const name of names) {
    try {
      const { info, parameters } = await describeCheckpoint(join(folder, name))
      if (info.training === null) return undefined
      const { model, training, step, best } = info
      const data = { ...info.data, trainTokens: null, validationTokens: null, bytesPerToken: null }
      const tokenizer = nameOf(tokenizerFromJSON(info.tokenizer))
      return { model, training, parameters, tokenizer, data, step, ...(best && { best: best.valLoss }) }
    } catch (error) {
      notices.push(reasonOf(error))
    }
  }
  return undefined
}

/** A resume may change options of the training. config.json keeps those of the beginning. */
function withTraining(options: StoredOptions, { training }: StoredPlan): StoredOptions {
  const now = Object.entries(training).filter(([name]) => Object.hasOwn(options, name))
  return { ...options, ...Object.fromEntries(now) }
}

/** The state of a run that has not recorded its end. */
function stateOf(locked: boolean, hasHistory: boolean, isComplete: boolean): RunState {
  if (locked) return 'running'
  if (hasHistory) return 'interrupted'
  // Runs of earlier versions record no end.
  return isComplete ? 'finished' : 'stopped'
}

async function isLocked(folder: string): Promise<boolean> {
  try {
    await refuseLocked(folder, loadAddon().addon?.lockFile)
    return false
  } catch (error) {
    return error instanceof NanoGptError && error.code === 'run_busy'
  }
}

/** The oldest and the newest time of a file of the run. ISO 8601. */
async function timesOf(folder: string): Promise<{ readonly first: string; readonly last: string }> {
  const names = [configFile, planFile, metricsFile, ...(await checkpointsIn(folder, 'last').catch(() => []))]
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)))
  const times = found.flatMap((each) => (each ? [each.mtimeMs] : []))
  const iso = (time: number) => new Date(time).toISOString()
  return { first: iso(Math.min(...times)), last: iso(Math.max(...times)) }
}

/** @param damage what is wrong with its checkpoints */
async function noRun(folder: string, hasConfig: boolean, damage?: string): Promise<NanoGptError> {
  const found = await statOf(folder)
  const reason = !found
    ? 'there is no such folder'
    : !found.isDirectory()
      ? 'it is a file, not a run folder'
      : hasConfig
        ? (damage ?? 'its run ended before its first step')
        : 'it holds no run'
  return new NanoGptError('file_not_found', {
    subject: folder,
    reason,
    remedy: say`give a run folder, the ${option('out')} of a run`,
  })
}

/** How deep the runs of a sweep, or of a project, are below a folder. */
export const mostLevels = 3

/**
 * The run folders below a folder, or the folder itself if it is one.
 *
 * @param isKnown whether a folder is known to be a run, and need not be examined
 */
export async function runsIn(
  folder: string,
  levels = mostLevels,
  isKnown: (folder: string) => boolean = () => false,
): Promise<string[]> {
  if (isKnown(folder) || (await isRun(folder))) return [folder]
  if (levels === 0) return []
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((each) => !each.isFile() && !each.name.startsWith('.')).map(({ name }) => name)
  const found: string[] = []
  for (const name of names)
    found.push(...(await runsIn(join(folder, name), levels - 1, isKnown).catch(() => [])))
  return found
}

async function isRun(folder: string): Promise<boolean> {
  const names = await readdir(folder)
  if (names.includes(planFile) && (await readPlanOf(folder)) !== undefined) return true
  return names.some(isCheckpointName) && isOfRun(await readConfigOf(folder))
}
