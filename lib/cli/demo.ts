// `nano-gpt demo`: a small model trained on real text within a few minutes on whatever there is, with samples on the way.

import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { devices, openSession } from '../backend/devices'
import { files } from '../checkpoint/checkpoint'
import { corpusNames, loadText } from '../data/corpus'
import { NanoGptError, reasonOf, show } from '../errors'
import type { Model } from '../model/model'
import type { TrainOptions } from '../train/options'
import { train } from '../train/train'
import { type Followed, follow } from './follow'
import { block, bold, command, count, json, live, note, plural, say } from './output'

interface Options {
  data?: string
  seconds?: number
  out?: string
  device?: string
  json?: boolean
}

const defaultSeconds = 120
/** A run that takes so much longer than it was measured to is stopped: the demo ends within five minutes. */
const patience = 1.5
const mostSteps = 3000
const fewestSteps = 30
const secondsPerMeasurement = 4
/** Beyond these, a corpus counts as out of reach. */
const secondsToFetch: Readonly<Record<string, number>> = { shakespeare: 20, 'moby-dick': 40 }

/** What each kind of backend can learn in two minutes. */
const nativePlan = { preset: 'cpu', evalBatches: 20 } as const
const jsPlan = {
  preset: 'cpu',
  layers: 2,
  heads: 2,
  embed: 32,
  blockSize: 32,
  batchSize: 8,
  learningRate: 4e-3,
  evalBatches: 10,
} as const

export async function demoCommand(options: Options): Promise<void> {
  const { seconds = defaultSeconds, out = join('runs', 'demo') } = options
  if (!(seconds > 0)) throw new NanoGptError('option', `--seconds is ${seconds}: it must be more than 0`)
  const tell = options.json ? () => {} : say
  tell(`${bold('nano-gpt demo')}: trains a small GPT on real text for about ${plural(seconds, 'second')}, then lets it write.`)
  tell()
  const data = await chooseText(options)
  const device = await chooseDevice(options.device)
  const plan: TrainOptions = { ...(device === 'js' ? jsPlan : nativePlan), data, device }
  live(options.json ? '' : 'measuring how fast this machine is …')
  const steps = stepsFor(seconds, await measure(plan, Math.min(secondsPerMeasurement, seconds / 4)))
  live('')
  for (const file of Object.values(files)) await rm(join(out, file), { force: true })
  const interval = Math.ceil(steps / 3)
  const run = train({ ...plan, steps, out, sampleInterval: interval, evalInterval: Math.ceil(steps / 9) })
  const deadline = performance.now() + patience * seconds * 1000
  const followed = await follow(run, {
    json: options.json,
    device: options.device,
    out,
    each: ({ type }) => {
      if (type === 'step' && performance.now() > deadline) run.stop()
    },
  })
  await finish(followed, steps, out, options)
  await followed.model.dispose()
}

/** The text that was asked for, or the first corpus that can be had. */
async function chooseText({ data, json: asJson }: Options): Promise<string> {
  const notice = asJson ? undefined : (message: string) => note(message)
  if (data !== undefined) {
    await loadText(data, { notice })
    return data
  }
  const failures: string[] = []
  for (const name of corpusNames) {
    try {
      await loadText(name, { notice, signal: AbortSignal.timeout(1000 * secondsToFetch[name]) })
      return name
    } catch (error) {
      const reason = outOfReach(error)
      if (reason === undefined) throw error
      failures.push(`${name} (${reason})`)
      notice?.(`no ${name}: ${reason}`)
    }
  }
  throw new NanoGptError(
    'no_text',
    `there is no text to train on: neither ${failures.join(' nor ')} can be had. ` +
      `Give a text file of your own: ${command('demo', '--data', 'FILE')}`,
  )
}

/** Why a corpus could not be fetched; undefined if something else is wrong. */
function outOfReach(error: unknown): string | undefined {
  if ((error as Error)?.name === 'TimeoutError') return 'it took too long'
  if (!(error instanceof NanoGptError) || error.code !== 'download_failed') return undefined
  return reasonOf(error.cause ?? error)
}

/** The name of the device, which is thereby known to open. */
async function chooseDevice(asked?: string): Promise<string> {
  const session = await openSession({ device: asked })
  await session.dispose()
  return session.device
}

/** Seconds a step, from a short run that is thrown away. */
async function measure(plan: TrainOptions, seconds: number): Promise<number> {
  const run = train({ ...plan, steps: 1_000_000, evalInterval: 1_000_000, evalBatches: 1 })
  let steps = 0
  let spent = 0
  for await (const event of run) {
    if (event.type !== 'step') continue
    // The first steps are slower: nothing is warm yet. They count only while there are no others.
    const warm = spent > seconds / 2
    steps = (warm ? steps : 0) + event.losses.length
    spent += event.seconds
    if (!warm) lastCold = spent
    if (spent >= seconds) break
  }
  run.stop()
  await (await run).dispose()
  return (spent - lastCold) / steps
}

function stepsFor(seconds: number, secondsPerStep: number): number {
  return Math.max(fewestSteps, Math.min(mostSteps, Math.floor(seconds / secondsPerStep)))
}

async function finish({ model, evaluation, seconds, interrupted }: Followed, steps: number, out: string, options: Options) {
  const { step, data } = model.info
  if (interrupted !== undefined) process.exitCode = interrupted
}
