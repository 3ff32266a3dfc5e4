#!/usr/bin/env node

// Replaces node-gyp for prebuildify: passes on the arguments that cmake-js understands.
const { spawnSync } = require('node:child_process')

const arch = process.argv.find((argument) => argument.startsWith('--arch='))?.slice('--arch='.length)
const args = [require.resolve('cmake-js/bin/cmake-js'), 'rebuild', '-l', 'error', '--CDNANO_GPT_WERROR=ON']
args.push('-B', process.argv.includes('--debug') ? 'Debug' : 'Release')
if (arch) args.push('-a', arch)
args.push('--CDNANO_GPT_CUDA=off')
const child = spawnSync(process.execPath, args, { stdio: 'inherit' })
process.exit(child.status ?? 1)
