export interface RejectedBinary {
  readonly path: string
  readonly reason: string
}

export function findAddon(): {
  readonly addon?: unknown
  readonly path?: string
  readonly rejected: readonly RejectedBinary[]
}
