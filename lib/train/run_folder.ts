// The folder of a run: one run each.

import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { NanoGptError } from '../errors'
import type { CheckedOptions } from './options'

/** @throws NanoGptError 'run_exists' if `out` holds a run, unless it is the folder of the run that `resume` goes on with */
export function refuseOtherRun({ out, resume }: Pick<CheckedOptions, 'out' | 'resume'>): void {
  if (out === undefined || !Object.values(files).some((name) => existsSync(join(out, name)))) return
  if (resume !== undefined && isRunOf(out, resume)) return
  throw new NanoGptError(
    'run_exists',
    `train: ${out} already holds a run: go on with it (train({ resume: ${JSON.stringify(out)} })), ` +
      'or give another folder as `out`',
  )
}

/** Whether `resume`, a folder or a file in it, is the run in `out`. */
function isRunOf(out: string, resume: string): boolean {
  const found = statSync(resume, { throwIfNoEntry: false })
  // What can't be resumed is said by who reads it.
  if (!found) return true
  return realpathSync(out) === realpathSync(found.isDirectory() ? resume : dirname(resume))
}
