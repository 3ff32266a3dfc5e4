// Breaks CUDA kernels and what drives them, one change at a time, on the emulated GPU, and demands that case files, the race detector
// or a test of products, instructions or the driver notice every one. The mutants lie in cuda/. Options beside those of hunt.js:
//
//   --emulated FOLDER   CMake's with -DNANO_GPT_CUDA=emulated, where all and nano-gemm-test, nano-ptx-test and nano-simt-test are built
//   --races FOLDER      CMake's with -DNANO_GPT_CUDA=emulated-races, where nano_gpt_cuda and nano-gemm-test are built
//
// Both with CMAKE_EXPORT_COMPILE_COMMANDS. How a mutant is judged, beside what gpu.js has:
//
//   ptx: true         runs nano-ptx-test
//   simt: true        runs nano-simt-test
//   sources: [files]  compiles only these, of all that include the file

const { copyFileSync, mkdirSync } = require('node:fs')
const { basename, join, resolve } = require('node:path')
const { argument, parallel } = require('../processes')
const { commandOf, huntOnGpu, programsOf, rebuild, shell, sourcesWith } = require('./gpu')
const { root, work } = require('./hunt')

const builds = {
  emulated: resolve(argument('--emulated', join(root, 'build', 'emulated'))),
  races: resolve(argument('--races', join(root, 'build', 'emulated-races'))),
}

/** Only what holds kernels is built for the race detector; what runs them is the other build's. */
const buildOf = (target, { races }) =>
  races && /^nano(_gpt_cuda|-gemm-test)$/.test(target) ? builds.races : builds.emulated

function settingOf(how, made) {
  const module = join(buildOf('nano_gpt_cuda', how), 'Release', 'nano_gpt_cuda.so')
  return {
    device: 'cuda',
    schedules: how.races ? ['ascending'] : ['ascending', 'descending', 'shuffle'],
    env: { NANO_GPT_CUDA_MODULE: made.nano_gpt_cuda ?? module },
    pathOf: (program) => made[program] ?? join(buildOf(program, how), 'Release', program),
  }
}

// What CMake precompiles for kernels, once more as mutants are compiled. No mutant touches it.
const commonHeader = (build) => join(work, basename(build), 'common.h')

async function precompile(build) {
  const header = commonHeader(build)
  mkdirSync(join(header, '..'))
  copyFileSync(join(build, 'CMakeFiles', 'nano_gpt_cuda.dir', 'cmake_pch.hxx'), header)
  const command = commandOf(build, 'nano_gpt_cuda', 'cuda/add.cu')
    .replace(/ -xc\+\+ /, ' ')
    .replace(/ -o \S+/, ` -o ${header}.gch`)
    .replace(/ -c \S+$/, ` -x c++-header -c ${header}`)
  await shell(build, command, 'the headers do not compile')
}

async function make({ file, how }, copy) {
  const sources = how.sources?.map((source) => `cuda/${source}`) ?? sourcesWith(file, 'cuda', '.cu')
  const test = how.ptx ? 'ptx_test.cu' : how.simt ? 'selftest.cu' : undefined // compiled with it, and the module isn't
  const ofModule = !test && sources.length > 0
  const made = {}
  for (const name of ofModule && !how.gemm ? ['nano_gpt_cuda'] : programsOf(how)) {
    const build = buildOf(name, how)
    if (test) made[name] = await rebuild(build, name, [`emulate/test/${test}`], copy)
    else if (ofModule) {
      made[name] = await rebuild(build, name, sources, copy, ` -include ${commonHeader(build)}`)
    } else {
      // Only in the arena do temporaries share memory, as in earnest.
      const target = name === 'nano-run' ? 'nano-run-arena' : name
      made[name] = await rebuild(build, target, [file], copy)
    }
  }
  return made
}

const prepare = () => parallel(Object.values(builds), precompile)

huntOnGpu('cuda', { prepare, make, settingOf })
