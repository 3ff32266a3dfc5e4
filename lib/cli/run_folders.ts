// Folders that runs are given when nobody names one.

import { mkdirSync, rmdirSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { type CheckedTrainOptions, trainOptions } from '../options'

/** Where they lie. */
export const runsFolder = 'runs'

/** A new folder for a run, named after what it begins with and the time. */
export function newRunFolder(options: CheckedTrainOptions): string {
  return reserveFolder(`${runsFolder}/${runName(options)}-${timestamp()}`)
}

/** Such a folder in words, before there is one. */
export function newRunPattern(options: CheckedTrainOptions): string {
  return `${runsFolder}/${runName(options)}-<date>-<time>`
}

/** The model or the config that a run begins with, or its preset. */
export function runName({ from, config, preset }: CheckedTrainOptions): string {
  const path = from ?? (preset === undefined ? config : undefined)
  if (path === undefined) return preset ?? trainOptions.preset.default
  const whole = resolve(path)
  const isPart = [...Object.values<string>(files), 'config.json'].includes(basename(whole))
  const name = basename(isPart ? dirname(whole) : whole).replace(/\.(safetensors|json)$/, '')
  // What was named so itself keeps one time, its own.
  return name.replace(/-\d{8}-\d{6}(-\d+)?$/, '') || trainOptions.preset.default
}

/** Makes a new folder, so that another run that starts now takes another. An empty one is removed at the end. */
export function reserveFolder(wanted: string): string {
  mkdirSync(dirname(wanted), { recursive: true })
  let folder = wanted
  for (let n = 2; !makeFolder(folder); n++) folder = `${wanted}-${n}`
  process.on('exit', () => {
    try {
      rmdirSync(folder)
      rmdirSync(dirname(folder))
    } catch {
      // There is something in it.
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
