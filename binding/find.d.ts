export interface RejectedBinary {
  readonly path: string
  readonly reason: string
  /** Whether Deno, or Node with --permission, denies loading it. */
  readonly isDenied: boolean
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
