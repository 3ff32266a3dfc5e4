// Rates, times and devices in words.

import { percent } from './words.mjs'

const format = (options) => {
  const { format } = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, ...options })
  return format
}
const short = format({ maximumSignificantDigits: 2 })

/** 1.9e11 → 190 billion */
export const large = format({ notation: 'compact', compactDisplay: 'long' })

/** 1.2e7 → 12 MB */
export function bytes(value) {
  const at = Math.floor(Math.log10(value || 1) / 3)
  return `${format()(value / 1000 ** at)} ${['bytes', 'kB', 'MB', 'GB', 'TB'][at]}`
}

/** Of milliseconds: 12 ms, 1.5 s */
export const time = (ms) => (ms < 1000 ? `${short(ms)} ms` : `${short(ms / 1000)} s`)

export const deviceWords = (device) => (['cpu', 'js'].includes(device) ? 'processor' : `GPU (${device})`)

/** How near an operation is to its limit. */
export function limitWords({ reach, limit }) {
  if (reach === null) return ''
  const name = limit === 'compute' ? 'arithmetic' : 'memory'
  if (reach < 0.95) return `${percent(reach)} of what ${name} allows`
  if (reach < 1.05) return `as fast as ${name} allows`
  return limit === 'memory'
    ? 'faster than memory, because its numbers are still in the cache'
    : 'faster than the limit that was measured'
}
