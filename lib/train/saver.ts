// Writes the checkpoints of a run: the last one, and the one with the lowest validation loss.

import { join } from 'node:path'
import { type CheckpointInfo, files, writeCheckpoint } from '../checkpoint/checkpoint'
import { makeFolder, writeFileAtomic } from '../files/atomic'
import { readTensors } from '../model/weights'
import { storedOptions, writeConfig } from './config_file'
import type { Plan } from './plan'
import { type Prepared, savedTensors } from './prepare'
import { removeRun, textFile } from './run_folder'

/** The checkpoint that `resume` would continue. */
export interface Saved {
  readonly step: number
  readonly path: string
}

/** How a run uses its folder. */
export type FolderUse = 'new' | 'continued' | 'replaced'

export class Saver {
  /** The newest checkpoint. Before a resumed run writes one: the one that it resumed from. */
  saved: Saved | undefined

  constructor(
    private readonly prepared: Prepared,
    private readonly plan: Plan,
  ) {
    if (plan.begins === 'resume') this.saved = { step: plan.step, path: plan.out ?? plan.checkpoint! }
  }

  /** Creates the run folder, and writes config.json and, if necessary, a copy of the text. */
  async begin(textToKeep: string | undefined, folder: FolderUse): Promise<void> {
    const { out } = this.plan
    if (out === null) return
    if (folder === 'replaced') await removeRun(out)
    if (textToKeep !== undefined) {
      await makeFolder(out)
      await writeFileAtomic(join(out, textFile), [Buffer.from(textToKeep)])
    }
    // The folder of a continued run already has its config.json.
    if (folder !== 'continued') await writeConfig(out, storedOptions(this.plan))
  }

  /** @returns the path of the checkpoint; undefined: the run saves nothing */
  async write(which: keyof typeof files, info: CheckpointInfo): Promise<string | undefined> {
    const { out } = this.plan
    if (out === null) return undefined
    const path = join(out, files[which])
    const { session, parameters } = this.prepared
    const tensors = await readTensors(session, savedTensors(parameters, this.plan.training))
    await writeCheckpoint(path, info, tensors)
    this.saved = { step: info.step, path: which === 'last' ? out : path }
    return path
  }
}
