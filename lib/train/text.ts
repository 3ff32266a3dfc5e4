// The text of a run: where it is, that it is the one the run began with, and whether the run folder keeps it.

import { existsSync } from 'node:fs'
import { resolve as absolute, dirname } from 'node:path'
import type { DataInfo } from '../checkpoint/checkpoint'
import { type DataSource, loadText, type Text } from '../data/corpus'
import { inlineText, NanoGptError, option, type Phrase, say } from '../errors'
import { type CheckedTrainOptions, trainOptions } from '../options'
import { folderOf, type Origin, outOf } from './origin'
import { textFile } from './run_folder'

/** A text as a run has it. */
export interface RunText {
  readonly text: string
  readonly info: DataInfo
  /** Whether it can't be found again, so that the run folder has to keep it. */
  readonly mustKeep: boolean
}

/** @throws NanoGptError for the text */
export async function findText(
  options: CheckedTrainOptions,
  origin: Origin,
  notice?: (message: string | Phrase) => void,
): Promise<RunText> {
  const lineEndings = lineEndingsOf(options, origin)
  const text = await loadText(sourcesOf(options, origin), { lineEndings, notice })
  if (origin.how === 'resume') refuseOtherText(text, origin)
  const out = outOf(options, origin)
  const source = sourceOf(origin, text, out)
  const isBegun = options.data === undefined && origin.how !== 'new'
  return {
    text: text.text,
    info: { name: isBegun ? origin.begun.data.name : text.name, digest: text.digest, source, lineEndings },
    mustKeep: source === textFile && !holdsText(options, origin, out),
  }
}

/** Those that were given; of a text that a run had already, as it had them. */
function lineEndingsOf(options: CheckedTrainOptions, origin: Origin): DataInfo['lineEndings'] {
  const { data, lineEndings } = options
  const isBegun =
    origin.how === 'resume' || (origin.how === 'from' && data === undefined && lineEndings === undefined)
  return isBegun ? origin.begun.data.lineEndings : (lineEndings ?? trainOptions.lineEndings.default)
}

/** Where it will be found again: where it was, or in the run folder if it is nowhere else. */
function sourceOf(origin: Origin, text: Text, out: string | null): DataInfo['source'] {
  const inFolder = out === null ? null : textFile
  const before = origin.how === 'resume' ? origin.begun.data.source : null
  if (before !== null) return before === textFile ? inFolder : before
  const sources = text.parts.map((part) => part.source)
  // A run that this one replaces takes the text that it keeps along.
  const replaced = out === null ? null : absolute(out, textFile)
  if (!isWhole(sources) || sources.some((source) => source === replaced)) return inFolder
  return sources.length === 1 ? sources[0] : sources
}

function isWhole(sources: readonly (string | null)[]): sources is readonly string[] {
  return sources.every((source) => source !== null)
}

/** Whether a resumed run's folder has kept the text already. */
function holdsText(options: CheckedTrainOptions, origin: Origin, out: string | null): boolean {
  if (origin.how !== 'resume' || origin.begun.data.source !== textFile) return false
  const folder = folderOf(options.resume!, origin.checkpoint)
  return out !== null && absolute(out) === absolute(folder) && existsSync(absolute(folder, textFile))
}

/** What was given, or else what the checkpoint was trained on, or the default. */
function sourcesOf({ data }: CheckedTrainOptions, origin: Origin): readonly DataSource[] {
  if (data !== undefined) return data
  if (origin.how === 'new') return [trainOptions.data.default.words]
  const found = sourcesIn(origin.begun.data, origin.checkpoint.path)
  if (found) return found
  throw new NanoGptError('data', {
    where: 'train',
    subject: origin.checkpoint.path,
    reason: say`it was trained on a text given as ${inlineText}, which was not kept`,
    remedy:
      origin.how === 'resume'
        ? say`give the same text as ${option('data')} to continue`
        : say`give a text as ${option('data')}`,
  })
}

/** Where the text of a checkpoint is: beside it, if the run folder keeps it. Undefined: nowhere. */
export function sourcesIn({ source }: DataInfo, checkpoint: string): readonly DataSource[] | undefined {
  if (source === null) return undefined
  const kept = absolute(dirname(checkpoint), textFile)
  return [source].flat().map((each) => (each === textFile ? { kept } : each))
}

/** A resumed run must be given the text that it began with, to the character. */
function refuseOtherText(text: Text, origin: Origin & { how: 'resume' | 'from' }): void {
  const { name, digest } = origin.begun.data
  if (text.digest === digest) return
  throw new NanoGptError('data', {
    where: 'train',
    subject: origin.checkpoint.path,
    reason:
      `it was trained on another text (${name}, sha256 ${digest.slice(0, 12)}…) than ${text.name} ` +
      `(sha256 ${text.digest.slice(0, 12)}…)`,
    remedy: say`give the text it began with as ${option('data')}, or start a new run with its weights: ${option('from')} instead of ${option('resume')}`,
  })
}
