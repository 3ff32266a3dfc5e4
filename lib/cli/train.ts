// `nano-gpt train`: a run with its progress, in a folder of its own.

import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openSession } from '../backend/devices'
import { files } from '../checkpoint/checkpoint'
import { corpusNames, loadText } from '../data/corpus'
import { NanoGptError } from '../errors'
import { checkTrainOptions, resolveNew, type TrainOptions } from '../train/options'
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
  const options: TrainOptions = { ...flags, ...(text !== undefined && { data: { text } }) }
  await checkFirst(options)
  if (given && given !== flags.resume) refuseOtherRun(given)
  await fetchText(flags.resume ? flags.data : (text ?? flags.data ?? 'shakespeare'), asJson)
  const out =
    given ?? (flags.resume ? undefined : reserveFolder(`runs/${flags.preset ?? 'cpu'}-${timestamp()}`))
  const folder = out === false ? undefined : (out ?? runFolder(flags.resume!))
  const followed = await follow(train({ ...options, ...(out && { out }) }), {
    json: asJson,
    device: flags.device,
    out: folder,
  })
  if (followed.interrupted !== undefined) process.exitCode = followed.interrupted
  if (asJson) json(resultOf(followed, folder))
  else sumUp(followed, folder, { ...flags, text })
  await followed.model.dispose()
}

/** What can be wrong without a look at the text is said before one is downloaded. */
async function checkFirst(options: TrainOptions): Promise<void> {
  const checked = checkTrainOptions(options)
  if (options.resume === undefined) resolveNew(checked)
  await (await openSession(options)).dispose()
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

function sumUp(followed: Followed, folder: string | undefined, flags: Omit<Options, 'out'>): void {
  const { model, interrupted } = followed
  const { step, best } = model.info
  say()
  if (best) say(`Best validation loss: ${best.valLoss.toFixed(4)}, after ${plural(best.step, 'step')}.`)
  if (interrupted !== undefined) {
    say(`Stopped after ${plural(step, 'step')}${folder ? ' and saved. To go on:' : '.'}`)
    if (folder) say(`  ${command('train', '--resume', folder, ...saidAgain(followed, flags))}`)
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
] as const

function saidAgain({ steps }: Followed, flags: Omit<Options, 'out'>): string[] {
  const { text } = flags
  const given = notKept.filter((name) => flags[name] !== undefined)
  return [
    ...['--steps', String(steps)],
    ...given.flatMap((name) => [`--${kebab(name)}`, String(flags[name])]),
    // A long text would bury the command.
    ...(text === undefined ? [] : ['--text', text.length > 80 ? 'TEXT' : text]),
  ]
}
