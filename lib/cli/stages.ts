// `nano-gpt stages`: lists the course, or runs one of its stages.

import { relative } from 'node:path'
import { createModel } from '../architectures/create'
import { openSession } from '../backend/devices'
import { loadText } from '../data/corpus'
import { shakespeareVocabSize } from '../data/shakespeare'
import { show, suggest } from '../errors'
import { sizeOf } from '../graph/dtype'
import { checkOptions, pick, rowOf, stageOptions } from '../options'
import { findPreset } from '../presets'
import { seedFrom } from '../random/philox'
import { stages } from '../stages'
import { sourceOf } from '../stages/source'
import { isLong, type Stage, type TrainedStage, trainAndWrite } from '../stages/stage'
import { alternatives } from './flags'
import { usage } from './grammar'
import { bold, command, count, dim, json, note, say } from './output'
import { lineColumns } from './progress'
import { reserveFolder, runsFolder, timestamp } from './run_folders'
import { again, notice, sourcesOf } from './sources'
import { Interrupted, Laboratory, PrintingLab, type StageOptions } from './stage_harness'
import { flagOf } from './tables'
import { resumeCommand } from './train'
import { wrap } from './words'

/** Where the ideas begin in the list. */
const ideaColumn = 36
const defaultSeed = BigInt(stageOptions.seed.default.words)

interface Flags extends Readonly<Record<string, unknown>> {
  readonly text?: string
  readonly json?: boolean
}

export async function stagesCommand(
  name: string | undefined,
  { json: asJson, text, ...flags }: Flags,
): Promise<void> {
  const checked = checkOptions('stages', stageOptions, flags)
  if (name === undefined) {
    list(asJson)
    return
  }
  const stage = findStage(name)
  const { seed = defaultSeed, data: _, ...rest } = checked
  const data = sourcesOf({ data: checked.data, text })
  const options = { ...rest, ...(data && { data }), seed: seedFrom(seed), json: asJson }
  const begun = performance.now()
  try {
    const result = await runStage(stage, options)
    const seconds = (performance.now() - begun) / 1000
    if (asJson) json({ type: 'result', stage: stage.number, name: stage.name, ...result, seconds })
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
  const all = `The stages are numbered ${stages[0].number} to ${stages.at(-1)!.number}; "${command('stages')}" lists them.`
  throw usage(
    'stages',
    `there is no stage ${show(name)}`,
    close === undefined ? all : `Did you mean ${close}?`,
  )
}

interface StageResult {
  readonly parameters: number
  readonly trainLoss: number | null
  readonly valLoss: number | null
  readonly valBitsPerByte: number | null
}

async function runStage(stage: Stage, options: StageOptions): Promise<StageResult> {
  if (!options.json) introduce(stage)
  if (stage.numbers) return runTrained(stage, options)
  const idle = Object.keys(stageOptions).filter(
    (name) =>
      name !== 'seed' &&
      rowOf(stageOptions, name).group !== 'machine' &&
      options[name as keyof StageOptions] !== undefined,
  )
  if (idle.length > 0) {
    note(
      `stage ${stage.number} does not train and ignores ${alternatives(
        idle.map((each) => flagOf(each)),
        'and',
      )}`,
    )
  }
  await stage.run(new PrintingLab(options))
  return { parameters: 0, trainLoss: null, valLoss: null, valBitsPerByte: null }
}

function introduce(stage: Stage): void {
  say(bold(`Stage ${stage.number}: ${stage.name}`))
  for (const line of wrap(`${stage.idea}. Source: ${fileOf(stage)}`, lineColumns())) say(line)
}

/** The path of a stage's source, relative to the current folder. */
function fileOf(stage: Stage): string {
  return relative(process.cwd(), sourceOf(stage))
}

/** Prints the next stage of the course. */
function sayNext(stage: Stage): void {
  const next = stages[stages.indexOf(stage) + 1]
  if (!next) return
  say()
  for (const line of wrap(`Next: ${command('stages', next.number)}, ${next.idea}`, lineColumns()))
    say(dim(line))
}

async function runTrained(stage: TrainedStage, options: StageOptions): Promise<StageResult> {
  const { data = [stageOptions.data.default.words], lineEndings, json: asJson } = options
  // Device errors are reported before a text is downloaded.
  await (await openSession(pick(options, ['device', 'threads', 'instructionSet']), () => {})).dispose()
  const text = await loadText(data, { lineEndings, notice: asJson ? undefined : notice })
  const out =
    options.out ??
    // A stage that trains for hours is saved by default.
    (isLong(stage) ? reserveFolder(`${runsFolder}/stage-${stage.number}-${timestamp()}`) : undefined)
  const harness = new Laboratory({ ...options, data: again(data, text), out }, stage, text)
  try {
    stage.look?.(harness)
    await (stage.run ?? trainAndWrite)(harness)
    return {
      parameters: harness.model?.parameterCount ?? 0,
      trainLoss: harness.evaluation?.trainLoss ?? null,
      valLoss: harness.evaluation?.valLoss ?? null,
      valBitsPerByte: harness.evaluation?.valBitsPerByte ?? null,
    }
  } catch (error) {
    if (error instanceof Interrupted && out && !asJson) {
      say('Stopped and saved. To resume:')
      say(`  ${resumeCommand(out, options)}`)
    }
    throw error
  } finally {
    await harness.model?.dispose()
  }
}

function list(asJson?: boolean): void {
  if (!asJson) {
    say(bold('The course: from a table of pairs to a GPT'))
    say(dim(`  ${'stage'.padEnd(21)} ${'parameters'.padStart(10)}`))
  }
  for (const stage of stages) {
    const parameters = stage.numbers ? parametersOf(stage) : 0
    const { number, name, idea } = stage
    if (asJson)
      json({ type: 'stage', stage: number, name, idea, parameters, steps: stage.numbers?.steps ?? 0 })
    else {
      const ideas = wrap(idea, Math.max(lineColumns() - ideaColumn, 20)).join(`\n${' '.repeat(ideaColumn)}`)
      say(`  ${bold(number)}  ${name.padEnd(17)} ${dim(count(parameters).padStart(10))}  ${ideas}`)
    }
  }
  if (asJson) return
  say()
  say(`Read the first: ${fileOf(stages[0])}`)
  say(`Run it:         ${command('stages', stages[0].number)}`)
}

function parametersOf({ name }: TrainedStage): number {
  const { parameters } = createModel({ ...findPreset(name).model, vocabSize: shakespeareVocabSize })
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}
