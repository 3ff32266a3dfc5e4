// Tests of a GPU device, emulated or, for training.test.ts, real:
//   NANO_GPT_TEST_DEVICE=cuda NANO_GPT_CUDA_MODULE=build/emulated/Release/nano_gpt_cuda.so npx jest --config test/gpu/jest.config.js
//   NANO_GPT_TEST_DEVICE=metal NANO_GPT_PREBUILD=FOLDER npx jest --config test/gpu/jest.config.js
// For Metal, FOLDER/build/Release contains the addon with the Metal backend. On a Mac every addon
// has it, and the variable is not needed.

const { existsSync } = require('node:fs')
const { join, resolve } = require('node:path')
const base = require('../../jest.config')

const device = process.env.NANO_GPT_TEST_DEVICE
if (device !== 'cuda' && device !== 'metal') {
  throw new Error(`NANO_GPT_TEST_DEVICE is ${device}: it must be cuda or metal`)
}

/** Makes a path absolute, for commands that start in another folder. */
function absolute(variable, part, what) {
  const path = process.env[variable]
  if (!path || !existsSync(join(path, part))) {
    throw new Error(`${variable} is ${path}: it must name ${what} (docs/gpu-testing.md says how to build one)`)
  }
  process.env[variable] = resolve(path)
}
if (device === 'cuda') absolute('NANO_GPT_CUDA_MODULE', '', 'a CUDA module')
if (device === 'metal' && process.platform !== 'darwin') {
  absolute('NANO_GPT_PREBUILD', 'build/Release/nano_gpt.node', 'a folder with an addon that has Metal')
}

module.exports = {
  ...base,
  rootDir: resolve(__dirname, '..', '..'),
  testMatch: ['<rootDir>/test/gpu/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
}
