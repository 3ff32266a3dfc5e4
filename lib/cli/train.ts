// `nano-gpt train`: a run with its progress, in a folder of its own.

import { mkdirSync, rmdirSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { openSession } from '../backend/devices'
import { files } from '../checkpoint/checkpoint'
import { corpusNames, loadText } from '../data/corpus'
import { NanoGptError } from '../errors'
import { namingConfig, withConfig } from '../train/config_file'
import {
  type CheckedOptions,
  checkTrainOptions,
  resolveNew,
  samplingDefaults,
  type TrainOptions,
} from '../train/options'
import { refuseOtherRun } from '../train/run_folder'
import { train } from '../train/train'
import { kebab } from './flags'
import { type Followed, follow, resultOf } from './follow'
import { command, json, note, plural, say } from './output'

type Options = Omit<TrainOptions, 'signal' | 'data' | 'out'> & {
  data?: string
  text?: string
  /** False for `--no-out`. */
  out?: string | false
  json?: boolean
}

export async function trainCommand({ json: asJson, text, out: given, ...flags }: Options): Promise<void> {
  refuseContradictions(flags, text, given)
  const options: TrainOptions = {
    ...flags,
    ...(text !== undefined && { data: { text } }),
    ...(given && { out: given }),
  }
  const resolved = await checkFirst(options)
  await fetchText(resolved, asJson)
  const out = given ?? (flags.resume ? undefined : reserveFolder(`runs/${runName(resolved)}-${timestamp()}`))
  const folder = out === false ? undefined : (out ?? runFolder(flags.resume!))
  const followed = await follow(train({ ...options, ...(out && { out }) }), {
    json: asJson,
    device: resolved.device,
    out: folder,
  })
  if (followed.interrupted !== undefined) process.exitCode = followed.interrupted
  if (asJson) json(resultOf(followed, folder))
  else sumUp(followed, folder, resolved, text)
  await followed.model.dispose()
}

/**
 * What can be wrong without a look at the text is said before one is downloaded.
 *
 * @returns the options, with those of --config
 */
async function checkFirst(options: TrainOptions): Promise<CheckedOptions> {
  const resolved = await withConfig(checkTrainOptions(options))
  refuseOtherRun(resolved)
  try {
    if (resolved.resume === undefined && resolved.from === undefined) resolveNew(resolved)
    // Of a device that is passed over, train() tells.
    await (await openSession(resolved, () => {})).dispose()
  } catch (error) {
    throw namingConfig(error, resolved)
  }
  return resolved
}

function refuseContradictions(
  flags: Omit<Options, 'out'>,
  text: string | undefined,
  out: string | false | undefined,
): void {
  if (text !== undefined && flags.data !== undefined) {
    throw new NanoGptError(
      'option',
      '--data and --text are both given: which of them is the text? Leave one out',
    )
  }
  if (out === false && flags.resume !== undefined) {
    throw new NanoGptError(
      'option',
      '--no-out and --resume are both given, but a resumed run saves where it began; leave one out',
    )
  }
}

/** A corpus that has to be downloaded first: says so, since it takes a moment. */
async function fetchText({ data, resume, from }: CheckedOptions, asJson?: boolean): Promise<void> {
  // Which text a checkpoint was trained on is for train() to read.
  const wanted = data ?? (resume === undefined && from === undefined ? 'shakespeare' : undefined)
  if (typeof wanted !== 'string' || !corpusNames.includes(wanted)) return
  await loadText(wanted, { notice: asJson ? undefined : note })
}

/** What the folder of a new run is named after: the model that it begins with, or the preset. */
function runName({ from, preset = 'cpu' }: CheckedOptions): string {
  if (from === undefined) return preset
  const path = resolve(from)
  const isPart = Object.values<string>(files).includes(basename(path))
  return basename(isPart ? dirname(path) : path, '.safetensors') || preset
}

/** Makes a new folder for the run, so that another one that starts now takes another. An empty one doesn't stay behind. */
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

function runFolder(resume: string): string {
  return resume.endsWith('.safetensors') ? dirname(resume) : resume
}

function sumUp(followed: Followed, folder: string | undefined, options: CheckedOptions, text?: string): void {
  const { model, interrupted } = followed
  const { step, best } = model.info
  say()
  if (best) say(`Best validation loss: ${best.valLoss.toFixed(4)}, after ${plural(best.step, 'step')}.`)
  if (interrupted !== undefined) {
    say(`Stopped after ${plural(step, 'step')}${folder ? ' and saved. To go on:' : '.'}`)
    if (folder) say(`  ${command('train', '--resume', folder, ...saidAgain(followed, options, text))}`)
  } else if (folder) {
    say('Let it write:')
    say(`  ${command('generate', '--model', folder)}`)
  }
}

/** What a checkpoint doesn't keep, and who resumes has to say once more. */
const notKept = [
  'device',
  'threads',
  'instructionSet',
  'sampleInterval',
  'sampleTokens',
  'checkpointInterval',
  'exactEvaluation',
] as const

function saidAgain({ steps }: Followed, options: CheckedOptions, text?: string): string[] {
  const defaults: Partial<CheckedOptions> = samplingDefaults
  const said = notKept.filter((name) => options[name] !== undefined && options[name] !== defaults[name])
  return [
    ...['--steps', String(steps)],
    ...said.flatMap((name) =>
      options[name] === true ? [`--${kebab(name)}`] : [`--${kebab(name)}`, String(options[name])],
    ),
    // A long text would bury the command.
    ...(text === undefined ? [] : ['--text', text.length > 80 ? 'TEXT' : text]),
  ]
}
