#!/usr/bin/env node

// Replaces node-gyp for prebuildify: passes on the arguments that cmake-js understands.
const { spawnSync } = require('node:child_process')
const { switchOf } = require('../binding/switches')

const arch = process.argv.find((argument) => argument.startsWith('--arch='))?.slice('--arch='.length)
const args = [require.resolve('cmake-js/bin/cmake-js'), 'rebuild', '-l', 'error', '--CDNANO_GPT_WERROR=ON']
args.push('-B', process.argv.includes('--debug') ? 'Debug' : 'Release')
if (arch) args.push('-a', arch)
// A release contains the CUDA module, for every GPU that nvcc knows; macOS has no CUDA.
const hasCuda = process.platform !== 'darwin' && switchOf('NANO_GPT_CUDA') !== false
args.push(`--CDNANO_GPT_CUDA=${hasCuda ? 'on' : 'off'}`, '--CDNANO_GPT_CUDA_ARCHITECTURES=all')
const child = spawnSync(process.execPath, args, { stdio: 'inherit' })
process.exit(child.status ?? 1)
