// The `signal` option, which ends a call.

import type { OptionRow } from './row'
import { signal } from './types'

/** @param does what the signal does, such as 'ends the evaluation' */
export function signalOption<const Does extends string>(does: Does) {
  return {
    type: signal,
    group: 'machine',
    perCall: true,
    help: `abort signal: ${does}, which rejects with AbortError`,
    commandLine: { hidden: true },
  } as const satisfies OptionRow<AbortSignal>
}
