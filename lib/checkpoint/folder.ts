// The checkpoints in a run folder: their names, and the order in which they are tried.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The newest checkpoint, and the one with the lowest validation loss. */
export const files = { last: 'last.safetensors', best: 'best.safetensors' } as const

/** The name of an earlier checkpoint, which was the newest one before. */
export const stepFile = (step: number) => `step-${step}.safetensors`

/** The folder, in a run folder, of the weights along the run. Its files have the names of `stepFile`. */
export const snapshotsFolder = 'snapshots'

const stepPattern = /^step-(0|[1-9]\d{0,15})\.safetensors$/

/** The step in the name of an earlier checkpoint; undefined for any other name. */
export function stepOf(name: string): number | undefined {
  const match = stepPattern.exec(name)
  return match ? Number(match[1]) : undefined
}

/** Whether a run writes checkpoints with this name. */
export function isCheckpointName(name: string): boolean {
  return name === files.last || name === files.best || stepOf(name) !== undefined
}

/** The names of earlier checkpoints, newest first. */
export function earlierOf(names: readonly string[]): string[] {
  return names.filter((name) => stepOf(name) !== undefined).sort((a, b) => stepOf(b)! - stepOf(a)!)
}

/** The steps of the snapshots in a run folder, in order. */
export async function snapshotsIn(folder: string): Promise<number[]> {
  const names = await readdir(join(folder, snapshotsFolder)).catch(() => [])
  return earlierOf(names)
    .reverse()
    .map((name) => stepOf(name)!)
}

export const snapshotFile = (folder: string, step: number) => join(folder, snapshotsFolder, stepFile(step))

/**
 * The names of a folder's checkpoints, the preferred one first, then the ones that replace it if it
 * is missing or damaged.
 */
export async function checkpointsIn(folder: string, prefer: 'best' | 'last'): Promise<string[]> {
  const names = await readdir(folder)
  const earlier = earlierOf(names)
  const order =
    prefer === 'best' ? [files.best, files.last, ...earlier] : [files.last, ...earlier, files.best]
  return order.filter((name) => names.includes(name))
}
