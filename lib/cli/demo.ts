// `nano-gpt demo`: a small model trained on real text within a few minutes on whatever there is, with samples on the way.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '../api/model'
import { openSession } from '../backend/devices'
import { files } from '../checkpoint/checkpoint'
import { corpusNames, loadText } from '../data/corpus'
import { NanoGptError, reasonOf } from '../errors'
import type { TrainEvent } from '../train/events'
import { train } from '../train/train'
import { type Followed, follow, resultOf } from './follow'
import { block, bold, clock, command, json, note, plural, say } from './output'

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
/** Beyond these, a corpus counts as out of reach. */
const secondsToFetch: Readonly<Record<string, number>> = { shakespeare: 20, 'moby-dick': 40 }

export async function demoCommand(options: Options): Promise<void> {
  const { seconds = defaultSeconds, out = join('runs', 'demo') } = options
  if (!(seconds > 0)) throw new NanoGptError('option', `--seconds is ${seconds}: it must be more than 0`)
  if (!options.json) say(`${bold('nano-gpt demo')}: trains a small GPT on real text, then lets it write.\n`)
  const data = await chooseText(options)
  const { json: asJson, device } = options
  // What is wrong with the device is said before a former demo is lost.
  await (await openSession({ device }, () => {})).dispose()
  for (const file of Object.values(files)) await rm(join(out, file), { force: true })
  const run = train({ preset: 'auto', minutes: seconds / 60, data, device, out })
  const deadline = performance.now() + patience * seconds * 1000
  const stopWhenLate = ({ type }: TrainEvent) => {
    if (type === 'step' && performance.now() > deadline) run.stop()
  }
  const followed = await follow(run, { json: asJson, device, out, each: stopWhenLate })
  if (followed.interrupted !== undefined) process.exitCode = followed.interrupted
  if (asJson) json(resultOf(followed, out))
  else await sumUp(followed, out)
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

async function sumUp(followed: Followed, out: string): Promise<void> {
  const { model, steps, seconds, interrupted } = followed
  const { step, data } = model.info
  // All steps end with a sample; a run that was too slow for its steps still owes it.
  if (step < steps && interrupted === undefined) {
    const text = await model.generate({ maxTokens: 200 })
    say(`\n${block(`a sample after ${plural(step, 'step')}, where time was up`, text)}`)
  }
  say()
  say(
    bold(
      `${plural(step, 'step')} in ${clock(seconds)} on ${data.name}, device ${model.device}, saved in ${out}`,
    ),
  )
  say()
  say('What to try next:')
  for (const line of suggestions(model, out)) say(`  ${line}`)
}

function suggestions({ device, info }: Model, out: string): string[] {
  const prompt = info.data.name === 'shakespeare' ? 'ROMEO:' : 'The '
  return [
    command('generate', '--model', out, '--prompt', prompt, '--temperature', '0.8'),
    command('train', '--resume', out, '--steps', String(2 * info.step)),
    command('train', '--data', 'your.txt', '--sample-interval', '500'),
    device === 'js' ? command('info') : command('train', '--preset', 'decoder'),
    command('--help'),
  ]
}
