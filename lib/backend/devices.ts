// Which devices there are, and how to open one.

import { NanoGptError, suggest } from '../errors'
import type { Session } from './backend'
import { JsSession } from './js/session'
import { loadAddon } from './native/addon'
import { NativeSession, setThreads } from './native/session'

export interface Device {
  /** What the `device` option takes: 'cpu', 'js', 'cuda', 'metal'. */
  readonly name: string
  readonly available: boolean
  /** What it is, or why it isn't available. */
  readonly description: string
}

/** Every device that nano-gpt knows, the best first, and whether it can be used here. */
export function devices(): Device[] {
  const { addon, path, reason } = loadAddon()
  const info = addon?.info()
  const gpu = (name: 'cuda' | 'metal'): Device => ({
    name,
    available: info?.[name].available ?? false,
    description: info?.[name].reason ?? 'needs the native binary',
  })
  const cpu = info ? `native kernels (${info.instructionSet}, ${info.threads} threads) from ${path}` : reason!
  return [
    gpu('cuda'),
    gpu('metal'),
    { name: 'cpu', available: !!info, description: cpu },
    { name: 'js', available: true, description: 'plain TypeScript: the reference, slow' },
  ]
}

export interface OpenOptions {
  /** A device's name, or 'auto': the best available. 'cuda:1' is the second NVIDIA GPU. Default 'auto'. */
  device?: string
  /** Threads of the native pool, shared by the whole process. Default: `os.availableParallelism()`. */
  threads?: number
  /** CPU instruction set: 'avx2', 'neon', 'portable' or 'blas'. Default: the best here. */
  instructionSet?: string
}

/** @throws NanoGptError if the device is unknown or not available here, with the reason */
export async function openSession(options: OpenOptions = {}): Promise<Session> {
  const all = devices()
  const name = options.device ?? 'auto'
  const kind = name.replace(/^(cuda|metal):\d+$/, '$1')
  const device =
    name === 'auto'
      ? all.find(({ available }) => available)!
      : all.find((candidate) => candidate.name === kind)
  if (!device) throw unknownDevice(name, all)
  if (!device.available) {
    throw new NanoGptError(
      'device',
      `device '${name}' is not available: ${device.description}. Use device: 'auto' for the best there is`,
    )
  }
  if (device.name === 'js') return new JsSession()
  const { addon } = loadAddon()
  await setThreads(addon!, options.threads)
  return new NativeSession(addon!, {
    device: name === 'auto' ? device.name : name,
    instructionSet: options.instructionSet,
  })
}

function unknownDevice(name: string, all: readonly Device[]): NanoGptError {
  const names = ['auto', ...all.map((device) => device.name)]
  const close = suggest(name, names)
  const hint = close ? ` Did you mean '${close}'?` : ''
  return new NanoGptError('device', `there is no device '${name}'; there are ${names.join(', ')}.${hint}`)
}
