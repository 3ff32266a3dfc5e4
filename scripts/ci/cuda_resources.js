// Compiles every CUDA kernel with nvcc and checks its resource usage against
// native/cuda/budgets.txt:
// node scripts/ci/cuda_resources.js FOLDER [--jobs N] [--turn N]      leaves objects and logs in FOLDER
//
// Compiles the sources for sm_80, sm_90 and PTX, with warnings as errors. No kernel may spill or use
// a stack. --turn N: compiles for one architecture only, the other one for the next N.
//
// Headers take most of the time, so several sources are compiled as one. The sources of a group, and
// the first of each, depend on N: a source that lacks an include fails when it is the first.

const { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const { execFileSync } = require('node:child_process')
const { join, resolve } = require('node:path')
const { argument, parallel, run } = require('../processes')
const { countInstructions } = require('./count_sass')

const root = resolve(__dirname, '..', '..')
const nvcc = process.env.NVCC ?? 'nvcc'
const flags = [
  '-std=c++20',
  '-O3',
  '--extended-lambda',
  '-Werror',
  'all-warnings',
  '-Xptxas',
  '-v,--warning-as-error',
]
/** FMA contraction is off for these, as in CMakeLists.txt. */
const exactFiles = ['sample.cu']
const architectures = ['arch=compute_80,code=sm_80', 'arch=compute_90,code=[sm_90,compute_90]']
/** Lines of a group, without headers. */
const mostLines = 500

/** Readable names, without the parts that all kernels share. */
function demangle(names) {
  if (names.length === 0) return []
  const text = execFileSync('c++filt', { input: `${names.join('\n')}\n`, encoding: 'utf8' })
  return text.trimEnd().split('\n').map(shorten)
}

function shorten(name) {
  const lambda = name.match(/ElementKernel<.*?(Run\w+)/)
  if (lambda) return `ElementKernel<${lambda[1]}>`
  const plain = name
    .replaceAll('(anonymous namespace)::', '')
    .replaceAll('nano::cuda::', '')
    .replace(/^void /, '')
  let depth = 0 // the parameters begin at the first ( outside of every <
  for (let at = 0; at < plain.length; ++at) {
    if (plain[at] === '<') depth += 1
    if (plain[at] === '>') depth -= 1
    if (plain[at] === '(' && depth === 0) return plain.slice(0, at)
  }
  return plain
}

/**
 * The output of ptxas -v as a list of { symbol, architecture, registers, shared, stack, spills }.
 */
function parseLog(log) {
  const kernels = []
  for (const line of log.split('\n')) {
    const entry = line.match(/Compiling entry function '(\S+)' for '(\S+)'/)
    if (entry)
      kernels.push({ symbol: entry[1], architecture: entry[2], registers: 0, shared: 0, stack: 0, spills: 0 })
    const kernel = kernels.at(-1)
    const memory = line.match(/(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/)
    if (memory && kernel)
      [kernel.stack, kernel.spills] = [Number(memory[1]), Number(memory[2]) + Number(memory[3])]
    const used = line.match(/Used (\d+) registers/)
    if (used && kernel) kernel.registers = Number(used[1])
    const shared = line.match(/(\d+) bytes smem/)
    if (shared && kernel) kernel.shared = Number(shared[1])
  }
  return kernels
}

/** Lines of native/cuda/budgets.txt: file, kernel and limits. The first matching line applies. */
function readBudgets() {
  const lines = readFileSync(join(root, 'native', 'cuda', 'budgets.txt'), 'utf8').split('\n')
  return lines
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([file]) => file)
    .map(([file, kernel, ...limits]) => ({
      file,
      kernel,
      limits: limits.map((limit) => limit.match(/^(\w+)(<=|>=)(\d+)$/)?.slice(1) ?? [limit, 'unknown', 0]),
      used: false,
    }))
}

/** Whether a text has the parts between the stars, in order. */
const matches = (wanted, text) =>
  wanted.split('*').reduce((at, part) => {
    const found = at < 0 ? -1 : text.indexOf(part, at)
    return found < 0 ? -1 : found + part.length
  }, 0) >= 0

function judge(budgets, row) {
  const budget = budgets.find(({ file, kernel }) => matches(file, row.file) && matches(kernel, row.name))
  if (!budget) return ['no line of budgets.txt is for it']
  budget.used = true
  const found = { ...row.instructions, registers: row.registers, shared: row.shared }
  const problems = budget.limits
    .filter(([what, sign, limit]) => {
      const value = found[what] ?? 0
      return sign === '<=' ? value > Number(limit) : sign === '>=' ? value < Number(limit) : true
    })
    .map(([what, sign, limit]) => `${what} ${sign} ${limit}`)
  if (row.stack > 0) problems.push(`stack ${row.stack}`)
  if (row.spills > 0) problems.push(`spills ${row.spills}`)
  return problems
}

/** The names that a source defines outside of functions. */
function definitionsIn(text) {
  const patterns = [
    /^(?:struct|class|union|enum|enum class|using) (?:\w+::)*(\w+)/gm, // types
    /^(?!__global__)\w[\w:<>,*& ]*[ *&](\w+)\(.*[^;]$/gm, // functions
    /^__global__ void (?:__launch_bounds__\([^()]*\)\s+)?(\w+)\(/gm, // kernels
  ]
  const constants = [...text.matchAll(/^(?:inline |static )?constexpr .*/gm)].map(([line]) => line).join('\n')
  return [
    ...patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name]) => name)),
    ...[...constants.matchAll(/\b(\w+)(?:\[.*?\])? = /g)].map(([, name]) => name),
  ]
}

