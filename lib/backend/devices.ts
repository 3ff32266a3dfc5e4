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
  /** Whether this machine has one, though it may be of no use: a GPU whose driver is too old, say. */
  readonly present: boolean
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
    present: info?.[name].present ?? false,
    description: info?.[name].reason ?? 'needs the native binary',
  })
  const cpu = info ? `native kernels (${info.instructionSet}, ${info.threads} threads) from ${path}` : reason!
  return [
    gpu('cuda'),
    gpu('metal'),
    { name: 'cpu', available: !!info, present: !!info, description: cpu },
    { name: 'js', available: true, present: true, description: 'plain TypeScript: the reference, slow' },
  ]
}

export interface OpenOptions {
  /** A device's name, or 'auto': the best that can be used. 'cuda:1' is the second NVIDIA GPU. Default 'auto'. */
  device?: string
  /** Threads of the native pool, shared by the whole process. Default: `os.availableParallelism()`. */
  threads?: number
  /** CPU instruction set: 'avx2', 'neon', 'portable' or 'blas'. Default: the best here. */
  instructionSet?: string
}

/** A device that 'auto' would have taken if it could. */
export interface PassedOver {
  /** 'cuda', 'metal'. */
  readonly device: string
  readonly reason: string
  /** The one that is tried next. */
  readonly instead: string
}

/** Is told of each device that 'auto' passes over. */
export type OnPassedOver = (passedOver: PassedOver) => void

/** In one line. */
export function describePassedOver({ device, reason, instead }: PassedOver): string {
  return `${device} can't be used: ${reason}; going on with ${instead}`
}

const warn: OnPassedOver = (passedOver) =>
  process.emitWarning(describePassedOver(passedOver), 'NanoGptWarning')

/** What a device says that can't do what another may. */
const faults = ['unsupported', 'out_of_memory', 'device_lost']

export function isFault(error: unknown): error is NanoGptError {
  return error instanceof NanoGptError && faults.includes(error.code)
}

/**
 * Does something on the device of that name; for 'auto' on the best with which it works. A GPU that is of no use, or on which `work`
 * ends in a fault of the device's (too little memory, an op that it can't do), is passed over for the next. What was named is never
 * replaced, nor a GPU once `hasBegun` says that something would be lost.
 *
 * @param work is given a device's name, never 'auto', and leaves nothing behind when it fails
 * @param onPassedOver default: a warning of the process
 */
export async function onDevice<T>(
  name = 'auto',
  work: (device: string) => Promise<T>,
  onPassedOver = warn,
  hasBegun = () => false,
): Promise<T> {
  if (name !== 'auto') return work(name)
  const present = devices().filter((device) => device.present)
  const gpus = present.filter(isGpu)
  // With no native engine it is 'js'.
  const last = present.find((device) => !isGpu(device))!
  for (const [index, { name: device, available, description }] of gpus.entries()) {
    const passOver = (reason: string) =>
      onPassedOver({ device, reason, instead: gpus[index + 1]?.name ?? last.name })
    if (!available) {
      passOver(description)
      continue
    }
    try {
      return await work(device)
    } catch (error) {
      if (!isFault(error) || hasBegun()) throw error
      passOver(error.message)
    }
  }
  return work(last.name)
}

function isGpu({ name }: Device): boolean {
  return name === 'cuda' || name === 'metal'
}

/**
 * @param onPassedOver as for `onDevice`
 * @throws NanoGptError if the device is unknown or not available here, with the reason
 */
export function openSession(options: OpenOptions = {}, onPassedOver?: OnPassedOver): Promise<Session> {
  return onDevice(options.device, (device) => open({ ...options, device }), onPassedOver)
}

async function open({ device: name, threads, instructionSet }: OpenOptions & { device: string }) {
  const all = devices()
  const kind = name.replace(/^(cuda|metal):\d+$/, '$1')
  const device = all.find((candidate) => candidate.name === kind)
  if (!device) throw unknownDevice(name, all)
  if (!device.available) {
    throw new NanoGptError(
      'device',
      `device '${name}' is not available: ${device.description}. Use device: 'auto' for the best there is`,
    )
  }
  if (device.name === 'js') return new JsSession()
  const { addon } = loadAddon()
  await setThreads(addon!, threads)
  return new NativeSession(addon!, { device: name, instructionSet })
}

function unknownDevice(name: string, all: readonly Device[]): NanoGptError {
  const names = ['auto', ...all.map((device) => device.name)]
  const close = suggest(name, names)
  const hint = close ? ` Did you mean '${close}'?` : ''
  return new NanoGptError('device', `there is no device '${name}'; there are ${names.join(', ')}.${hint}`)
}
