#!/usr/bin/env node
// Checks shaders in Metal's language, and compiles them for this processor (docs/gpu-testing.md).
//
//   node compile.js check [OPTIONS] FILE.metal...            checks only
//   node compile.js build [OPTIONS] -o OUT.so FILE.metal     writes OUT.so, and OUT.so.table, which lists
//                                                            its kernels
//   --version 3.1   language version: sets __METAL_VERSION__ and enables bfloat from 3.1 on
//   --fast          fast math, which is Metal's default
//   --race          calls the race detector at every access
//   --werror        treats warnings as errors
//   -DNAME=VALUE, -IFOLDER, --keep
//
// Clang preprocesses the shader and rewrite.js turns it into C++ for OpenCL. It is compiled with
// shim.h, which provides Metal's library, and compiled again in a strict mode that checks address
// spaces. lint.js checks the remaining rules. The CLANG environment variable names the compiler
// (default: clang-19).

const { execFile } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { availableParallelism, tmpdir } = require('node:os')
const { join } = require('node:path')
const { parseArgs } = require('node:util')
const { lintIr, lintText } = require('./lint')
const { ShaderError, rewrite } = require('./rewrite')

const clang = process.env.CLANG || 'clang-19'
const shim = ['-include', join(__dirname, 'shim.h')]
const language = [
  ...['-x', 'clcpp', '-cl-std=clc++2021', '-cl-no-stdinc', '-nostdinc', '-march=x86-64-v3', '-fPIC'],
  '-Xclang',
  '-cl-ext=-__opencl_c_device_enqueue,-__opencl_c_pipes,-__opencl_c_program_scope_global_variables',
]
// No generic address space: unqualified means `thread`. (Device enqueue and pipes depend on it and
// are disabled too.)
// Metal's language is C++14, so later features are errors.
const strict = [
  ...[
    '-DMSL_STRICT',
    '-Xclang',
    '-cl-ext=-__opencl_c_generic_address_space',
    '-fsyntax-only',
    '-ferror-limit=0',
  ],
  ...['-Wno-everything', '-Wpre-c++17-compat', '-Werror'],
]
const warnings = [
  ...['-Wall', '-Wextra', '-Wconversion', '-Wno-sign-conversion', '-Wno-implicit-int-conversion'],
  ...[
    '-Wno-unused-parameter',
    '-Wno-unused-function',
    '-Wno-unused-const-variable',
    '-Wno-float-conversion',
    '-Wno-implicit-float-conversion',
  ],
  ...['-Wno-implicit-int-float-conversion', '-Wno-unknown-warning-option', '-Werror=unknown-attributes'],
]
const raceFlags = ['-fsanitize=thread', '-mllvm', '-tsan-instrument-func-entry-exit=0']

/** Runs clang. Returns { failed, output, messages }. */
function runClang(args) {
  return new Promise((done) => {
    execFile(clang, args, { maxBuffer: 1 << 28 }, (error, output, messages) => {
      if (typeof error?.code === 'string') messages = `${clang}: ${error.message}`
      done({ failed: error !== null, output, messages })
    })
  })
}
async function mustRun(args) {
  const { failed, output, messages } = await runClang(args)
  if (failed) throw new ShaderError(messages)
  return { output, messages }
}

// Errors of the strict pass about copies and temporaries of structs, which come from a limitation
// of Clang.
const aboutCopies = new RegExp(
  `error: (?:${[
    'no matching constructor for initialization of',
    'no matching conversion for functional-style cast from',
    "no viable overloaded '='",
    'call to implicitly-deleted (?:copy|move|default) constructor',
    'object of type .* cannot be assigned',
    'constructor for .* must explicitly initialize the member .* which does not have a default constructor',
    "cannot initialize object parameter of type '[^']*' with an expression of type " +
      "'(?!.*__(?:global|local|constant|private|generic))[^']*'",
  ].join('|')})`,
)

/** The errors of the strict pass, without those about copies. */
async function strictErrors(file, flags) {
  const { messages } = await runClang([...language, ...strict, ...flags, ...shim, file])
  return messages
    .split(/^(?=\S+:\d+:\d+: (?:fatal )?error: )/m)
    .filter((group) => /^\S+:\d+:\d+: (?:fatal )?error: /.test(group) && !aboutCopies.test(group))
    .map((group) => group.replace(/^\d+ errors? generated\.\n/m, ''))
    .join('')
}