/** Adds the names that a file of native/ and its headers in cuda/ define, with the file, to `names`. */
function addDefinitions(path, names, seen = new Set()) {
  if (seen.has(path)) return names
  seen.add(path)
  const text = readFileSync(join(root, 'native', path), 'utf8')
  for (const [, header] of text.matchAll(/^#include "(cuda\/.*)"/gm)) addDefinitions(header, names, seen)
  for (const name of definitionsIn(text)) names.set(name, path)
  return names
}

/**
 * Lists of files to compile as one, of which no two define the same name. Files that budgets.txt names
 * are alone, because only its last line applies to a group.
 */
function groupsOf(files, budgets) {
  const groups = []
  for (const file of files) {
    const path = `cuda/${file}`
    const names = addDefinitions(path, new Map())
    const lines = readFileSync(join(root, 'native', path), 'utf8').split('\n').length
    const isAlone =
      exactFiles.includes(file) || budgets.some((budget) => budget.file !== '*' && matches(budget.file, file))
    const fits = (group) =>
      !group.isAlone &&
      group.lines + lines <= mostLines &&
      [...names].every(([name, path]) => (group.names.get(name) ?? path) === path)
    let group = isAlone ? undefined : groups.find(fits)
    if (!group) {
      group = { isAlone, files: [], lines: 0, names: new Map() }
      groups.push(group)
    }
    group.files.push(file)
    group.lines += lines
    for (const [name, path] of names) group.names.set(name, path)
  }
  return groups
}

/** Compiles files as one, which is called `name`. Returns their kernels, or the problem. */
async function compile(folder, name, { files, names: defined = new Map() }, targets) {
  const kept = join(folder, name)
  rmSync(kept, { recursive: true, force: true })
  mkdirSync(kept, { recursive: true })
  const source = join(kept, `${name}.cu`)
  writeFileSync(source, files.map((file) => `#include "cuda/${file}"\n`).join(''))
  const common = [
    ...flags,
    ...targets.flatMap((it) => ['-gencode', it]),
    ...(exactFiles.includes(files[0]) ? ['--fmad=false'] : []),
    `-I${join(root, 'native')}`,
    '-Xcompiler',
    '-fPIC,-fvisibility=hidden',
  ]
  const object = join(folder, `${name}.cu.o`)
  const result = await run(nvcc, [...common, '--keep', '--keep-dir', kept, '-c', source, '-o', object])
  const log = result.stdout + result.stderr
  writeFileSync(join(folder, `${name}.cu.log`), log)
  if (result.end !== 0) return { problem: log.split('\n').slice(-15).join('\n'), rows: [] }
  const kernels = parseLog(log)
  const cubins = new Map(
    readdirSync(kept)
      .filter((name) => name.endsWith('.cubin'))
      .map((name) => [
        // With one architecture, the file's name lacks it.
        targets.length === 1 ? kernels[0]?.architecture : `sm_${name.match(/_(\d+)\.cubin$/)?.[1]}`,
        countInstructions(join(kept, name)),
      ]),
  )
  const names = demangle(kernels.map(({ symbol }) => symbol))
  const rows = kernels.map((kernel, i) => {
    const instructions = cubins.get(kernel.architecture)?.get(kernel.symbol)
    // A kernel of a header may have the name of a function or type of its source among its arguments.
    const sources = names[i].match(/\w+/g).map((word) => defined.get(word)?.match(/^cuda\/(.*\.cu)$/)?.[1])
    const file = files.length === 1 ? files[0] : (sources.find(Boolean) ?? name)
    return { file, name: names[i], ...kernel, instructions }
  })
  rmSync(kept, { recursive: true, force: true })
  return { rows }
}

/** Compiles a group. One that does not compile may define a name twice: compiles each file alone. */
async function compileGroup(folder, group, targets) {
  const { files } = group
  const alone = async (file) => {
    const report = await compile(folder, file.replace('.cu', ''), { files: [file] }, targets)
    return { files: [file], ...report }
  }
  if (files.length === 1) return [await alone(files[0])]
  const whole = await compile(folder, `with_${files[0].replace('.cu', '')}`, group, targets)
  if (!whole.problem) return [{ files, ...whole }]
  const reports = []
  for (const file of files) reports.push(await alone(file))
  if (reports.every(({ problem }) => !problem))
    console.log(`compiled one by one: ${files.join(', ')}, which do not compile as one:\n${whole.problem}`)
  return reports
}

async function main() {
  const folder = resolve(process.argv[2] ?? join(root, 'build', 'cuda-resources'))
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (/\.cu\.(o|log)$/.test(name)) rmSync(join(folder, name))
  const turn = process.argv.includes('--turn') ? Number(argument('--turn')) : undefined
  const targets = turn === undefined ? architectures : [architectures[turn % architectures.length]]
  const files = readdirSync(join(root, 'native', 'cuda')).filter((name) => name.endsWith('.cu'))
  const first = (turn ?? 0) % files.length
  const budgets = readBudgets()
  const groups = groupsOf([...files.slice(first), ...files.slice(0, first)], budgets)
  let bad = 0
  console.log(`for ${targets.join(' and ')}`)
  console.log(
    'file                     kernel                                                   sm     registers  shared  instructions',
  )
  const report = ({ files, rows, problem }) => {
    if (problem) {
      bad += 1
      console.log(`FAILED ${files.join(', ')}\n${problem}`)
    }
    for (const row of rows) {
      const problems = row.instructions ? judge(budgets, row) : ['its code was not found']
      if (problems.length > 0) bad += 1
      const { total, HMMA, LDSM, LDGSTS } = row.instructions ?? {}
      const special = Object.entries({ HMMA, LDSM, LDGSTS }).map(([name, count]) =>
        count ? `  ${name} ${count}` : '',
      )
      console.log(
        `${row.file.padEnd(24)} ${row.name.slice(0, 56).padEnd(56)} ${row.architecture} ${String(row.registers).padStart(6)} ` +
          `${String(row.shared).padStart(9)} ${String(total).padStart(8)}${special.join('')}` +
          `${problems.length > 0 ? `   FAILED: ${problems.join(', ')}` : ''}`,
      )
    }
  }
  await parallel(groups, async (group) => (await compileGroup(folder, group, targets)).forEach(report))
  for (const { file, kernel, used } of budgets) {
    if (used || file === '*') continue
    bad += 1
    console.log(`FAILED budgets.txt: no kernel is "${file} ${kernel}"`)
  }
  console.log(`${files.length} sources in ${groups.length} groups, ${bad} problems`)
  return bad > 0 ? 1 : 0
}

main().then((code) => {
  process.exitCode = code
})
