// report(): an HTML page about one or several runs.

import { existsSync } from 'node:fs'
import { resolve as absolute, join } from 'node:path'
import { loadCheckpoint } from '../api/model'
import { onDevice } from '../backend/devices'
import { readCheckpoint } from '../checkpoint/checkpoint'
import { NanoGptError, reasonOf } from '../errors'
import { writeFileAtomic } from '../files/atomic'
import { reportFile } from '../history/folder'
import { readRun } from '../history/read'
import type { RunRecord } from '../history/types'
import {
  type Checked,
  checkOptions,
  checkValue,
  loadOptions,
  type ReportOptions,
  reportOptions,
  type TrainOptions,
} from '../options'
import { oneOrMore, path as pathType } from '../options/types'
import type { Extras } from '../report/data'
import { isReport, type ReportedRun, reportPage } from '../report/html'
import { withValidation } from './evaluate'
import { stepTimes, textLosses } from './run_report'
import { withPlanOf } from './train'

/** The most tokens of the validation text that are shown. */
const mostTokens = 700
/** How long the steps of a run are measured. */
const secondsMeasuring = 2

export interface Report {
  /** The file, as an absolute path. */
  readonly path: string
  readonly bytes: number
  /** The run folders. */
  readonly runs: readonly string[]
  /** What the page lacks, and why, in sentences. */
  readonly missing: readonly string[]
}

/**
 * Writes an HTML page about one or several runs: their curves, samples, options and what is necessary
 * to repeat them. The page needs no other file and no network. A run may still be training.
 *
 * @param runs run folders, each the `out` of a run
 * @throws NanoGptError 'file_not_found' for a folder without a run; 'foreign_files' if the file to write
 *   exists and is no report; 'write_failed'; 'option'; the signal's AbortError. What else cannot be read or
 *   measured is left out (`missing`).
 */
export async function report(runs: string | readonly string[], options: ReportOptions = {}): Promise<Report> {
  const folders = checkValue('report', 'runs', folderList, runs)
  const checked = checkOptions('report', reportOptions, options)
  const out = checked.out ?? (folders.length === 1 ? join(folders[0], reportFile) : reportFile)
  await refuseForeign(out)
  const records = await Promise.all(folders.map((folder) => readRun(folder)))
  const missing: string[] = []
  const reported: ReportedRun[] = []
  for (const record of records) {
    const extras = await extrasOf(record, checked)
    reported.push({ record, extras })
    missing.push(...extras.missing.map((each) => `${record.folder}: ${each}`))
  }
  const page = Buffer.from(reportPage(reported))
  await writeFileAtomic(out, [page])
  return { path: absolute(out), bytes: page.length, runs: folders, missing }
}

const folderList = oneOrMore(pathType('<dir>'), 'a run folder, or an array of them')

async function refuseForeign(out: string): Promise<void> {
  if (!existsSync(out) || (await isReport(out))) return
  throw new NanoGptError('foreign_files', {
    ...{ where: 'report', option: 'out', value: out },
    reason: 'it exists, and it is not a report',
    remedy: 'give another file, so that yours is not overwritten',
  })
}

/** What a model has to compute. A part that fails is left out. */
async function extrasOf(
  { folder, model }: RunRecord,
  {
    losses = true,
    timings = true,
    signal,
    base,
    device,
    threads,
    instructionSet,
  }: Checked<typeof reportOptions>,
): Promise<Extras & Required<Pick<Extras, 'missing'>>> {
  const missing: string[] = []
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      missing.push(`${what}: ${reasonOf(error)}`)
      return undefined
    }
  }
  const machine = { device, threads, instructionSet }
  // The config of a run with adapters says where the base was.
  const from = base !== undefined && model.lora ? { from: base } : {}
  const text =
    losses &&
    (await attempt('The losses of the validation text are missing', () =>
      lossesOf(folder, { base, ...machine }, signal),
    ))
  const times =
    timings &&
    (await attempt('The times of its steps are missing', () =>
      withPlanOf({ config: folder, ...from, ...machine, signal } as TrainOptions, (plan, materials) =>
        stepTimes(plan, materials, secondsMeasuring),
      ),
    ))
  return { ...(text && { text }), ...(times && { times }), missing }
}

async function lossesOf(
  folder: string,
  {
    base,
    device,
    ...open
  }: Pick<Checked<typeof reportOptions>, 'base' | 'device' | 'threads' | 'instructionSet'>,
  signal: AbortSignal | undefined,
) {
  const checkpoint = await readCheckpoint(folder, loadOptions.checkpoint.default, undefined, { base })
  return onDevice(device, async (device) => {
    await using model = await loadCheckpoint(checkpoint, { device, ...open })
    return await withValidation(checkpoint, model, { signal }, (validation) =>
      textLosses(model, validation, model.info.step, mostTokens, signal),
    )
  })
}
