// `nano-gpt studio`: serves a page on this machine until Ctrl-C.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkOptions, studioOptions } from '../options'
import { openStudio } from '../studio/studio'
import { stopSignals } from './errors'
import { bold, command, json, note, say } from './output'
import { reserveFolder, timestamp } from './run_folders'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

/** The longest part of a folder's name that comes from the name of a text. */
const longestName = 40

export async function studioCommand({ json: asJson, ...flags }: Flags): Promise<void> {
  const checked = checkOptions('studio', studioOptions, flags)
  const { port = studioOptions.port.default, runs = studioOptions.runs.default, open } = checked
  const studio = await openStudio({
    port,
    runs,
    newFolder: (name) => reserveFolder(join(runs, `${folderName(name)}-${timestamp()}`)),
    command,
    report: (message) => note(`nano-gpt: ${message}`),
  })
  if (asJson) json({ type: 'studio', url: studio.url, port: studio.port, runs })
  else {
    if (port !== 0 && studio.port !== port) say(`Port ${port} is taken. The studio uses port ${studio.port}.`)
    say(`${bold('nano-gpt studio')} is ready. Open this address in a browser on this machine:\n`)
    say(`  ${studio.url}\n`)
    say('Runs go on if you close the page. Ctrl-C saves a run that is training, and ends the studio.')
  }
  if (open) openInBrowser(studio.url)
  await stopped(asJson)
  await studio.close()
  if (!asJson) say('The studio has ended.')
}

/** Settles at the first signal. The second one ends the process at once, without saving. */
function stopped(asJson?: boolean): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false
    for (const [signal, code] of Object.entries(stopSignals)) {
      process.on(signal, () => {
        if (isStopping) process.exit(code)
        isStopping = true
        if (!asJson) note('ending (Ctrl-C again ends at once, without saving)')
        resolve()
      })
    }
  })
}

/** `My story.txt` → `My-story`. */
function folderName(name: string): string {
  const safe = name
    .replace(/\.\w{1,5}$/, '')
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
  return safe.slice(0, longestName).replace(/^-+|-+$/g, '') || 'text'
}

/**
 * Opens the page. The address is in a file that only this user can read: the arguments of a process,
 * and with them the token, are visible to other users of the machine.
 */
function openInBrowser(url: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'studio.html')
  writeFileSync(file, `<!doctype html><meta http-equiv="refresh" content="0; url=${url}">\n`, { mode: 0o600 })
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', file]
      : process.platform === 'win32'
        ? ['explorer', file]
        : ['xdg-open', file]
  const opener = spawn(command, args, { stdio: 'ignore', detached: true })
  opener.on('error', () =>
    note(`nano-gpt: ${command} cannot open a browser; open the address above yourself`),
  )
  opener.unref()
}
