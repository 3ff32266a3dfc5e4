// Chooses the case files that the emulated GPU can run in reasonable time, and runs them. See
// node scripts/gpu_cases.js --help

const { existsSync, readFileSync, readdirSync } = require('node:fs')
const { basename, join, resolve } = require('node:path')
const { argument, parallel, run } = require('./processes')

const formats = ['f32', 'tf32', 'bf16']

/**
 * The case files of a folder, as its index describes them: { path, name, ops, format, manyTiles,
 * work, bytes }.
 */
function describeCases(folder) {
  const remedy = 'write the cases anew, into an empty folder: node scripts/write_cases.js FOLDER'
  const index = join(folder, 'cases.json')
  if (!existsSync(index)) throw new Error(`${folder} has no cases.json; ${remedy}`)
  const files = new Set(readdirSync(folder).filter((name) => name.endsWith('.case')))
  const described = JSON.parse(readFileSync(index, 'utf8'))
  const cases = described.filter(({ file }) => files.delete(file)) // some folders contain only a few of them
  if (files.size > 0) throw new Error(`${index} does not describe ${[...files].sort()[0]}; ${remedy}`)
  return cases.map(({ file, ...rest }) => ({ path: join(folder, file), ...rest }))
}

/** What a case tests, to pick a few of each kind: "add", "matmul", "program". */
const kindOf = ({ name, ops }) => (ops.length > 3 ? name : ops.join('+') || name)

/**
 * The cases that are small enough. With `each`, about that many of each kind, spread over its
 * sizes.
 */
function chooseCases(cases, { work, bytes = Infinity, each = Infinity }) {
  const kinds = new Map()
  for (const it of cases) {
    if (it.work > work || it.bytes > bytes) continue
    const kind = kindOf(it)
    kinds.set(kind, [...(kinds.get(kind) ?? []), it])
  }
  return [...kinds.values()].flatMap((list) => {
    if (list.length <= each) return list
    const sorted = [...list].sort((a, b) => a.work - b.work)
    return Array.from(
      { length: each },
      (_, i) => sorted[Math.floor((i * (sorted.length - 1)) / (each - 1 || 1))],
    )
  })
}

/**
 * The number of cases in each format. `manyTiles`: of bf16 attention gradients that span several
 * tiles.
 */
function countCases(cases) {
  const counts = Object.fromEntries(formats.map((name) => [name, 0]))
  for (const { format } of cases) counts[format] += 1
  const manyTiles = cases.filter(({ format, manyTiles }) => format === 'bf16' && manyTiles).length
  return { ...counts, manyTiles }
}

const noKernel = /the GPU has no kernel for it/

/**
 * Runs cases on an emulated GPU, in several processes so that a crash ends only one. Resolves to {
 * passed, failures: [text], missing: ops without kernel }. `environment` holds variables besides
 * the schedule, such as the CUDA module.
 */
async function runCases(
  cases,
  { runner, device, environment = {}, schedule = 'ascending', timeout = 600_000 },
) {
  const env = { SIMT_SCHEDULE: schedule, SIMT_ALIVE: '1', ...environment }
  const parts = []
  const inOrder = [...cases].sort((a, b) => b.work - a.work) // longest first, dealt out evenly
  const count = Math.max(1, Math.ceil(cases.length / 40))
  for (const [i, it] of inOrder.entries()) parts[i % count] = [...(parts[i % count] ?? []), it]
  const result = { passed: 0, failures: [], missing: new Map() }
  await parallel(parts, async (part) => {
    const paths = part.map(({ path }) => path)
    const { end, stdout, stderr } = await run(runner, ['--device', device, ...paths], { env, timeout })
    let failed = 0
    for (const line of stdout.split('\n')) {
      if (line.startsWith('ok ')) result.passed += 1
      if (!line.startsWith('FAIL')) continue
      failed += 1
      const op = noKernel.test(line) && line.match(/\(([a-z_0-9]+)\): the GPU/)
      if (op) result.missing.set(op[1], (result.missing.get(op[1]) ?? 0) + 1)
      else result.failures.push(line)
    }
    if (end !== 0 && !(end === 1 && failed > 0)) {
      const last = stdout.trimEnd().split('\n').at(-1)
      result.failures.push(
        `it ended with ${end} after "${last}": ${stderr.trim().split('\n').slice(-4).join(' / ')}`,
      )
    }
  })
  return result
}

