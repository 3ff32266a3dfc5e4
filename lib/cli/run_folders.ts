// Run folders: the default ones, and those that arguments name.

import { mkdirSync, rmdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { statOf } from '../files/read'
import { isOfRunFolder } from '../history/folder'
import { runsIn } from '../history/read'
import { type CheckedTrainOptions, trainOptions } from '../options'

/** The parent of the default run folders. */
export const runsFolder = 'runs'

/** The run folders that arguments name: each is a run folder, a sweep or another folder of runs. */
export async function foldersOf(named: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const name of named) {
    const folder = await located(name)
    const runs = await runsIn(folder).catch(() => [])
    // If there is none, reading the folder itself says why.
    found.push(...(runs.length > 0 ? runs.sort() : [folder]))
  }
  return found
}

/** A folder, or the name of one in runs/. */
export async function located(folder: string): Promise<string> {
  const isName = !/[\\/]/.test(folder) && !(await statOf(folder))
  return isName && (await statOf(join(runsFolder, folder))) ? join(runsFolder, folder) : folder
}

/** Creates a folder for a run, named after its origin and the time. */
export function newRunFolder(options: CheckedTrainOptions): string {
  return reserveFolder(`${runsFolder}/${runName(options)}-${timestamp()}`)
}

/** The name of such a folder as a pattern, before it exists. */
export function newRunPattern(options: CheckedTrainOptions): string {
  return `${runsFolder}/${runName(options)}-<date>-<time>`
}

/** The name of the model or config that a run starts from, or of its preset. */
export function runName({ from, config, preset }: CheckedTrainOptions): string {
  const path = from ?? (preset === undefined ? config : undefined)
  if (path === undefined) return preset ?? trainOptions.preset.default
  let named = resolve(path)
  // A file of a run, which may be in a folder of its own.
  while (isOfRunFolder(basename(named))) named = dirname(named)
  const name = basename(named).replace(/\.(safetensors|json)$/, '')
  // Drop the time of the original, so that the new name has only one.
  return name.replace(/-\d{8}-\d{6}(-\d+)?$/, '') || trainOptions.preset.default
}

/**
 * Creates a new folder at once, so that a run that starts now cannot take the same one. It is
 * removed on exit if it is empty.
 */
export function reserveFolder(wanted: string): string {
  mkdirSync(dirname(wanted), { recursive: true })
  let folder = wanted
  for (let n = 2; !makeFolder(folder); n++) folder = `${wanted}-${n}`
  process.on('exit', () => {
    try {
      rmdirSync(folder)
      rmdirSync(dirname(folder))
    } catch {
      // The folder is not empty.
    }
  })
  return folder
}

function makeFolder(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Local time as `20250131-235959`. */
export function timestamp(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
}
