// The option that ends a call, as several functions take it.

import type { OptionRow } from './row'
import { signal } from './types'

/** Its row, for a call that does this when the signal comes: 'ends the evaluation'. */
export function signalOption<const Does extends string>(does: Does) {
  return {
    type: signal,
    group: 'machine',
    perCall: true,
    help: `${does}; it rejects with AbortError`,
    commandLine: { hidden: true },
  } as const satisfies OptionRow<AbortSignal>
}
