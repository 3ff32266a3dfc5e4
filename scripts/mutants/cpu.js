// Breaks the CPU's kernels on purpose, one change at a time, and requires that the case files
// (test/support/table.ts) detect every change. The mutants are in cpu/; hunt.js describes the rows
// and the options. The setting of a mutant of a header lists the kernels to compile with it
// (default: all that include it). Requires g++ or clang++.

const { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')
const { parallel, run } = require('../processes')
const { hunt, root, work } = require('./hunt')

const compiler = process.env.CXX ?? 'g++'
const instructionSet = process.arch === 'arm64' ? 'neon' : hasAvx2() ? 'avx2' : 'portable'

function hasAvx2() {
  if (process.arch !== 'x64') return false
  return (
    !existsSync('/proc/cpuinfo') ||
    /\bavx2\b.*\bfma\b|\bfma\b.*\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  )
}

const native = join(work, 'native') // a copy: the sources may be edited during a hunt
const otherSets = 'run/other_sets.cc' // written there

// For each source: its object, and the files that it includes, from the compiler.
const objects = new Map()
const depends = new Map()

const isKernel = (path) =>
  path.startsWith('cpu/') && !/^(kernels|backend|measure_peak)\.cc$/.test(basename(path))

/** The sources of nano-run, relative to native/. */
function sources() {
  const all = ['cpu', 'engine', 'gpu', 'ops'].flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => `${folder}/${name}`),
  )
  const others = ['cuda/open.cc', 'metal/stub.cc', 'run/nano_run.cc', 'run/case_file.cc']
  return [...all, ...others, otherSets]
}

const preludeOf = (kernel) => join(work, kernel ? 'kernels.h' : 'others.h')

/** Compiler flags shared by the kernels, or by the other sources. */
function flagsFor(kernel) {
  const flags = ['-std=c++20', '-w', '-ffp-contract=off', '-fno-math-errno', '-pthread', '-DNANO_SANITIZING']
  if (kernel) flags.push('-O1', `-DNANO_ISA=${instructionSet}`)
  else if (instructionSet !== 'portable') flags.push(`-DNANO_HAVE_${instructionSet.toUpperCase()}`)
  if (kernel && instructionSet === 'avx2') flags.push('-mavx2', '-mfma')
  return flags
}

/**
 * Precompiles the standard headers that the sources include, which take longer to compile than the
 * sources.
 */
async function precompile() {
  const vectors = { avx2: ['immintrin.h'], neon: ['arm_neon.h'], portable: [] }[instructionSet]
  const found = ['engine', 'ops', 'cpu'].flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((name) => name.endsWith('.h'))
      .flatMap((name) => [
        ...readFileSync(join(native, folder, name), 'utf8').matchAll(/^#include <(.*)>$/gm),
      ]),
  )
  const names = new Set(found.map(([, name]) => name).filter((name) => !/intrin|arm_neon/.test(name)))
  await parallel([false, true], async (kernel) => {
    const all = kernel ? [...names, ...vectors] : [...names]
    const header = preludeOf(kernel)
    writeFileSync(header, all.map((name) => `#include <${name}>\n`).join(''))
    const flags = [...flagsFor(kernel), '-x', 'c++-header']
    const { end, stderr } = await run(compiler, [...flags, header, '-o', `${header}.gch`])
    if (end !== 0) throw new Error(`the standard headers do not compile:\n${stderr}`)
  })
}

/**
 * Compiles a source. It and its includes are searched in these folders. Returns the object's path,
 * in the first folder.
 */
async function compile(path, folders) {
  const source = folders.map((folder) => join(folder, path)).find(existsSync)
  const object = join(folders[0], `${path.replaceAll('/', '-')}.o`)
  const flags = [...flagsFor(isKernel(path)), '-MMD', '-include', preludeOf(isKernel(path))]
  const includes = folders.map((folder) => `-I${folder}`)
  const { end, stderr } = await run(compiler, [...flags, ...includes, '-c', source, '-o', object])
  if (end !== 0) throw new Error(`${path} does not compile:\n${stderr}`)
  return object
}

async function link(objects, folder) {
  const path = join(folder, 'nano-run')
  const { end, stderr } = await run(compiler, ['-pthread', ...objects.values(), '-ldl', '-o', path])
  if (end !== 0) throw new Error(`nano-run does not link:\n${stderr}`)
  return path
}

/**
 * kernels.cc needs the portable set too. If another set is compiled, the portable one is empty, and
 * so are the loops of peak.cc.
 */
function writeOtherSets() {
  const empty = instructionSet === 'portable' ? [] : ['portable']
  const namespaces = empty.map(
    (set) => `namespace nano::cpu::${set} {
std::span<const Kernel> Kernels() { return {}; }
const PeakLoops& Loops() { static const PeakLoops none{}; return none; }
}`,
  )
  writeFileSync(
    join(native, otherSets),
    `#include "cpu/kernel.h"\n#include "cpu/peak.h"\n${namespaces.join('\n')}\n`,
  )
}

async function prepare() {
  cpSync(join(root, 'native'), native, { recursive: true })
  writeOtherSets()
  await precompile()
  await parallel(sources(), async (path) => {
    const object = await compile(path, [native])
    objects.set(path, object)
    depends.set(path, readFileSync(object.replace(/o$/, 'd'), 'utf8'))
  })
}

/** Runs cases. Returns how they ended if they failed, and the lines of the failed cases. */
async function tryCases(runner, cases) {
  const args = ['--isa', instructionSet, '--threads', '3', ...cases.map(({ path }) => path)]
  const { end, stdout } = await run(runner, args, { timeout: 60_000 })
  return { end, failed: stdout.split('\n').filter((line) => line.startsWith('FAIL ')) }
}

async function tryWithout(cases) {
  const { end, failed } = await tryCases(await link(objects, work), cases)
  if (end !== 0) return `${failed.length} cases fail (${end}), first ${failed[0]}`
  console.log(`${cases.length} cases pass without a mutant (${instructionSet}).`)
}

async function judge({ file, what, how: kernels }, copy, cases) {
  const changed = [...objects.keys()].filter((path) =>
    kernels
      ? isKernel(path) && kernels.includes(basename(path))
      : depends.get(path).includes(join(native, file)),
  )
  if (changed.length === 0) throw new Error(`${file}: ${what}: no source contains it`)
  const own = new Map(objects)
  for (const path of changed) own.set(path, await compile(path, [copy, native]))
  const runner = await link(own, copy)
  // The cases of the ops whose kernels changed run first, because most mutants fail there. Only the
  // remaining mutants run all cases.
  const ops = changed.map((path) => basename(path, '.cc'))
  const first = cases.filter(({ name }) => ops.some((op) => name.startsWith(op)))
  for (const list of first.length > 0 ? [first, cases] : [cases]) {
    const { end, failed } = await tryCases(runner, list)
    if (typeof end === 'string') return end
    const names = [...new Set(failed.map((line) => line.split(' ')[1]))]
    if (end !== 0)
      return `${failed.length} of ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`
  }
  return ''
}

hunt('cpu', { prepare, tryWithout, judge })
