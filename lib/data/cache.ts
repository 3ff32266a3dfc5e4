// The cache of downloaded corpora. Every text is checked against a pinned sha256 each time it is
// read.

import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { NanoGptError, type Phrase, reasonOf } from '../errors'
import { writeFileAtomic } from '../files/atomic'
import { readSmallFile } from '../files/read'

/** In bytes. The texts have 1.1 and 1.2 million. */
const longest = 10_000_000

/** How texts are downloaded and cached. Tests replace these. */
export interface CacheOptions {
  /** The cache folder. Default: `cacheFolder()`. */
  readonly cache?: string
  /**
   * Called with a sentence about a download, a change to the text, or a problem that is not an
   * error.
   */
  readonly notice?: (message: string | Phrase) => void
  /** Cancels loading. */
  readonly signal?: AbortSignal
  /** Downloads a URL. Default: https with a limit of 60 seconds. */
  readonly download?: (url: string, signal?: AbortSignal) => Promise<Uint8Array>
  /** Writes the tarball of an npm package `name@version` to `folder`. Default: runs `npm pack`. */
  readonly npmPack?: (spec: string, folder: string, signal?: AbortSignal) => Promise<void>
}

/** A text that can be downloaded and has a known digest. */
export interface RemoteText {
  /** Its corpus name: `shakespeare`. */
  readonly name: string
  /** Its title in messages: `Tiny Shakespeare`. */
  readonly title: string
  /** Its origin in messages: `raw.githubusercontent.com`. */
  readonly from: string
  /** Of the file's bytes, in hexadecimal. */
  readonly sha256: string
  /** Downloads the bytes. */
  fetch(options: CacheOptions): Promise<Uint8Array>
  /** The remedy when `fetch` fails. `path` is the text's path in the cache. */
  remedy(path: string): Phrase
}

/**
 * The folder for downloads: `NANO_GPT_CACHE` if set, otherwise the platform's cache folder
 * (`$XDG_CACHE_HOME/nano-gpt` or `~/.cache/nano-gpt`, `~/Library/Caches/nano-gpt`,
 * `%LOCALAPPDATA%\nano-gpt\Cache`).
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.NANO_GPT_CACHE) return resolve(env.NANO_GPT_CACHE)
  if (platform === 'win32')
    return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'nano-gpt', 'Cache')
  if (platform === 'darwin') return join(home, 'Library', 'Caches', 'nano-gpt')
  // According to the XDG specification, a relative path is invalid and ignored.
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache')
  return join(base, 'nano-gpt')
}

/** The sha256 of bytes (or of a string's UTF-8), in hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

/**
 * The bytes of a remote text: from the cache if the digest matches, otherwise downloaded, checked
 * and cached. If the cache cannot be written, the text is still returned, with a notice.
 *
 * @throws NanoGptError 'download_failed' with a remedy; an AbortError if `signal` cancelled it
 */
export async function cachedText(text: RemoteText, options: CacheOptions): Promise<Uint8Array> {
  const folder = options.cache ?? cacheFolder()
  const path = join(folder, `${text.name}.txt`)
  const cached = await readSmallFile(path, longest).catch(() => undefined)
  if (cached && sha256(cached) === text.sha256) return cached
  if (cached) options.notice?.(`${path} is damaged; downloading ${text.title} again from ${text.from}`)
  else options.notice?.(`downloading ${text.title} from ${text.from} once, to ${folder}`)
  const bytes = await fetchChecked(text, path, options)
  await keep(folder, path, bytes).catch((error) => {
    options.notice?.(`${text.title} could not be cached in ${folder}: ${reasonOf(error)}`)
  })
  return bytes
}

async function fetchChecked(text: RemoteText, path: string, options: CacheOptions): Promise<Uint8Array> {
  try {
    const bytes = await text.fetch(options)
    const digest = sha256(bytes)
    if (digest !== text.sha256) throw new Error(`its sha256 is ${digest}, not ${text.sha256}`)
    return bytes
  } catch (cause) {
    options.signal?.throwIfAborted()
    const details = {
      option: 'data',
      value: text.name,
      reason: `cannot download ${text.title} from ${text.from} (${reasonOf(cause)})`,
      remedy: text.remedy(path),
    }
    throw new NanoGptError('download_failed', details, { cause })
  }
}

async function keep(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(path, [bytes])
}
