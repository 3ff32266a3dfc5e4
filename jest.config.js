const { availableParallelism } = require('node:os')

module.exports = {
  testEnvironment: 'node',
  // Generous: a busy machine must not fail a test.
  testTimeout: 120_000,
  // All cores: most tests compute. No more than four, of which each may take a gigabyte.
  maxWorkers: Math.min(4, availableParallelism()),
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Those of test/gpu need a GPU, be it emulated, and have a configuration of their own.
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/build/', '<rootDir>/test/gpu/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/build/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
}