/**
 * Checks a shader, and writes `output` unless it is null. Resolves to the warnings.
 * @throws ShaderError
 */
async function compile(
  input,
  output,
  { version = '3.1', fast = false, race = false, flags = [], keep = false } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'msl-'))
  const at = (name) => join(folder, name)
  try {
    const [major, minor] = version.split('.')
    const about = ['-D__METAL__=1', `-D__METAL_VERSION__=${major}${minor}0`, '-D__METAL_MACOS__=1']
    const preprocessed = (
      await mustRun([...language, '-E', ...about, '-I', join(__dirname, 'include'), ...flags, input])
    ).output
    lintText(preprocessed, { fast })
    const { code, strict: judged, table, kernels } = rewrite(preprocessed)
    writeFileSync(at('shader.cl'), code)
    writeFileSync(at('strict.cl'), judged)
    const bfloat = Number(major) * 10 + Number(minor) >= 31 ? ['-DMSL_BFLOAT'] : []
    const [{ messages }, errors] = await Promise.all([
      mustRun([
        ...language,
        ...bfloat,
        ...shim,
        ...[
          '-O2',
          '-Xclang',
          '-disable-llvm-passes',
          '-S',
          '-emit-llvm',
          '-gline-tables-only',
          '-fno-math-errno',
        ],
        ...warnings,
        // Contract sums of products to FMAs, as a GPU does. Fill uninitialized variables with a
        // pattern (NaN). Call a function of common/memory.cc on misaligned accesses. Let no frame
        // skip a stack's guard page.
        ...['-ffp-contract=fast', '-ftrivial-auto-var-init=pattern'],
        ...['-fsanitize=alignment', '-fsanitize-recover=alignment', '-fstack-clash-protection'],
        ...(fast ? ['-ffast-math'] : []),
        ...(race ? raceFlags : []),
        ...[at('shader.cl'), '-o', at('shader.ll')],
      ]),
      strictErrors(at('strict.cl'), bfloat),
    ])
    if (errors) throw new ShaderError(errors)
    const more = lintIr(readFileSync(at('shader.ll'), 'utf8'), kernels)
    if (output === null) return messages
    const slow = race ? [...raceFlags, '-fno-vectorize', '-fno-slp-vectorize'] : []
    const object = ['-march=x86-64-v3', '-O2', '-fPIC', '-Wno-override-module', ...slow]
    await mustRun([...object, '-c', at('shader.ll'), '-o', at('shader.o')])
    await mustRun(['-shared', at('shader.o'), '-o', output, '-lm'])
    writeFileSync(`${output}.table`, table + more)
    return messages
  } finally {
    if (keep) process.stderr.write(`kept ${folder}\n`)
    else rmSync(folder, { recursive: true })
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      version: { type: 'string' },
      fast: { type: 'boolean' },
      race: { type: 'boolean' },
      werror: { type: 'boolean' },
      keep: { type: 'boolean' },
      output: { type: 'string', short: 'o' },
      define: { type: 'string', short: 'D', multiple: true },
      include: { type: 'string', short: 'I', multiple: true },
    },
  })
  const [command, ...files] = positionals
  const building = command === 'build' && files.length === 1 && values.output
  if (!building && (command !== 'check' || files.length === 0)) {
    throw new ShaderError(
      'usage: compile.js check [OPTIONS] FILE.metal... | build [OPTIONS] -o OUT.so FILE.metal',
    )
  }
  const flags = [
    ...(values.define ?? []).map((d) => `-D${d}`),
    ...(values.include ?? []).map((i) => `-I${i}`),
  ]
  let next = 0
  const worker = async () => {
    while (next < files.length) {
      const file = files[next++]
      try {
        const warned = await compile(file, building ? values.output : null, { ...values, flags })
        if (warned) process.stderr.write(warned)
        if (warned && values.werror) process.exitCode = 1
      } catch (error) {
        if (!(error instanceof ShaderError)) throw error
        process.stderr.write(`${error.message.trimEnd()}\n`)
        process.exitCode = 1
      }
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

module.exports = { ShaderError, compile }

if (require.main === module) {
  main().catch((error) => {
    process.stderr.write(`${error instanceof ShaderError ? error.message : error.stack}\n`)
    process.exitCode = 2
  })
}
