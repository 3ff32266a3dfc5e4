// The text of a run: finds it, checks that a resumed run has the same one, and decides whether the
// run folder keeps a copy.

import { resolve as absolute, dirname } from 'node:path'
import type { DataInfo } from '../checkpoint/checkpoint'
import { type DataSource, loadText, type Text } from '../data/corpus'
import { inlineText, NanoGptError, option, type Phrase, printable, say } from '../errors'
import { type CheckedTrainOptions, trainOptions } from '../options'
import type { Origin } from './origin'
import { outOf, textFile } from './run_folder'

/** The text of a run. */
export interface RunText {
  readonly text: string
  readonly info: DataInfo
}

/** @throws NanoGptError for the text */
export async function findText(
  options: CheckedTrainOptions,
  origin: Origin,
  notice?: (message: string | Phrase) => void,
): Promise<RunText> {
  const lineEndings = lineEndingsOf(options, origin)
  const text = await loadText(sourcesOf(options, origin), { lineEndings, notice })
  const isBegun = options.data === undefined && origin.how !== 'new'
  if (origin.how === 'resume' || (origin.how === 'from' && isBegun)) refuseOtherText(text, origin)
  const out = outOf(options)
  const source = sourceOf(origin, text, out)
  return {
    text: text.text,
    info: { name: isBegun ? origin.begun.data.name : text.name, digest: text.digest, source, lineEndings },
  }
}

/** The given line endings; for the text of an earlier run, those of that run. */
function lineEndingsOf(options: CheckedTrainOptions, origin: Origin): DataInfo['lineEndings'] {
  const { data, lineEndings } = options
  const isBegun =
    origin.how === 'resume' || (origin.how === 'from' && data === undefined && lineEndings === undefined)
  return isBegun ? origin.begun.data.lineEndings : (lineEndings ?? trainOptions.lineEndings.default)
}

/** Where the text can be read again: its source, or the run folder if it has none. */
function sourceOf(origin: Origin, text: Text, out: string | null): DataInfo['source'] {
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
function refuseOtherText(text: Text, origin: Origin & { how: 'resume' | 'from' }): void {
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
