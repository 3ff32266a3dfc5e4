// `nano-gpt info`: what this machine offers, and where things are.

import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join, sep } from 'node:path'
import { devices } from '../backend/devices'
import { loadAddon } from '../backend/native/addon'
import { cacheFolder } from '../data/cache'
import { corpusNames } from '../data/corpus'
import { version } from '../version'
import { bold, dim, json, plural, say } from './output'

export function infoCommand(options: { json?: boolean }): void {
  const info = collect()
  if (options.json) json({ type: 'info', ...info })
  else show(info)
}

function collect() {
  const { addon, path, reason } = loadAddon()
  const native = addon?.info()
  const cache = cacheFolder()
  return {
    version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    devices: devices(),
    native: native
      ? {
          path: path!,
          origin: originOf(path!),
          version: native.version,
          instructionSet: native.instructionSet,
          instructionSets: native.instructionSets,
          threads: native.threads,
        }
      : { reason: reason! },
    cache: { folder: cache, corpora: corpusNames.filter((name) => existsSync(join(cache, `${name}.txt`))) },
  }
}

/** How the binary came to be there. */
function originOf(path: string): 'prebuilt' | 'built here' {
  return path.split(sep).includes('prebuilds') ? 'prebuilt' : 'built here'
}

function show(info: ReturnType<typeof collect>): void {
  const { native, cache } = info
  say(bold(`nano-gpt ${info.version}`))
  line('Node', info.node)
  line('platform', info.platform)
  line('processor', `${info.processor}, ${plural(info.cores, 'core')} for us`)
  if (native.path !== undefined) {
    line('native', `${native.origin}, version ${native.version}: ${native.path}`)
    line('kernels', `${native.instructionSet} (of ${native.instructionSets.join(', ')})`)
    line('threads', String(native.threads))
  } else line('native', `none: ${native.reason}`)
  line('cache', `${cache.folder} ${dim(`(${cache.corpora.join(', ') || 'nothing in it yet'})`)}`)
  say()
  const best = info.devices.find(({ available }) => available)
  say(bold('devices'))
  for (const { name, available, description } of info.devices) {
    const auto = name === best?.name ? dim(' ← auto') : ''
    line(`${available ? '✓' : '✗'} ${name}`, `${available ? description : dim(description)}${auto}`)
  }
}

function line(name: string, value: string): void {
  say(`  ${name.padEnd(10)} ${value}`)
}
