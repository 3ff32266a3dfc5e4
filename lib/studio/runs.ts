// The runs in the runs folder, also those that another process trains. A page names a run by its path
// in that folder, and only the runs that are found there have a name.

import { realpath, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { NanoGptError } from '../errors'
import { parentOf, readFork } from '../history/fork'
import { mostLevels, RunReader, readRun, runsIn } from '../history/read'
import type { RunRecord } from '../history/types'
import { RequestError } from './respond'
import { labelOf } from './surface'
import { type ForkView, type RunSummary, type RunView, summaryOf, viewOf } from './view'

/** The newest runs are shown, at most so many. */
const mostRuns = 200

/** The files of a run whose times change while it trains. */
const changing = ['metrics.jsonl', 'plan.json', 'config.json']

interface Known {
  readonly key: string
  readonly folder: string
  readonly summary: RunSummary
  /** Of a run that is training: reads only what is new. */
  readonly reader: RunReader | undefined
}

export class Runs {
  private readonly known = new Map<string, Known>()

  /** @param folder the runs folder, which need not exist yet */
  constructor(readonly folder: string) {}

  /**
   * The folder of a run.
   *
   * @throws RequestError if there is no such run
   */
  async folderOf(id: unknown): Promise<string> {
    const found = typeof id === 'string' ? (await this.folders()).get(id) : undefined
    if (found === undefined)
      throw new RequestError(404, 'This run is not in the folder of the runs any more.')
    return found
  }

  async view(id: unknown): Promise<RunView> {
    const folder = await this.folderOf(id)
    return viewOf(id as string, await readRun(folder))
  }

  /** The newest runs first. Runs that have not changed are not read again. */
  async list(): Promise<RunSummary[]> {
    const folders = await this.folders()
    for (const id of this.known.keys()) if (!folders.has(id)) this.known.delete(id)
    for (const [id, folder] of folders) {
      const key = await stateOf(folder)
      const known = this.known.get(id)
      // A process that was killed changes no file.
      if (known?.key === key && known.summary.state !== 'running') continue
      const reader = known?.reader ?? new RunReader(folder)
      const run = await readOr(reader)
      if (run) {
        const isRunning = run.state === 'running'
        const summary = summaryOf(id, run, await this.forkOf(folder))
        this.known.set(id, { key, folder, summary, reader: isRunning ? reader : undefined })
      } else this.known.delete(id)
    }
    return [...this.known.values()]
      .map(({ summary }) => summary)
      .sort((a, b) => b.started.localeCompare(a.started))
      .slice(0, mostRuns)
  }

  /** The path of a folder within the runs folder, with slashes. */
  idOf(folder: string): string {
    return relative(this.folder, folder).split(sep).join('/')
  }

  private async forkOf(folder: string): Promise<ForkView | null> {
    const fork = await readFork(folder)
    if (!fork) return null
    const { step, changes } = fork
    return {
      parent: this.idOf(parentOf(resolve(folder), fork)),
      step,
      changes: changes.map((each) => ({ ...each, label: labelOf(each.option) })),
    }
  }

  /** The run folders by id. A link that leads out of the runs folder is ignored. */
  private async folders(): Promise<Map<string, string>> {
    const root = await realpath(this.folder).catch(() => undefined)
    if (root === undefined) return new Map()
    const found = new Map<string, string>()
    const known = new Set([...this.known.values()].map(({ folder }) => folder))
    const all = await runsIn(this.folder, mostLevels, (folder) => known.has(folder)).catch(() => [])
    for (const folder of all) {
      const real = await realpath(folder).catch(() => '')
      if (real.startsWith(root + sep)) found.set(this.idOf(folder), folder)
    }
    return found
  }
}

/** undefined if the folder holds no run that has begun. */
async function readOr(reader: RunReader): Promise<RunRecord | undefined> {
  try {
    return await reader.read()
  } catch (error) {
    if (error instanceof NanoGptError) return undefined
    throw error
  }
}

/** Sizes and times of the files of a run, which tell whether it has changed. */
async function stateOf(folder: string): Promise<string> {
  const found = await Promise.all(changing.map((name) => stat(join(folder, name)).catch(() => undefined)))
  return found.map((each) => (each ? `${each.size} ${each.mtimeMs}` : '')).join()
}
