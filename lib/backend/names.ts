// What devices and instruction sets are called.

/** Those of GPUs, the best first. 'cuda:1' is the second of its kind. */
export const gpuNames = ['cuda', 'metal'] as const
export type GpuName = (typeof gpuNames)[number]

/** Those that compute in the memory of this process. */
const hostNames = ['cpu', 'js'] as const

/** The best first. */
export const deviceNames = [...gpuNames, ...hostNames] as const
export type DeviceName = (typeof deviceNames)[number]

/** Of the CPU's kernels; 'blas' leaves large products to a library. */
export const instructionSetNames = ['avx2', 'neon', 'portable', 'blas'] as const

/** Whether a device's tensors lie in the memory of this process. */
export function isHostDevice(name: string): boolean {
  return hostNames.some((host) => host === name)
}
