// Compiles every CUDA kernel with nvcc and checks its resource usage against
// native/cuda/budgets.txt:
// node scripts/ci/cuda_resources.js FOLDER [--jobs N]      leaves objects, cubins and logs in FOLDER
//
// Compiles each source for sm_80, sm_90 and PTX, with warnings as errors. No kernel may spill or
// use a stack.

const { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const { execFileSync } = require('node:child_process')
const { join, resolve } = require('node:path')
const { parallel, run } = require('../processes')
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

function judge(budgets, row) {
  // Matches the parts between the stars in order.
  const fits = (wanted, text) =>
    wanted.split('*').reduce((at, part) => {
      const found = at < 0 ? -1 : text.indexOf(part, at)
      return found < 0 ? -1 : found + part.length
    }, 0) >= 0
  const budget = budgets.find(({ file, kernel }) => fits(file, row.file) && fits(kernel, row.name))
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

async function compile(folder, file) {
  const kept = join(folder, file.replace('.cu', ''))
  rmSync(kept, { recursive: true, force: true })
  mkdirSync(kept, { recursive: true })
  const targets = architectures.flatMap((it) => ['-gencode', it])
  const source = join(root, 'native', 'cuda', file)
  const object = join(folder, `${file}.o`)
  const common = [
    ...flags,
    ...targets,
    ...(exactFiles.includes(file) ? ['--fmad=false'] : []),
    `-I${join(root, 'native')}`,
    '-Xcompiler',
    '-fPIC,-fvisibility=hidden',
  ]
  const result = await run(nvcc, [...common, '--keep', '--keep-dir', kept, '-c', source, '-o', object])
  const log = result.stdout + result.stderr
  writeFileSync(join(folder, `${file}.log`), log)
  if (result.end !== 0) return { file, problem: log.split('\n').slice(-15).join('\n'), rows: [] }
  const cubins = new Map(
    readdirSync(kept)
      .filter((name) => name.endsWith('.cubin'))
      .map((name) => [`sm_${name.match(/_(\d+)\.cubin$/)?.[1]}`, countInstructions(join(kept, name))]),
  )
  const kernels = parseLog(log)
  const names = demangle(kernels.map(({ symbol }) => symbol))
  const rows = kernels.map((kernel, i) => {
    const instructions = cubins.get(kernel.architecture)?.get(kernel.symbol)
    return { file, name: names[i], ...kernel, instructions }
  })
  rmSync(kept, { recursive: true, force: true })
  return { file, rows, object }
}

async function main() {
  const folder = resolve(process.argv[2] ?? join(root, 'build', 'cuda-resources'))
  mkdirSync(folder, { recursive: true })
  const files = readdirSync(join(root, 'native', 'cuda')).filter((name) => name.endsWith('.cu'))
  const budgets = readBudgets()
  let bad = 0
  console.log(
    'file                     kernel                                                   sm     registers  shared  instructions',
  )
  await parallel(files, async (file) => {
    const { rows, problem } = await compile(folder, file)
    if (problem) {
      bad += 1
      console.log(`FAILED ${file}\n${problem}`)
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
  })
  for (const { file, kernel, used } of budgets) {
    if (used || file === '*') continue
    bad += 1
    console.log(`FAILED budgets.txt: no kernel is "${file} ${kernel}"`)
  }
  console.log(`${files.length} sources, ${bad} problems`)
  return bad > 0 ? 1 : 0
}

main().then((code) => {
  process.exitCode = code
})
