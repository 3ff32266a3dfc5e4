// `nano-gpt stages`: lists the course, or runs one of its stages.

import { join, relative } from 'node:path'
import { createModel } from '../architectures/create'
import { corpusNames, loadText } from '../data/corpus'
import { shakespeareVocabSize } from '../data/shakespeare'
import { NanoGptError, show, suggest } from '../errors'
import { sizeOf } from '../graph/dtype'
import { findPreset } from '../presets'
import { seedFrom } from '../random/philox'
import { stages } from '../stages'
import { type Stage, type TrainedStage, trainAndWrite } from '../stages/stage'
import { Interrupted, Laboratory, PrintingLab, type StageOptions } from './lab'
import { bold, command, count, dim, json, note, say } from './output'
import { reserveFolder, timestamp } from './train'

type Options = Omit<StageOptions, 'seed'> & { seed?: number | bigint }

export async function stagesCommand(name: string | undefined, options: Options): Promise<void> {
  if (name === undefined) {
    list(options.json)
    return
  }
  const stage = findStage(name)
  const { seed = 1337, ...rest } = options
  const begun = performance.now()
  try {
    const result = await runStage(stage, { ...rest, seed: seedFrom(seed) })
    const seconds = (performance.now() - begun) / 1000
    if (options.json) json({ type: 'result', stage: stage.number, name: stage.name, ...result, seconds })
    else sayNext(stage)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    process.exitCode = error.exitCode
  }
}

/** '03', '3' or 'single-head'. */
function findStage(name: string): Stage {
  const found = stages.find((stage) => stage.number === name.padStart(2, '0') || stage.name === name)
  if (found) return found
  const close = suggest(
    name,
    stages.map((stage) => stage.name),
  )
  const hint = close ? ` Did you mean ${close}?` : ''
  const last = stages[stages.length - 1].number
  throw new NanoGptError(
    'option',
    `there is no stage ${show(name)}: they are numbered 00 to ${last}, and "${command('stages')}" lists them.${hint}`,
  )
}

interface StageResult {
  readonly parameters: number
  readonly trainLoss: number | null
  readonly valLoss: number | null
}

async function runStage(stage: Stage, options: StageOptions): Promise<StageResult> {
  if (!options.json) introduce(stage)
  if (stage.numbers) return runTrained(stage, options)
  const idle = (['data', 'steps', 'out'] as const).filter((name) => options[name] !== undefined)
  if (idle.length > 0) {
    note(
      `stage ${stage.number} trains nothing: it has no use for ${idle.map((name) => `--${name}`).join(' and ')}`,
    )
  }
  await stage.run(new PrintingLab(options))
  return { parameters: 0, trainLoss: null, valLoss: null }
}

function introduce(stage: Stage): void {
  say(bold(`Stage ${stage.number}: ${stage.name}`))
  say(`${stage.idea}. Its file: ${fileOf(stage)}`)
}

/** Where to read it, as seen from here. */
function fileOf({ number, name }: Stage): string {
  const file = `${number}_${name.replaceAll('-', '_')}.ts`
  return relative(process.cwd(), join(__dirname, '..', '..', 'lib', 'stages', file))
}

/** What comes after it in the course. */
function sayNext(stage: Stage): void {
  const next = stages[stages.indexOf(stage) + 1]
  if (next) say(dim(`\nNext: ${command('stages', next.number)}, ${next.idea}`))
}

async function runTrained(stage: TrainedStage, options: StageOptions): Promise<StageResult> {
  const { data = 'shakespeare', json: asJson } = options
  const notice = !asJson && corpusNames.includes(data) ? note : undefined
  const corpus = await loadText(data, { notice })
  const out =
    options.out ?? (isLong(stage) ? reserveFolder(`runs/stage-${stage.number}-${timestamp()}`) : undefined)
  const lab = new Laboratory({ ...options, out }, stage, corpus)
  try {
    await (stage.run ?? trainAndWrite)(lab)
    return {
      parameters: lab.model?.parameterCount ?? 0,
      trainLoss: lab.evaluation?.trainLoss ?? null,
      valLoss: lab.evaluation?.valLoss ?? null,
    }
  } catch (error) {
    if (error instanceof Interrupted && out && !asJson) {
      say(`Stopped and saved. To go on training:`)
      say(`  ${command('train', '--resume', out, '--steps', String(lab.numbers.steps))}`)
    }
    throw error
  } finally {
    await lab.model?.dispose()
  }
}

/** Hours of work are kept without being asked for. */
function isLong({ numbers }: TrainedStage): boolean {
  return numbers.layers * numbers.embed > 1000
}

function list(asJson?: boolean): void {
  if (!asJson) {
    say(bold('The course: a GPT, grown from a table of pairs'))
    say(dim(`  ${'stage'.padEnd(21)} ${'parameters'.padStart(10)}`))
  }
  for (const stage of stages) {
    const parameters = stage.numbers ? parametersOf(stage) : 0
    const { number, name, idea } = stage
    if (asJson)
      json({ type: 'stage', stage: number, name, idea, parameters, steps: stage.numbers?.steps ?? 0 })
    else say(`  ${bold(number)}  ${name.padEnd(17)} ${dim(count(parameters).padStart(10))}  ${idea}`)
  }
  if (asJson) return
  say()
  say(`Read one: ${fileOf(stages[0])}`)
  say(`Run it:   ${command('stages', stages[0].number)}`)
}

function parametersOf({ name }: TrainedStage): number {
  const { parameters } = createModel({ ...findPreset(name).model, vocabSize: shakespeareVocabSize })
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}
