const { availableParallelism } = require('node:os')
const { leftOut } = require('./scripts/long_tests')

module.exports = {
  testEnvironment: 'node',
  // Generous: a busy machine must not fail a test.
  testTimeout: 120_000,
  // All cores: most tests compute. No more than four, of which each may take a gigabyte.
  maxWorkers: Math.min(4, availableParallelism()),
  // Jest looks globals up in a slow way, unless they are named here. Kernels in TypeScript use these in
  // their inner loops, and take a third of the time.
  sandboxInjectedGlobals: [
    'Math',
    'Number',
    'BigInt',
    'Array',
    'Float32Array',
    'Float64Array',
    'Int32Array',
    'Uint32Array',
    'Uint16Array',
    'Uint8Array',
    'DataView',
  ],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Those of test/gpu need a GPU, be it emulated, and have a configuration of their own.
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/build/', '<rootDir>/test/gpu/', ...leftOut()],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
}
