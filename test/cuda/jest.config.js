// Tests of the device 'cuda', with the module that NANO_GPT_CUDA_MODULE names: the emulated one, or for training.test.ts one on a
// real GPU.   NANO_GPT_CUDA_MODULE=build/emulated/Release/nano_gpt_cuda.so npx jest --config test/cuda/jest.config.js

const { existsSync } = require('node:fs')
const { resolve } = require('node:path')
const base = require('../../jest.config')

const path = process.env.NANO_GPT_CUDA_MODULE
if (!path || !existsSync(path)) {
  throw new Error(`NANO_GPT_CUDA_MODULE is ${path}: it must name a CUDA module (docs/gpu-testing.md says how to build one)`)
}
// Commands are started elsewhere.
process.env.NANO_GPT_CUDA_MODULE = resolve(path)

module.exports = {
  ...base,
  rootDir: resolve(__dirname, '..', '..'),
  testMatch: ['<rootDir>/test/cuda/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
}
