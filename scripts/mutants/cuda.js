// Breaks CUDA kernels and their driver, one change at a time, on the emulated GPU, and requires
// that case files, the race detector or a test of products, instructions or the driver detect every
// change. The mutants are in cuda/. Options besides those of hunt.js:
//
//   --emulated FOLDER   a build with -DNANO_GPT_CUDA=emulated, with the targets all, nano-gemm-test,
//                       nano-ptx-test and nano-simt-test
//   --races FOLDER      a build with -DNANO_GPT_CUDA=emulated-races, with the targets nano_gpt_cuda and
//                       nano-gemm-test
//
// Both need CMAKE_EXPORT_COMPILE_COMMANDS. Settings of a mutant besides those of gpu.js:
//
//   ptx: true         runs nano-ptx-test
//   simt: true        runs nano-simt-test
//   sources: [files]  compiles only these of the sources that include the file

const { copyFileSync, mkdirSync } = require('node:fs')
const { basename, join, resolve } = require('node:path')
const { argument, parallel } = require('../processes')
const { commandOf, huntOnGpu, programsOf, rebuild, shell, sourcesWith } = require('./gpu')
const { root, work } = require('./hunt')

const builds = {
  emulated: resolve(argument('--emulated', join(root, 'build', 'emulated'))),
  races: resolve(argument('--races', join(root, 'build', 'emulated-races'))),
}

/**
 * The race-detector build contains only the kernels; the programs that run them come from the other
 * build.
 */
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

// A copy of CMake's precompiled header for kernels, compiled as mutants are. No mutant changes it.
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
  const test = how.ptx ? 'ptx_test.cu' : how.simt ? 'selftest.cu' : undefined // compiled with it, instead of the module
  const ofModule = !test && sources.length > 0
  const made = {}
  for (const name of ofModule && !how.gemm ? ['nano_gpt_cuda'] : programsOf(how)) {
    const build = buildOf(name, how)
    if (test) made[name] = await rebuild(build, name, [`emulate/test/${test}`], copy)
    else if (ofModule) {
      made[name] = await rebuild(build, name, sources, copy, ` -include ${commonHeader(build)}`)
    } else {
      // Temporaries share memory only in the arena, as in production.
      const target = name === 'nano-run' ? 'nano-run-arena' : name
      made[name] = await rebuild(build, target, [file], copy)
    }
  }
  return made
}

const prepare = () => parallel(Object.values(builds), precompile)

huntOnGpu('cuda', { prepare, make, settingOf })
