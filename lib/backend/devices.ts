// Which devices there are, and how to open one.

import { NanoGptError, option, say, suggest } from '../errors'
import type { Session } from './backend'
import { JsSession } from './js/session'
import { type DeviceName, deviceNames, type GpuName, gpuNames } from './names'
import { loadAddon } from './native/addon'
import { NativeSession, setThreads } from './native/session'

export interface Device {
  /** What the `device` option takes. */
  readonly name: DeviceName
  readonly available: boolean
  /** Whether this machine has one, though it may be unusable: a GPU whose driver is too old, say. */
  readonly present: boolean
  /** What it is, or why it isn't available. */
  readonly description: string
}

/** Every device that nano-gpt knows, the best first, and whether it can be used here. */
export function devices(): Device[] {
  const { addon, path, reason } = loadAddon()
  const info = addon?.info()
  return deviceNames.map((name) => {
    if (name === 'js') {
      return { name, available: true, present: true, description: 'plain TypeScript: the reference, slow' }
    }
    if (isGpuName(name)) {
      return {
        name,
        available: info?.[name].available ?? false,
        present: info?.[name].present ?? false,
        description: info?.[name].reason ?? 'needs the native binary',
      }
    }
    const description = info
      ? `native kernels (${info.instructionSet}, ${info.threads} threads) from ${path}`
      : reason!
    return { name, available: !!info, present: !!info, description }
  })
}

export interface OpenOptions {
  /** A device's name, or 'auto': the best that can be used. Default: 'auto'. */
  device?: string
  /** Threads of the native pool, shared by the whole process. Default: `os.availableParallelism()`. */
  threads?: number
  /** Instructions that the CPU kernels use. Default: the best here. */
  instructionSet?: string
}

/** A device that 'auto' would have taken if it could. */
export interface PassedOver {
  readonly device: string
  readonly reason: string
  /** The one that is tried next. */
  readonly instead: string
}

/** Is told of each device that 'auto' passes over. */
export type OnPassedOver = (passedOver: PassedOver) => void

/** In one line. */
export function describePassedOver({ device, reason, instead }: PassedOver): string {
  return `${device} can't be used: ${reason}; continuing with ${instead}`
}

const warn: OnPassedOver = (passedOver) =>
  process.emitWarning(describePassedOver(passedOver), 'NanoGptWarning')

/** Errors of a device that can't do what another may. */
const faults = ['unsupported', 'out_of_memory', 'device_lost']

export function isFault(error: unknown): error is NanoGptError {
  return error instanceof NanoGptError && faults.includes(error.code)
}

/**
 * Does something on the device of that name; for 'auto' on the best with which it works. A GPU that can't be used, or on which `work`
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
  const gpus = present.filter((device) => isGpuName(device.name))
  // With no native engine it is 'js'.
  const last = present.find((device) => !isGpuName(device.name))!
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

function isGpuName(name: string): name is GpuName {
  return gpuNames.some((gpu) => gpu === name)
}

/** One GPU of several: 'cuda:1'. */
const numbered = new RegExp(`^(${gpuNames.join('|')}):\\d+$`)

/**
 * @param onPassedOver as for `onDevice`
 * @throws NanoGptError 'device' if the device is unknown or not available here, with the reason
 */
export function openSession(options: OpenOptions = {}, onPassedOver?: OnPassedOver): Promise<Session> {
  return onDevice(options.device, (device) => open({ ...options, device }), onPassedOver)
}

/**
 * The device of that name; undefined for 'auto'.
 *
 * @throws NanoGptError 'device' if it is unknown or not available here, with the reason
 */
export function expectDevice(name = 'auto'): Device | undefined {
  if (name === 'auto') return undefined
  const all = devices()
  const kind = name.replace(numbered, '$1')
  const device = all.find((candidate) => candidate.name === kind)
  if (!device) throw unknownDevice(name, all)
  if (!device.available) {
    throw new NanoGptError('device', {
      option: 'device',
      value: name,
      reason: `it is not available: ${device.description}`,
      remedy: say`${option('device', 'auto')} takes the best there is`,
    })
  }
  return device
}

async function open({ device: name, threads, instructionSet }: OpenOptions & { device: string }) {
  if (expectDevice(name)?.name === 'js') return new JsSession()
  const { addon } = loadAddon()
  await setThreads(addon!, threads)
  return new NativeSession(addon!, { device: name, instructionSet })
}

/** Other words for a GPU. */
const otherNames = new Map<string, GpuName | 'any'>([
  ['gpu', 'any'],
  ['nvidia', 'cuda'],
  ['apple', 'metal'],
  ['mps', 'metal'],
])

function unknownDevice(name: string, all: readonly Device[]): NanoGptError {
  const meant = otherNames.get(name.toLowerCase().replace(/:\d+$/, ''))
  const gpu = all.find((device) => device.available && isGpuName(device.name))
  const names = ['auto', ...deviceNames]
  const close = meant === 'any' ? (gpu?.name ?? 'auto') : (meant ?? suggest(name, names))
  return new NanoGptError('device', {
    option: 'device',
    value: name,
    reason: `there is no such device; there are ${names.join(', ')}`,
    ...(close !== undefined && { remedy: say`Did you mean ${option('device', close)}?` }),
  })
}
