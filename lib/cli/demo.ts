// `nano-gpt demo`: trains a small model on real text for a few minutes on any machine, and prints
// samples.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Model } from '../api/model'
import { openSession } from '../backend/devices'
import { files } from '../checkpoint/folder'
import { availableCorpus } from '../data/available'
import { type DataSource, loadText } from '../data/corpus'
import { call, NanoGptError, say as phrase } from '../errors'
import { writeFileAtomic } from '../files/atomic'
import { readSmallFile } from '../files/read'
import { checkOptions, demoOptions, type TrainOptions } from '../options'
import type { TrainEvent } from '../train/events'
import { train } from '../train/train'
import { exitCodeOf, type Followed, follow, resultOf } from './follow'
import { block, bold, clock, command, json, plural, say } from './output'
import { runsFolder } from './run_folders'
import { again, notice, sourcesOf } from './sources'
import { argumentsOf } from './surface'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly text?: string
  readonly json?: boolean
}

/**
 * A run is stopped after this multiple of the planned time, so that the demo ends within five
 * minutes.
 */
const patience = 1.5

export async function demoCommand({ json: asJson, text, ...flags }: Flags): Promise<void> {
  const checked = checkOptions('demo', demoOptions, flags)
  const given = sourcesOf({ data: checked.data, text })
  const { device, lineEndings, out = join(runsFolder, 'demo') } = checked
  const { seconds = demoOptions.seconds.default } = checked
  const overwrite = await isDemo(out)
  if (!overwrite) await expectEmpty(out)
  // Device errors are reported before a text is downloaded.
  await (await openSession({ device }, () => {})).dispose()
  if (!asJson) say(`${bold('nano-gpt demo')}: trains a small GPT on real text and generates text with it.\n`)
  const data = await chooseText(given, asJson)
  const options = { preset: 'auto', minutes: seconds / 60, data, lineEndings, device, out, overwrite }
  const run = train(options as TrainOptions)
  const deadline = performance.now() + patience * seconds * 1000
  let marked = Promise.resolve()
  const each = ({ type }: TrainEvent) => {
    if (type === 'step' && performance.now() > deadline) run.stop()
    if (type === 'start' || type === 'checkpoint') marked = marked.then(() => mark(out)).catch(() => {})
  }
  const followed = await follow(run, { json: asJson, device, out, each })
  await marked
  process.exitCode = exitCodeOf(followed)
  if (asJson) json(resultOf(followed, out))
  else await sumUp(followed, out)
  await followed.model.dispose()
}

/** A hidden file that marks a folder as one that the next demo may replace. */
const markName = '.demo'

/** Whether a folder holds a demo run that was not trained further. */
async function isDemo(folder: string): Promise<boolean> {
  const marked = await readSmallFile(join(folder, markName), 100).catch(() => undefined)
  return marked !== undefined && Buffer.from(marked).toString() === (await stateOf(folder))
}

async function mark(folder: string): Promise<void> {
  await writeFileAtomic(join(folder, markName), [Buffer.from(await stateOf(folder))])
}

/** Size and modification time of the last checkpoint, which change when a run is resumed. */
async function stateOf(folder: string): Promise<string> {
  const last = await stat(join(folder, files.last)).catch(() => undefined)
  return last ? `${last.size} ${last.mtimeMs}\n` : 'new\n'
}

/** @throws NanoGptError 'run_exists' if the folder holds anything */
async function expectEmpty(out: string): Promise<void> {
  const names = await readdir(out).catch(() => [] as string[])
  if (names.length === 0) return
  throw new NanoGptError('run_exists', {
    option: 'out',
    value: out,
    reason: 'the folder contains something other than an unchanged demo run',
    remedy: phrase`give another folder: ${call('demo', { out: join(runsFolder, 'demo-2') })}`,
  })
}

/** The text that was given, or the first corpus that is cached or can be downloaded. */
async function chooseText(
  given: readonly DataSource[] | undefined,
  asJson?: boolean,
): Promise<readonly DataSource[]> {
  const tell = asJson ? undefined : notice
  if (given !== undefined) {
    return again(given, await loadText(given, { notice: tell }))
  }
  return [await availableCorpus('demo', tell)]
}

async function sumUp(followed: Followed, out: string): Promise<void> {
  const { model, steps, seconds, interrupted, unsaved } = followed
  const { step, data } = model.info
  // A complete run ends with a sample. A run that was stopped for time prints one here.
  if (step < steps && interrupted === undefined) {
    const text = await model.generate({ maxTokens: 200 })
    say(`\n${block(`a sample after ${plural(step, 'step')}, when the time was up`, text)}`)
  }
  say()
  const saved = unsaved === undefined ? `saved in ${out}` : `not saved: ${unsaved}`
  say(bold(`${plural(step, 'step')} in ${clock(seconds)} on ${data?.name}, device ${model.device}, ${saved}`))
  say()
  say('What to try next:')
  for (const line of suggestions(model, out)) say(`  ${line}`)
}

function suggestions({ device, info }: Model, out: string): string[] {
  const prompt = info.data?.name === 'shakespeare' ? 'ROMEO:' : 'The '
  return [
    command('generate', ...argumentsOf({ model: out, prompt, temperature: 0.8 })),
    command('train', ...argumentsOf({ resume: out, steps: 2 * info.step })),
    command('train', ...argumentsOf({ data: 'your.txt', sampleInterval: 500 })),
    device === 'js' ? command('info') : command('train', ...argumentsOf({ preset: 'auto', minutes: 10 })),
    command('--help'),
  ]
}
