// The names of devices and instruction sets.

/** GPU devices, best first. 'cuda:1' is the second CUDA GPU. */
export const gpuNames = ['cuda', 'metal'] as const
export type GpuName = (typeof gpuNames)[number]

/** Devices that compute in the memory of this process. */
const hostNames = ['cpu', 'js'] as const

/** All devices, best first. */
export const deviceNames = [...gpuNames, ...hostNames] as const
export type DeviceName = (typeof deviceNames)[number]

/** Instruction sets of the CPU kernels. 'blas' delegates large products to a BLAS library. */
export const instructionSetNames = ['avx2', 'neon', 'portable', 'blas'] as const

/** The most threads that the native engine takes. */
export const mostThreads = 256

/** Whether a device's tensors are in the memory of this process. */
export function isHostDevice(name: string): boolean {
  return hostNames.some((host) => host === name)
}
