// `nano-gpt info`: versions, devices, and where files are stored.

import { existsSync } from 'node:fs'
import { join, sep } from 'node:path'
import { devices } from '../backend/devices'
import { machine } from '../backend/machine'
import { loadAddon } from '../backend/native/addon'
import { cacheFolder } from '../data/cache'
import { corpusNames } from '../data/corpus'
import { version } from '../version'
import { usage } from './grammar'
import { bold, dim, json, plural, say } from './output'
import { lineColumns } from './progress'
import { reportOn } from './report'
import { wrap } from './words'

const nameWidth = 11

export function infoCommand(options: { json?: boolean; report?: boolean }): void {
  if (options.json && options.report) throw usage('info', '--report and --json exclude each other')
  const info = collect()
  if (options.json) json({ type: 'info', ...info })
  else if (options.report) for (const each of reportOn(info)) say(each)
  else show(info)
}

function collect() {
  const { addon, path, reason } = loadAddon()
  const native = addon?.info()
  const cache = cacheFolder()
  return {
    version,
    node: process.version,
    ...machine(),
    devices: devices(),
    native: native
      ? {
          path: path!,
          origin: originOf(path!),
          version: native.version,
          instructionSet: native.instructionSet,
          instructionSets: native.instructionSets,
          reason: native.cpuReason || undefined,
          threads: native.threads,
        }
      : { reason: reason! },
    cache: { folder: cache, corpora: corpusNames.filter((name) => existsSync(join(cache, `${name}.txt`))) },
  }
}

/** Whether the binary came with the package or was built on this machine. */
function originOf(path: string): 'prebuilt' | 'built here' {
  return path.split(sep).includes('prebuilds') ? 'prebuilt' : 'built here'
}

export type Info = ReturnType<typeof collect>

function show(info: Info): void {
  const { native } = info
  say(bold(`nano-gpt ${info.version}`))
  section('This machine')
  line('platform', `${info.platform}, Node ${info.node}`)
  line('processor', `${info.processor}, ${plural(info.cores, 'core')} available`)
  section('Native engine')
  if (native.path !== undefined) {
    line('binary', `${native.origin}, version ${native.version}: ${native.path}`)
    const { instructionSet, instructionSets } = native
    line(
      'kernels',
      instructionSet ? `${instructionSet}${alsoThere(instructionSets.slice(1))}` : native.reason!,
    )
    line('threads', `${native.threads} ${dim('(set with --threads)')}`)
  } else {
    line('none', native.reason!)
    line('', 'nano-gpt works without it, but slowly: in plain TypeScript on one thread.')
  }
  showDevices(info)
  showTexts(info)
}

const alsoThere = (names: readonly string[]) =>
  names.length > 0 ? dim(` (also available: ${names.join(', ')})`) : ''

/** Lists the devices. 'auto' is the first that is available. */
function showDevices({ devices, native }: Info): void {
  section('Devices, best first')
  const best = devices.find(({ available }) => available)
  for (const { name, available, description } of devices) {
    // The description has the binary's path, which is printed above.
    const isEngine = name === 'cpu' && native.path !== undefined && available
    const text = isEngine
      ? `the native engine: ${native.instructionSet}, ${plural(native.threads, 'thread')}`
      : name === 'cpu' && native.path === undefined
        ? 'needs the native engine, see above'
        : description
    const auto = name === best?.name ? dim('  ← auto, the default') : ''
    line(`${available ? '✓' : '✗'} ${name}`, `${available ? text : dim(text)}${auto}`)
  }
}

function showTexts({ cache }: Info): void {
  section('Texts to train on, by name for --data')
  for (const name of corpusNames) {
    const isHere = cache.corpora.includes(name)
    line(name, isHere ? `in ${cache.folder}` : `will be downloaded to ${cache.folder} on first use`)
  }
}

function section(title: string): void {
  say()
  say(bold(title))
}

/** A name and its value, wrapped between words. */
function line(name: string, value: string): void {
  const indent = nameWidth + 3
  const lines = wrap(value, Math.max(lineColumns() - indent, 40))
  say(`  ${name.padEnd(nameWidth)} ${lines.join(`\n${' '.repeat(indent)}`)}`)
}
