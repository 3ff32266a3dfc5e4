// Breaks Metal kernels and the code that launches them, one change at a time, on the emulated GPU,
// and requires that case files, the race detector or a test of products or the driver detect every
// change. The mutants are in metal/; gpu.js describes the settings. An option besides those of
// hunt.js:
//
//   --build FOLDER   a build with -DNANO_GPT_METAL=emulated and CMAKE_EXPORT_COMPILE_COMMANDS, with the
//                    targets all and nano-gemm-test

const { readFileSync, writeFileSync } = require('node:fs')
const { join, resolve } = require('node:path')
const { argument } = require('../processes')
const { huntOnGpu, programsOf, rebuild, sourcesWith } = require('./gpu')
const { root } = require('./hunt')

const build = resolve(argument('--build', join(root, 'build', 'metal')))
const hostPart = "#else  // the host's part\n"

function settingOf({ races }, made) {
  return {
    device: 'metal',
    schedules: races ? ['shuffle'] : ['ascending', 'descending', 'shuffle'],
    env: { ...(races ? { SIMT_RACES: '1' } : {}), ...(made.edit ? { SIMT_EDIT: made.edit } : {}) },
    pathOf: (program) => made[program] ?? join(build, 'Release', program),
  }
}

/**
 * Whether a change affects shader code. The emulated Metal compiles shaders at run time and can
 * apply the change then.
 */
function isShader(file, from) {
  const text = readFileSync(join(root, 'native', file), 'utf8')
  const host = text.indexOf(hostPart)
  if (/\.(mm|cc)$/.test(file)) return false
  return host < 0 || text.indexOf(from) < host
}

async function make({ file, from, to, how }, copy) {
  if (isShader(file, from)) {
    const edit = join(copy, 'edit')
    writeFileSync(edit, `native/${file}\0${from}\0${to}`)
    return { edit }
  }
  const files = file.endsWith('.h') ? sourcesWith(file, 'metal', '.metal') : [file]
  const made = {}
  for (const program of programsOf(how)) made[program] = await rebuild(build, program, files, copy)
  return made
}

huntOnGpu('metal', { make, settingOf })
