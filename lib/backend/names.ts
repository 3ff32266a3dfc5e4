// What devices and instruction sets are called.

/** The best first. */
export const deviceNames = ['cuda', 'metal', 'cpu', 'js'] as const
export type DeviceName = (typeof deviceNames)[number]

/** Of the CPU's kernels; 'blas' leaves large products to a library. */
export const instructionSetNames = ['avx2', 'neon', 'portable', 'blas'] as const
