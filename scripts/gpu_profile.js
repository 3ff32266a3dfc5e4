// Profiles the kernels of one training step with Nsight Compute:
// node scripts/gpu_profile.js --ncu FILE --save FILE -- COMMAND...
//
// COMMAND trains with AdamW for a few steps. ncu measures the first kernels that it launches. This
// script adds up those of the last complete step by kernel and size, writes them to the --save file
// as JSON and prints a table. Clocks and caches are not controlled. ncu runs a kernel once per
// group of counters, so only four counters are requested.

const { spawnSync } = require('node:child_process')
const { readFileSync, writeFileSync } = require('node:fs')
const { argument } = require('./processes')

/** Covers an evaluation of stage 09 and more than two of its steps. */
const mostLaunches = 1000

const time = 'gpu__time_duration.sum'
const bytes = ['dram__bytes_read.sum', 'dram__bytes_write.sum']
/**
 * The fraction of a kernel's cycles in which the tensor cores were busy. The GPU decides which of
 * these counters exist.
 */
const tensorCounters = [
  'sm__pipe_tensor_cycles_active',
  'sm__pipe_tensor_op_hmma_cycles_active',
  'sm__inst_executed_pipe_tensor',
]
const ofPeak = '.avg.pct_of_peak_sustained_elapsed'

const units = { n: 1e-9, u: 1e-6, m: 1e-3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }
/**
 * Converts units such as "usecond", "us" and "Mbyte" to seconds or bytes; percentages stay as they
 * are.
 */
function inBaseUnit(text, unit) {
  const value = Number(text.replaceAll(',', ''))
  const prefix = unit.match(/^([numKMGT])(s|second|byte)/)
  return prefix ? value * units[prefix[1]] : value
}

/** Splits a CSV line into cells. */
function cellsOf(line) {
  return [...line.matchAll(/"((?:[^"]|"")*)"|([^,]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  )
}

/**
 * The launches in order, each with its counters, from ncu's CSV, which has one line per counter.
 */
function readLaunches(text) {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('"'))
    .map(cellsOf)
  const titles = rows.find((row) => row[0] === 'ID') ?? []
  const column = (title) => titles.indexOf(title)
  const launches = new Map()
  for (const row of rows) {
    const id = row[column('ID')]
    if (!/^\d+$/.test(id)) continue
    const launch = launches.get(id) ?? {
      kernel: row[column('Kernel Name')],
      size: `${row[column('Grid Size')]} × ${row[column('Block Size')]}`.replaceAll(/\s*,\s*/g, ','),
      counters: {},
    }
    const value = inBaseUnit(row[column('Metric Value')], row[column('Metric Unit')])
    if (!Number.isNaN(value)) launch.counters[row[column('Metric Name')]] = value
    launches.set(id, launch)
  }
  return [...launches.values()].filter(({ counters }) => counters[time] !== undefined)
}

/**
 * The launches of the last complete step: those after the last update but one, up to the last. All
 * of them if there are fewer than two updates.
 */
function lastStep(launches) {
  const ends = launches.flatMap(({ kernel }, at) =>
    /adamw/i.test(kernel) && !/adamw/i.test(launches[at + 1]?.kernel ?? '') ? [at + 1] : [],
  )
  return ends.length < 2 ? launches : launches.slice(ends.at(-2), ends.at(-1))
}

/** Removes return type, namespaces and arguments. */
function shorten(kernel) {
  const name = kernel
    .replace(/^void /, '')
    .replaceAll(/\(anonymous namespace\)::|<unnamed>::|\b[a-z_]+::/g, '')
    .replaceAll(/\((?:int|bool|unsigned int|long)\)/g, '')
  let depth = 0
  for (const [at, letter] of [...name].entries()) {
    if (letter === '<') depth += 1
    if (letter === '>') depth -= 1
    if (letter === '(' && depth === 0) return name.slice(0, at)
  }
  return name
}

function addUp(launches) {
  const kernels = new Map()
  for (const { kernel, size, counters } of launches) {
    const key = `${kernel} ${size}`
    const sum = kernels.get(key) ?? { name: shorten(kernel), size, calls: 0, ms: 0, bytes: 0, tensorMs: 0 }
    const tensor = tensorCounters.map((it) => counters[it + ofPeak]).find((it) => it !== undefined)
    const ms = 1e3 * counters[time]
    sum.calls += 1
    sum.ms += ms
    sum.bytes += bytes.reduce((total, name) => total + (counters[name] ?? 0), 0)
    sum.tensorMs += tensor === undefined ? Number.NaN : (tensor / 100) * ms
    kernels.set(key, sum)
  }
  return [...kernels.values()]
    .sort((a, b) => b.ms - a.ms)
    .map(({ tensorMs, ...each }) => ({
      ...each,
      bytesPerSecond: (1e3 * each.bytes) / each.ms,
      ...(!Number.isNaN(tensorMs) && { tensor: tensorMs / each.ms }),
    }))
}

function main() {
  const ncu = argument('--ncu')
  const file = argument('--save')
  const command = process.argv.slice(process.argv.indexOf('--') + 1)
  const ask = (args) => spawnSync(ncu, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  const known = ask(['--query-metrics']).stdout ?? ''
  const counter = tensorCounters.find((name) => new RegExp(`^${name}\\b`, 'm').test(known))
  const log = `${file}.csv`
  const { status, stdout, stderr, error } = ask([
    ...['--csv', '--log-file', log, '--print-units', 'base', '--target-processes', 'all'],
    ...['--clock-control', 'none', '--cache-control', 'none'],
    ...['--launch-count', String(mostLaunches), '--metrics'],
    [time, ...bytes, ...(counter ? [counter + ofPeak] : [])].join(','),
    ...command,
  ])
  if (error) throw error
  const text = readFileSync(log, 'utf8')
  const launches = readLaunches(text)
  if (launches.length === 0) {
    console.log(`${text}\n${stdout}\n${stderr}`.slice(-4000))
    console.log(`ncu measured no kernel and exited with ${status}`)
    return 1
  }
  const step = lastStep(launches)
  const kernels = addUp(step)
  const ms = kernels.reduce((sum, each) => sum + each.ms, 0)
  const complete = step.length < launches.length
  writeFileSync(file, `${JSON.stringify({ complete, launches: step.length, ms, kernels }, null, 1)}\n`)
  for (const { name, size, calls, ms, bytes, tensor } of kernels.slice(0, 20))
    console.log(
      [ms.toFixed(3), calls, (bytes / 1e6).toFixed(1), tensor?.toFixed(2) ?? '', name, size].join('\t'),
    )
  console.log(
    `${step.length} launches of ${complete ? 'a step' : 'no complete step'}: ${ms.toFixed(2)} ms in kernels`,
  )
  return 0
}

process.exitCode = main()
