// Lists the available devices and opens sessions on them.

import { NanoGptError, option, say, suggest } from '../errors'
import type { Session } from './backend'
import { JsSession } from './js/session'
import { type DeviceName, deviceNames, type GpuName, gpuNames } from './names'
import { buildCommand, loadAddon } from './native/addon'
import { NativeSession, setThreads } from './native/session'

export interface Device {
  /** The name that the `device` option takes. */
  readonly name: DeviceName
  readonly available: boolean
  /**
   * Whether this machine has such a device, even if it is unusable, such as a GPU with an outdated
   * driver.
   */
  readonly present: boolean
  /** A description of the device, or the reason why it is unavailable. */
  readonly description: string
}

/** Every device that nano-gpt supports, best first, and whether it is available on this machine. */
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
        description: info?.[name].reason ?? 'needs the native engine',
      }
    }
    if (!info) return { name, available: false, present: false, description: reason! }
    const description = info.cpuReason
      ? `${info.cpuReason}; "${buildCommand}" compiles kernels for it (${path})`
      : `native kernels (${info.instructionSet}, ${info.threads} threads) from ${path}`
    return { name, available: !info.cpuReason, present: true, description }
  })
}

export interface OpenOptions {
  /** A device's name, or 'auto' for the best one that works. Default: 'auto'. */
  device?: string
  /**
   * Threads of the native pool, shared by the whole process. Default: `os.availableParallelism()`.
   */
  threads?: number
  /** Instruction set of the CPU kernels. Default: the best that this processor supports. */
  instructionSet?: string
}

/** A device that 'auto' skips. */
export interface PassedOver {
  readonly device: string
  readonly reason: string
  /** The device that is tried next. */
  readonly instead: string
}

/** Called for each device that 'auto' skips. */
export type OnPassedOver = (passedOver: PassedOver) => void

/** A one-line description. */
export function describePassedOver({ device, reason, instead }: PassedOver): string {
  return `${device} can't be used: ${reason}; continuing with ${instead}`
}

const warn: OnPassedOver = (passedOver) =>
  process.emitWarning(describePassedOver(passedOver), 'NanoGptWarning')

/** Codes of errors after which another device may still work. */
const faults = ['unsupported', 'out_of_memory', 'device_lost']

export function isFault(error: unknown): error is NanoGptError {
  return error instanceof NanoGptError && faults.includes(error.code)
}

/**
 * Calls `work` with the name of a device. A named device is used without fallback.
 *
 * For 'auto', the best device comes first. An unavailable device is skipped. So is a GPU on which
 * `work` fails because it runs out of memory, lacks an op or is lost. Once `hasBegun` returns true,
 * no GPU is skipped, since work would be lost. The first time that 'auto' ends at 'js', a process
 * warning says why, unless NANO_GPT_NATIVE=0 asks for it.
 *
 * @param name default: 'auto'
 * @param work receives the name of a device, never 'auto', and must leave nothing behind when it
 *   fails
 * @param onPassedOver default: emits a process warning
 * @param hasBegun default: always false
 */
export async function onDevice<T>(
  name = 'auto',
  work: (device: string) => Promise<T>,
  onPassedOver = warn,
  hasBegun = () => false,
): Promise<T> {
  if (name !== 'auto') return work(name)
  const present = devices().filter((device) => device.present)
  // This is 'js' if the native engine is missing or has no kernels for this processor.
  const last = present.findIndex((device) => device.available && !isGpuName(device.name))
  for (const [index, { name: device, available, description }] of present.slice(0, last).entries()) {
    const passOver = (reason: string) => onPassedOver({ device, reason, instead: present[index + 1]!.name })
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
  if (present[last]!.name === 'js') warnOfJs()
  return work(present[last]!.name)
}

let warnedOfJs = false

/** Plain TypeScript is never chosen silently, because it is much slower. */
function warnOfJs(): void {
  const { isDisabled, reason } = loadAddon()
  if (warnedOfJs || isDisabled || reason === undefined) return
  warnedOfJs = true
  process.emitWarning(`using plain TypeScript, which is much slower: ${reason}`, 'NanoGptWarning')
}

function isGpuName(name: string): name is GpuName {
  return gpuNames.some((gpu) => gpu === name)
}

/** The name of one of several GPUs, such as 'cuda:1'. */
const numbered = new RegExp(`^(${gpuNames.join('|')}):\\d+$`)

/**
 * Opens a session on a device.
 *
 * @param onPassedOver see `onDevice`
 * @throws NanoGptError 'device' with the reason, if the device is unknown or unavailable
 */
export function openSession(options: OpenOptions = {}, onPassedOver?: OnPassedOver): Promise<Session> {
  return onDevice(options.device, (device) => open({ ...options, device }), onPassedOver)
}

/**
 * The device of this name, or undefined for 'auto'.
 *
 * @throws NanoGptError 'device' with the reason, if the device is unknown or unavailable
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

/** Other names of GPUs, for suggestions in errors. */
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
