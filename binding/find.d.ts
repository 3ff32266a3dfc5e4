export interface RejectedBinary {
  readonly path: string
  readonly reason: string
}

export function findAddon(): {
  readonly addon?: unknown
  readonly path?: string
  readonly rejected: readonly RejectedBinary[]
}

export function findCudaModule(addonFile: string): {
  readonly path: string
  readonly reason: string
  readonly isThere: boolean
}
