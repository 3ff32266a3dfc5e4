// Which case files the emulated GPU can run in reasonable time, and running them: node scripts/gpu_cases.js --help

const { existsSync, readFileSync, readdirSync } = require('node:fs')
const { basename, join, resolve } = require('node:path')
const { argument, parallel, run } = require('./processes')

const elementBytes = [4, 8, 2, 2, 4, 2, 4] // by dtype code (docs/program.md)
const bf16 = 2 // a dtype's code and a precision's
const precisionOf = ['f32', 'tf32', 'bf16'] // by code

/** Ops that do more than a few operations for each element: as many as their output has elements, times a dimension. */
const heavy = /matmul|linear|attention|muon|sample/

/** A cursor over little-endian bytes. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }
  skip(count) {
    this.at += count
  }
  u8() {
    return this.bytes.readUInt8(this.at++)
  }
  u16() {
    this.at += 2
    return this.bytes.readUInt16LE(this.at - 2)
  }
  u32() {
    this.at += 4
    return this.bytes.readUInt32LE(this.at - 4)
  }
  string() {
    const length = this.u16()
    this.at += length
    return this.bytes.toString('utf8', this.at - length, this.at)
  }
  list(item) {
    return Array.from({ length: this.u32() }, () => item())
  }
  short(item) {
    return Array.from({ length: this.u16() }, () => item())
  }
}

function readProgram(bytes) {
  const reader = new Reader(bytes)
  reader.at = 6
  const precision = reader.u16()
  reader.string()
  const buffers = reader.list(() => {
    const name = reader.string()
    const dtype = reader.u8()
    reader.u8()
    const shape = Array.from({ length: reader.u8() }, () => reader.u32())
    const elements = shape.reduce((a, b) => a * b, 1)
    return { name, dtype, shape, elements, bytes: elements * elementBytes[dtype] }
  })
  const ops = reader.list(() => {
    const name = reader.string()
    const inputs = reader.short(() => buffers[reader.u32()])
    const outputs = reader.short(() => buffers[reader.u32()])
    reader.short(() => {
      reader.string()
      reader.skip([1, 8, 8][reader.u8()])
    })
    return { name, inputs, outputs }
  })
  return { precision, buffers, ops }
}

/** What a Program computes in: bf16 if any of its tensors is. */
const formatOf = ({ precision, buffers }) =>
  precisionOf[buffers.some(({ dtype }) => dtype === bf16) ? bf16 : precision]

/** The tiles of attention have at most as many rows of q, k and v. */
const tileRows = 128

/** Whether it has a gradient of attention of more than one tile, which takes the place of another in shared memory. */
const hasManyTiles = ({ ops }) =>
  ops.some(({ name, inputs }) => name === 'attention_backward' && inputs[0].shape[1] > tileRows)

/** Roughly how many operations an op takes, counting each element that it reads or writes. */
function workOf(op) {
  const operands = [...op.inputs, ...op.outputs]
  const touched = operands.reduce((sum, { elements }) => sum + elements, 0)
  if (!heavy.test(op.name)) return touched
  const largest = Math.max(...op.outputs.map(({ elements }) => elements), 0)
  const dimension = Math.max(
    ...op.inputs.filter(({ shape }) => shape.length > 1).flatMap(({ shape }) => shape),
    1,
  )
  return touched + largest * dimension
}

/** A case file's name, ops, format and cost; programs that are wrong on purpose cost next to nothing. */
function describeCase(path) {
  const reader = new Reader(readFileSync(path))
  reader.at = 8
  const name = reader.string()
  const length = reader.u32()
  const wire = reader.bytes.subarray(reader.at, reader.at + length)
  reader.at += length
  const result = { path, name, ops: [], format: 'f32', manyTiles: false, work: 0, bytes: 0 }
  try {
    const program = readProgram(wire)
    const { buffers, ops } = program
    reader.list(() => {
      reader.string()
      reader.u8()
      reader.skip(4 * reader.u8())
      reader.skip(8 + Number(reader.bytes.readBigUInt64LE(reader.at)))
    })
    const runs = reader.u32() * reader.u32()
    result.ops = ops.map((op) => op.name)
    result.format = formatOf(program)
    result.manyTiles = hasManyTiles(program)
    result.work = runs * ops.reduce((sum, op) => sum + workOf(op), 0)
    result.bytes = buffers.reduce((sum, buffer) => sum + buffer.bytes, 0)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return result
}

const describeCases = (folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.case'))
    .sort()
    .map((name) => describeCase(join(folder, name)))

/** What a case is about, for taking a few of each: "add", "matmul", "program". */
const kindOf = ({ name, ops }) => (ops.length > 3 ? name : ops.join('+') || name)

/** Those of `cases` that are small enough; with `each`, about so many of each kind, spread over its sizes. */
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

/** How many there are in each format; `manyTiles`: of gradients of attention in bf16 over several tiles. */
function countCases(cases) {
  const counts = Object.fromEntries(precisionOf.map((name) => [name, 0]))
  for (const { format } of cases) counts[format] += 1
  const manyTiles = cases.filter(({ format, manyTiles }) => format === 'bf16' && manyTiles).length
  return { ...counts, manyTiles }
}

const noKernel = /the GPU has no kernel for it/

/**
 * Runs cases on an emulated GPU, in parts so that a crash ends only one: { passed, failures: [text], missing: ops without kernel }.
 * `environment` holds more than the schedule: for CUDA, which module.
 */
async function runCases(
  cases,
  { runner, device, environment = {}, schedule = 'ascending', timeout = 600_000 },
) {
  const env = { SIMT_SCHEDULE: schedule, SIMT_ALIVE: '1', ...environment }
  const parts = []
  const inOrder = [...cases].sort((a, b) => b.work - a.work) // the long ones first, and dealt out evenly
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
  --build FOLDER     of CMake, with -DNANO_GPT_CUDA=emulated or emulated-races; for Metal, -DNANO_GPT_METAL=…
  --device NAME      cuda (default) or metal
  --runner FILE      which nano-run, if not the build's
  --work N           leaves out cases that take more operations (default 3e6)
  --bytes N          leaves out cases whose tensors take more (default 64 MiB)
  --each N           only about N of each kind
  --format NAME      only cases that compute in f32, tf32 or bf16
  --many-tiles       only gradients of attention over several tiles
  --only TEXT        only cases whose name or ops hold TEXT
  --without PATTERN  without those whose name it matches
  --schedules LIST   of ascending, descending, shuffle, shuffle:SEED (default all three)
  --jobs N           processes at a time (default 2)
  --list             runs none: prints the paths of the cases chosen
  --count            runs none: says how many there are of each format, and fails if none is a gradient of attention in bf16
                     over several tiles`

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
    const formats = precisionOf.map((name) => `${counts[name]} in ${name}`).reverse()
    console.log(`${all.length} cases: ${formats.join(', ')}`)
    console.log(`${manyTiles} gradients of attention in bf16 over several tiles`)
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
  console.log(`${cases.length} cases; ${all.length - cases.length} left out`)
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

if (require.main === module) main().then((code) => process.exit(code))
