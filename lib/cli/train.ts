// `nano-gpt train`: trains in a new run folder and shows progress.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { NanoGptError, option, say as phrase, printable } from '../errors'
import { reportFile } from '../history/folder'
import { type CheckedTrainOptions, checkOptions, pick, type TrainOptions, trainOptions } from '../options'
import { findPreset } from '../presets'
import { folderOf } from '../train/run_folder'
import { train } from '../train/train'
import { dryRun } from './dry_run'
import { describeBest } from './facts'
import { exitCodeOf, type Followed, follow, resultOf } from './follow'
import { command, json, plural, say } from './output'
import { newRunFolder } from './run_folders'
import { sourcesOf } from './sources'
import { argumentsOf } from './surface'
import { flagOf } from './tables'
import { withNamedRuns } from './which_model'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly text?: string
  /** False for `--no-out`. */
  readonly out?: string | false
  readonly dryRun?: boolean
  readonly json?: boolean
}

export async function trainCommand(flags: Flags): Promise<void> {
  const { json: asJson, dryRun: dry, text, out: given, ...rest } = flags
  const checked = await withNamedRuns(
    checkOptions('train', trainOptions, { ...rest, ...(given !== false && { out: given }) }),
  )
  const data = sourcesOf({ data: checked.data, text })
  if (given === false) refuseNoOut(checked)
  const options = { ...checked, ...(data && { data }) }
  if (dry) return dryRun(options, { json: asJson, saves: given !== false })
  const isNew = options.resume === undefined && given === undefined
  // Reject an unknown preset before a folder is named after it.
  if (isNew && options.preset !== undefined && options.preset !== 'auto') findPreset(options.preset)
  const out = isNew ? newRunFolder(options) : options.out
  const folder = given === false ? undefined : (out ?? folderOf(options.resume!))
  const run = train({ ...options, ...(out !== undefined && { out }) } as TrainOptions)
  const followed = await follow(run, { json: asJson, device: options.device, out: folder })
  process.exitCode = exitCodeOf(followed)
  if (asJson) json(resultOf(followed, folder))
  else sumUp(followed, folder, options)
  await followed.model.dispose()
}

function refuseNoOut({ resume, overwrite }: CheckedTrainOptions): void {
  const other = resume !== undefined ? 'resume' : overwrite ? 'overwrite' : undefined
  if (other === undefined) return
  const why = resume !== undefined ? 'a resumed run saves to its own folder' : 'there is nothing to overwrite'
  throw new NanoGptError('option', {
    reason: phrase`${flagOf('out', false)} and ${option(other)} are both given, but ${why}`,
    remedy: 'leave one of them out',
  })
}

function sumUp(followed: Followed, folder: string | undefined, options: CheckedTrainOptions): void {
  const { model, interrupted, plan, unsaved } = followed
  const { step, best } = model.info
  say()
  if (best?.step === 0) say('No evaluation improved on the validation loss before the training.')
  else if (best) say(`Best validation loss: ${describeBest(best)}.`)
  if (unsaved !== undefined) say(`The model after ${plural(step, 'step')} is not saved: ${unsaved}`)
  else if (interrupted !== undefined) {
    say(`Stopped after ${plural(step, 'step')}${folder ? ' and saved. To resume:' : '.'}`)
    if (folder) say(`  ${resumeCommand(folder, options)}`)
  } else if (folder && plan?.begins === 'resume' && plan.step === step) {
    say(
      `The run in ${folder} has already finished its ${plural(step, 'step')}. To continue, give more steps:`,
    )
    say(`  ${resumeCommand(folder, options, { steps: 2 * step })}`)
  } else if (folder) {
    const report = join(folder, reportFile)
    if (existsSync(report)) say(`Report: ${printable(report)}, for a browser.`)
    say('To generate text:')
    say(`  ${command('generate', ...argumentsOf({ model: folder }))}`)
  }
}

/**
 * The command that resumes a run. It repeats the machine options, which a checkpoint does not
 * store.
 */
export function resumeCommand(
  folder: string,
  options: Pick<CheckedTrainOptions, 'device' | 'threads' | 'instructionSet'>,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const machine = pick(options, ['device', 'threads', 'instructionSet'])
  return command('train', ...argumentsOf({ resume: folder, ...more, ...machine }))
}
