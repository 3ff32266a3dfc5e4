// What devices and instruction sets are called.

/** Those of GPUs, the best first. 'cuda:1' is the second of its kind. */
export const gpuNames = ['cuda', 'metal'] as const
export type GpuName = (typeof gpuNames)[number]

/** The best first. */
export const deviceNames = [...gpuNames, 'cpu', 'js'] as const
export type DeviceName = (typeof deviceNames)[number]

/** Of the CPU's kernels; 'blas' leaves large products to a library. */
export const instructionSetNames = ['avx2', 'neon', 'portable', 'blas'] as const
