// `nano-gpt info --report`: a Markdown table to paste into an issue. It names no home folder, which
// would reveal the user's name.

import { realpathSync } from 'node:fs'
import { cpus, freemem, homedir, release, totalmem, type } from 'node:os'
import type { Info } from './info'
import { bytes, plural } from './words'

/** The report's lines. */
export function reportOn(info: Info): string[] {
  const { native, devices, cache } = info
  const rows: [string, string][] = [
    ['runtime', runtime()],
    ['platform', `${info.platform}, ${[libc(), `${type()} ${release()}`].filter(Boolean).join(', ')}`],
    ['processor', `${info.processor}, ${plural(info.cores, 'core')} available of ${cpus().length}`],
    ['memory', memory()],
    ['native engine', native.path === undefined ? `none: ${native.reason}` : engine(native)],
    ...devices.map(({ name, available, description }): [string, string] => {
      const state = available ? 'available' : 'not available'
      return [name, name === 'cpu' ? state : `${state}: ${description}`] // of the CPU the row above tells more
    }),
    ['cache', `${cache.folder}${cache.corpora.length > 0 ? `, with ${cache.corpora.join(', ')}` : ''}`],
    ...variables(process.env),
  ]
  const homes = homeFolders()
  const lines = rows.map(([name, text]) => `| ${name} | ${cell(withoutHome(text, homes))} |`)
  return [`**nano-gpt ${info.version}**`, '', '| | |', '|---|---|', ...lines]
}

function engine(native: Extract<Info['native'], { path: string }>): string {
  const { origin, version, instructionSet, instructionSets, threads, path } = native
  const kernels = `${instructionSet} of ${instructionSets.join(', ')}`
  return `${origin}, version ${version}, ${kernels}; ${plural(threads, 'thread')}; ${path}`
}

/** Bun and Deno also report the version of Node that they imitate. */
function runtime({ node, bun, deno }: NodeJS.ProcessVersions = process.versions): string {
  const other = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : undefined
  return other ? `${other} (as Node ${node})` : `Node ${node}`
}

/** The C library that a diagnostic report of Linux names; '' on other systems. */
export function libcOf(report: unknown, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'linux') return ''
  const { header, sharedObjects } = (report ?? {}) as {
    header?: { glibcVersionRuntime?: string }
    sharedObjects?: readonly string[]
  }
  if (header?.glibcVersionRuntime) return `glibc ${header.glibcVersionRuntime}`
  return sharedObjects?.some((path) => path.includes('musl')) ? 'musl' : 'unknown C library'
}

function libc(): string {
  try {
    // Otherwise the report looks up the names of connected hosts.
    Object.assign(process.report, { excludeNetwork: true })
    return libcOf(process.report.getReport())
  } catch {
    return libcOf(undefined) // not in every runtime
  }
}

function memory(): string {
  const limit = process.constrainedMemory?.() ?? 0
  const limited = limit > 0 && limit < totalmem() ? `, limited to ${bytes(limit)}` : ''
  return `${bytes(totalmem())}, ${bytes(freemem())} free${limited}`
}

/** Rows for the environment variables that nano-gpt reads. */
function variables(env: NodeJS.ProcessEnv): [string, string][] {
  const names = Object.keys(env).filter((name) => name.startsWith('NANO_GPT_'))
  return names.sort().map((name) => [name, env[name]!])
}

/** The user's home folder, also where symbolic links lead. */
function homeFolders(): string[] {
  const home = homedir()
  try {
    return [realpathSync(home), home]
  } catch {
    return [home]
  }
}

/** Writes `~` for each home folder and, on Windows, for it in any case and with either slash. */
export function withoutHome(
  text: string,
  homes: readonly string[],
  platform: NodeJS.Platform = process.platform,
): string {
  return homes.reduce((result, home) => {
    const parts = home.split(/[\\/]/)
    if (parts.filter(Boolean).length === 0) return result
    const escaped = parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    // Another folder's name may begin with that of the home folder.
    const whole = `${escaped.join('[\\\\/]')}(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}])`
    return result.replaceAll(new RegExp(whole, platform === 'win32' ? 'giu' : 'gu'), '~')
  }, text)
}

/** Text for a cell of a Markdown table. */
function cell(text: string): string {
  return text
    .replaceAll(/[\\`*_|<>]/g, '\\$&')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