module.exports = { chooseCases, countCases, describeCases, kindOf, runCases }

const usage = `usage: node scripts/gpu_cases.js --build FOLDER --cases FOLDER [options]
  --build FOLDER     a build with -DNANO_GPT_CUDA=emulated or emulated-races; for Metal, -DNANO_GPT_METAL=…
  --device NAME      cuda or metal (default: cuda)
  --runner FILE      nano-run to use (default: the build's)
  --work N           skips cases with more operations (default: 3e6)
  --bytes N          skips cases whose tensors take more bytes (default: 64 MiB)
  --each N           about N cases of each kind
  --format NAME      only cases that compute in f32, tf32 or bf16
  --many-tiles       only attention gradients over several tiles
  --only TEXT        only cases whose name or ops contain TEXT
  --without PATTERN  skips cases whose name matches
  --schedules LIST   ascending, descending, shuffle, shuffle:SEED (default: the first three)
  --jobs N           processes at a time (default: 2)
  --list             prints the paths of the chosen cases and runs none
  --count            prints the number of cases in each format and runs none; fails without a bf16 attention
                     gradient over several tiles`

async function main() {
  const build = argument('--build')
  const folder = argument('--cases')
  const list = process.argv.includes('--list')
  const count = process.argv.includes('--count')
  if ((!build && !list && !count) || !folder || !existsSync(folder)) {
    console.error(usage)
    return 2
  }
  const only = argument('--only', '')
  const without = process.argv.includes('--without') ? new RegExp(argument('--without')) : undefined
  const wanted = argument('--format')
  const all = describeCases(folder).filter(
    ({ name, ops, format, manyTiles }) =>
      `${name} ${ops.join(' ')}`.includes(only) &&
      !without?.test(name) &&
      (manyTiles || !process.argv.includes('--many-tiles')) &&
      (wanted === undefined || format === wanted),
  )
  const limits = {
    work: Number(argument('--work', 3e6)),
    bytes: Number(argument('--bytes', 64 * 2 ** 20)),
    each: Number(argument('--each', Infinity)),
  }
  const cases = chooseCases(all, limits)
  if (count) {
    const { manyTiles, ...counts } = countCases(all)
    const numbers = formats.map((name) => `${counts[name]} in ${name}`).reverse()
    console.log(`${all.length} cases: ${numbers.join(', ')}`)
    console.log(`${manyTiles} attention gradients in bf16 over several tiles`)
    return manyTiles === 0 ? 1 : 0
  }
  if (list) {
    for (const { path } of cases) console.log(path)
    return cases.length === 0 ? 1 : 0
  }
  const release = resolve(build, 'Release')
  const device = argument('--device', 'cuda')
  const environment = device === 'cuda' ? { NANO_GPT_CUDA_MODULE: join(release, 'nano_gpt_cuda.so') } : {}
  const runner = resolve(argument('--runner', join(release, 'nano-run')))
  console.log(`${cases.length} cases; ${all.length - cases.length} skipped`)
  let bad = cases.length === 0
  for (const schedule of argument('--schedules', 'ascending,descending,shuffle').split(',')) {
    const start = Date.now()
    const result = await runCases(cases, { runner, device, environment, schedule })
    const { passed, failures, missing } = result
    const without = [...missing].map(([op, count]) => `${op} (${count})`)
    const seconds = ((Date.now() - start) / 1000).toFixed(1)
    console.log(
      `${schedule.padEnd(10)} ${passed} passed, ${failures.length} failed, ${seconds} s, ${basename(runner)}`,
    )
    if (without.length > 0) console.log(`           no kernel yet: ${without.join(', ')}`)
    for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`)
    if (failures.length > 0 || without.length > 0 || passed === 0) bad = true
  }
  return bad ? 1 : 0
}

if (require.main === module) {
  main().then(
    (code) => process.exit(code),
    (error) => {
      console.error(error.message)
      process.exit(1)
    },
  )
}
