// The text of a run: finds it, checks that a resumed run has the same one, and decides whether the
// run folder keeps a copy.

import { resolve as absolute, dirname } from 'node:path'
import type { DataInfo } from '../checkpoint/checkpoint'
import { type DataSource, type LargeText, openText, type Text, type TextInfo } from '../data/corpus'
import { inlineText, NanoGptError, option, printable, say } from '../errors'
import { textFile } from '../history/folder'
import { type CheckedTrainOptions, trainOptions } from '../options'
import type { ReadOptions } from './encoded'
import type { Origin } from './origin'
import { outOf } from './run_folder'

/** The text of a run. */
export interface RunText {
  readonly text: Text | LargeText
  readonly info: DataInfo
}

/** @throws NanoGptError for the text */
export async function findText(
  options: CheckedTrainOptions,
  origin: Origin,
  reading: ReadOptions,
): Promise<RunText> {
  const form = formOf(options, origin)
  const text = await openText(sourcesOf(options, origin), { ...form, ...reading })
  const isBegun = options.data === undefined && origin.how !== 'new'
  if (origin.how === 'resume' || (origin.how === 'from' && isBegun)) refuseOtherText(text, origin)
  const out = outOf(options)
  const source = sourceOf(origin, text, out)
  return {
    text,
    info: { name: isBegun ? origin.begun.data.name : text.name, digest: text.digest, source, ...form },
  }
}

/** How the files become a text. */
type Form = Pick<DataInfo, 'lineEndings' | 'field' | 'separator'>

/** The given form; for the text of an earlier run, that of the run. */
function formOf(options: CheckedTrainOptions, origin: Origin): Form {
  const { data, lineEndings, field, separator } = options
  const given = [data, lineEndings, field, separator].some((value) => value !== undefined)
  const isBegun = origin.how === 'resume' || (origin.how === 'from' && !given)
  return isBegun
    ? formIn(origin.begun.data)
    : formIn({ lineEndings: lineEndings ?? trainOptions.lineEndings.default, field, separator })
}

export function formIn({ lineEndings, field, separator }: Form): Form {
  return {
    lineEndings,
    ...(field !== undefined && { field }),
    ...(separator !== undefined && { separator }),
  }
}

/** Where the text can be read again: its source, or the run folder if it has none. */
function sourceOf(origin: Origin, text: TextInfo, out: string | null): DataInfo['source'] {
  const inFolder = out === null ? null : textFile
  const before = origin.how === 'resume' ? origin.begun.data.source : null
  if (before !== null) return before === textFile ? inFolder : before
  const sources = text.parts.map((part) => part.source)
  // The text.txt of a run that this one replaces is removed with it.
  const replaced = out === null ? null : absolute(out, textFile)
  if (!isWhole(sources) || sources.some((source) => source === replaced)) return inFolder
  return sources.length === 1 ? sources[0] : sources
}

function isWhole(sources: readonly (string | null)[]): sources is readonly string[] {
  return sources.every((source) => source !== null)
}

/** The given sources, those of the checkpoint, or the default. */
function sourcesOf({ data }: CheckedTrainOptions, origin: Origin): readonly DataSource[] {
  if (data !== undefined) return data
  if (origin.how === 'new') return [trainOptions.data.default.words]
  const found = sourcesIn(origin.begun.data, origin.checkpoint.path)
  if (found) return found
  throw new NanoGptError('data', {
    where: 'train',
    subject: origin.checkpoint.path,
    reason: say`it was trained on a text given as ${inlineText}, which was not saved`,
    remedy:
      origin.how === 'resume'
        ? say`give the same text as ${option('data')} to continue`
        : say`give a text as ${option('data')}`,
  })
}

/**
 * The sources of a checkpoint's text; a copy in the run folder is beside the checkpoint. Undefined
 * if it was not saved.
 */
export function sourcesIn({ source }: DataInfo, checkpoint: string): readonly DataSource[] | undefined {
  if (source === null) return undefined
  const kept = absolute(dirname(checkpoint), textFile)
  return [source].flat().map((recorded) => (recorded === textFile ? { kept } : { recorded }))
}

/**
 * Rejects a text that is not exactly the one that the earlier run began with. With `from`, a
 * stranger's checkpoint could otherwise name any file to train on.
 */
function refuseOtherText(text: TextInfo, origin: Origin & { how: 'resume' | 'from' }): void {
  const { name, digest } = origin.begun.data
  if (text.digest === digest) return
  throw new NanoGptError('data', {
    where: 'train',
    subject: origin.checkpoint.path,
    reason:
      `it was trained on another text (${printable(name)}, sha256 ${digest.slice(0, 12)}…) than ${printable(text.name)} ` +
      `(sha256 ${text.digest.slice(0, 12)}…)`,
    remedy:
      origin.how === 'resume'
        ? say`give its original text as ${option('data')}, or start a new run from its weights with ${option('from')} instead of ${option('resume')}`
        : say`give the text to train on as ${option('data')}`,
  })
}
