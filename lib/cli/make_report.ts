// `nano-gpt report`: writes an HTML page about one or several runs.

import { printable } from '../errors'
import { checkOptions, reportOptions } from '../options'
import { report } from '../train/report'
import { json, note, plural, say } from './output'
import { foldersOf, runsFolder } from './run_folders'
import { newestRun } from './which_model'
import { bytes } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

export async function reportCommand(runs: readonly string[], { json: asJson, ...flags }: Flags) {
  const checked = checkOptions('report', reportOptions, flags)
  const folders = runs.length > 0 ? await foldersOf(runs) : [await newestRun(runsFolder, 'Give a run folder')]
  const result = await report(folders, checked as Parameters<typeof report>[1])
  if (asJson) return json({ type: 'result', ...result })
  for (const missing of result.missing) note(`The report lacks a part: ${missing}`)
  say(`${printable(result.path)}: ${plural(result.runs.length, 'run')}, ${bytes(result.bytes)}`)
  say('Open it in a browser. It needs no other file and no network.')
}
