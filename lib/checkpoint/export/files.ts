// Writes the files of an export into a folder, and nothing that others have put there is replaced.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NanoGptError, option, say } from '../../errors'
import { makeFolder, writeFailed, writeFileAtomic } from '../../files/atomic'
import { statOf } from '../../files/read'
import { isCheckpointName } from '../folder'
import { isForeign } from '../hugging_face/folder'
import { adapterConfigFile, configFile } from '../hugging_face/names'

export interface ExportFile {
  readonly name: string
  /** The contents, made when the file is written. */
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/**
 * Checks that files may be written into a folder, before anything is computed.
 *
 * @throws NanoGptError 'foreign_files' if the folder has one of them and `overwrite` is false, if it is a
 *   run folder or has the config.json of something else, or if adapters and a model would share it;
 *   'write_failed' if it is a file
 */
export async function checkTarget(
  folder: string,
  names: readonly string[],
  overwrite: boolean,
): Promise<void> {
  const found = await statOf(folder)
  if (!found) return
  const refuse = (code: 'foreign_files' | 'write_failed', reason: string, remedy: string) => {
    throw new NanoGptError(code, { where: 'export', option: 'out', value: folder, reason, remedy })
  }
  const another = 'give another folder'
  if (!found.isDirectory()) refuse('write_failed', 'it is a file, but an export is a folder', another)
  const there = await readdir(folder).catch((error) => {
    throw writeFailed(folder, error)
  })
  // Its config.json is that of the run.
  if (there.some(isCheckpointName)) refuse('foreign_files', 'it is the folder of a run', another)
  // Who loads a folder with both loads the adapters, and their base from elsewhere.
  const pair = [configFile, adapterConfigFile]
  const other = pair.find((name) => there.includes(name) && !names.includes(name))
  if (other !== undefined && names.some((name) => pair.includes(name)))
    refuse(
      'foreign_files',
      `it contains ${other}, and adapters and models need folders of their own`,
      another,
    )
  const taken = there.find((name) => names.includes(name))
  // That of a run which has no checkpoint yet, or of another program.
  const replaces = names.includes(configFile) && there.includes(configFile)
  if (replaces && !(await isForeign(folder)))
    refuse('foreign_files', `its ${configFile} is not that of a model`, another)
  if (taken === undefined || overwrite) return
  throw new NanoGptError('foreign_files', {
    where: 'export',
    option: 'out',
    value: folder,
    reason: `it already contains ${taken}`,
    remedy: say`give another folder, or replace it with ${option('overwrite', true)}`,
  })
}

/** Writes the files, each atomically, and returns their sizes in bytes. */
export async function writeFiles(folder: string, files: readonly ExportFile[]) {
  await makeFolder(folder)
  const written: { name: string; bytes: number }[] = []
  for (const { name, chunks } of files) {
    let bytes = 0
    const counted = async function* () {
      for await (const chunk of chunks()) {
        bytes += chunk.byteLength
        yield chunk
      }
    }
    await writeFileAtomic(join(folder, name), counted())
    written.push({ name, bytes })
  }
  return written
}
