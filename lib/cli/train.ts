// `nano-gpt train`: a run with its progress, in a folder of its own.

import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { files } from '../checkpoint/checkpoint'
import { corpusNames, loadText } from '../data/corpus'
import { NanoGptError } from '../errors'
import { findPreset } from '../model/config'
import { checkTrainOptions, type TrainOptions } from '../train/options'
import { train } from '../train/train'
import { type Followed, follow } from './follow'
import { command, json, live, note, plural, say } from './output'

type Options = Omit<TrainOptions, 'signal' | 'data' | 'out'> & {
  data?: string
  text?: string
  /** False for `--no-out`. */
  out?: string | false
  json?: boolean
}

export async function trainCommand({ json: asJson, text, out: given, ...flags }: Options): Promise<void> {
  refuseContradictions(flags, text, given)
  const options: TrainOptions = { ...flags, ...(text !== undefined && { data: { text } }) }
  checkTrainOptions(options)
  findPreset(flags.preset ?? 'cpu')
  if (given && given !== flags.resume) refuseOtherRun(given)
  await fetchText(flags.resume ? flags.data : (text ?? flags.data ?? 'shakespeare'), asJson)
  const out = given ?? (flags.resume ? undefined : reserveFolder(`runs/${flags.preset ?? 'cpu'}-${timestamp()}`))
  const folder = out === false ? undefined : (out ?? runFolder(flags.resume!))
  const followed = await follow(train({ ...options, ...(out && { out }) }), { json: asJson, device: flags.device, out: folder })
  finish(followed, { asJson, folder, text, steps: flags.steps })
  await followed.model.dispose()
}

function refuseContradictions(flags: Omit<Options, 'out'>, text: string | undefined, out: string | false | undefined): void {
  if (text !== undefined && flags.data !== undefined) {
    throw new NanoGptError('option', '--data and --text are both given: which of them is the text? Leave one out')
  }
  if (out === false && flags.resume !== undefined) {
    throw new NanoGptError('option', '--no-out and --resume are both given, but a resumed run saves where it began; leave one out')
  }
}

function refuseOtherRun(out: string): void {
  if (!existsSync(join(out, files.last))) return
  throw new NanoGptError(
    'run_exists',
    `${out} already holds a run: go on with it ("${command('train', '--resume', out)}"), or give another folder as --out`,
  )
}

/** A corpus that has to be downloaded first: says so, since it takes a moment. */
async function fetchText(data: string | undefined, asJson?: boolean): Promise<void> {
  if (data === undefined || !corpusNames.includes(data)) return
  await loadText(data, { notice: asJson ? undefined : note })
}

/** Makes a new folder for the run, so that another one that starts now takes another. An empty one doesn't stay behind. */
function reserveFolder(wanted: string): string {
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
function timestamp(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
  return `${date}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
}

function runFolder(resume: string): string {
  return resume.endsWith('.safetensors') ? dirname(resume) : resume
}

interface Ending {
  readonly asJson?: boolean
  readonly folder: string | undefined
  readonly text: string | undefined
  readonly steps: number | undefined
}

function finish({ model, evaluation, seconds, interrupted }: Followed, { asJson, folder, text, steps }: Ending): void {
  if (interrupted !== undefined) process.exitCode = interrupted
  const { step, best } = model.info
  const goOn = folder && command('train', '--resume', folder, ...flagsOf({ steps, text }))
  if (asJson) {
    const { trainLoss, valLoss } = evaluation ?? {}
    const losses = { trainLoss, valLoss, best }
    const result = { type: 'result', out: folder ?? null, step, stopped: interrupted !== undefined, seconds }
    return json({ ...result, device: model.device, parameters: model.parameterCount, ...losses })
  }
  live('')
  say()
  if (best) say(`Best validation loss: ${best.valLoss.toFixed(4)}, after ${plural(best.step, 'step')}.`)
  if (interrupted !== undefined) {
    say(goOn ? `Stopped after ${plural(step, 'step')} and saved. To go on:\n  ${goOn}` : `Stopped after ${plural(step, 'step')}.`)
  } else if (folder) say(`Let it write:\n  ${command('generate', '--model', folder)}`)
}

function flagsOf({ steps, text }: { steps?: number; text?: string }): string[] {
  return [...(steps === undefined ? [] : ['--steps', String(steps)]), ...(text === undefined ? [] : ['--text', text])]
}
