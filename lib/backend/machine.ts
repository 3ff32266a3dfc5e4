// The machine on which this process runs. Times depend on it, so records of them name it.

import { availableParallelism, cpus } from 'node:os'

export interface Machine {
  /** `linux-x64` */
  readonly platform: string
  /** The name of the processor, or 'unknown'. */
  readonly processor: string
  /** The cores that this process may use. */
  readonly cores: number
}

export function machine(): Machine {
  // Deno may ask the user for the permission to know the processor.
  const processor = process.versions.deno === undefined ? cpus()[0]?.model.trim() : undefined
  return {
    platform: `${process.platform}-${process.arch}`,
    processor: processor || 'unknown',
    cores: availableParallelism(),
  }
}
