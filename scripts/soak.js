// npm run test:soak: memory, file descriptors and handles stay the same during a long run and over many
// runs, and the event loop stays responsive while a model of stage 09's size trains and saves. By hand,
// on a machine without other work:
//
//   npm run test:soak -- [--steps 100000] [--runs 300] [--large-steps 12] [--json]
//
// 0 leaves a part out. Exits with 1 if a figure exceeds its limit. --json only prints the figures.

const { spawnSync } = require('node:child_process')
const { mkdtempSync, readdirSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { monitorEventLoopDelay } = require('node:perf_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { parseArgs } = require('node:util')
const { setFlagsFromString } = require('node:v8')
const { runInNewContext } = require('node:vm')
const { configurations, text } = require('./kill/configurations')
const { median, slopeOf } = require('./trend')
const { train } = require('../dist/index.js')

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

const MB = 2 ** 20
/** Growth is extrapolated to this number of steps, or runs. */
const horizons = { steps: 200_000, runs: 1000 }
/** Within fewer steps the engine's chunks of memory may make resident memory rise by tens of megabytes. */
const leastStepsForResident = 100_000
/** The largest growth, and the largest delay in milliseconds. */
const limits = { resident: 64 * MB, malloc: 8 * MB, heap: 4 * MB, descriptors: 1, handles: 1, p99: 10 }

/**
 * The bytes of malloc() in use, of an addon that is compiled here. Unlike resident memory they don't
 * depend on when an allocator returns memory to the system. Undefined where there is no glibc or no
 * compiler.
 */
function openAllocated(folder) {
  const file = join(folder, 'allocated.node')
  const args = ['-shared', '-fPIC', '-I', require('node-api-headers').include_dir, '-o', file]
  const { status } = spawnSync('cc', [...args, join(__dirname, 'allocated.c')])
  return status === 0 ? require(file) : undefined
}

/**
 * What the process holds now, without garbage. A save may be in progress, so each figure is the smallest
 * of some milliseconds.
 */
async function holding(allocated) {
  const counts = { descriptors: Infinity, handles: Infinity }
  for (let turn = 0; turn < 20; turn++) {
    await sleep(1)
    const descriptors = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0
    counts.descriptors = Math.min(counts.descriptors, descriptors)
    counts.handles = Math.min(counts.handles, process.getActiveResourcesInfo().length)
  }
  const held = { resident: Infinity, malloc: Infinity, heap: Infinity }
  // V8 frees the memory of array buffers in another thread, which on a busy machine takes its time.
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage()
    await sleep(5)
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
    held.heap = Math.min(held.heap, heapUsed + external)
    held.malloc = Math.min(held.malloc, allocated?.() ?? 0)
    // V8 enlarges the heap of a busy process, by 16 MB after some minutes, without using more of it.
    held.resident = Math.min(held.resident, rss - heapTotal)
  }
  return { ...held, ...counts }
}

/**
 * How much each figure would grow to the horizon, from the trend of the second half. The first half is
 * the warm-up. Some garbage is always left, so only the smallest of every four figures counts.
 *
 * @param samples pairs of a number of steps, or runs, and the figures then
 */
function growthOf(samples, horizon) {
  const half = samples.slice(samples.length >> 1)
  const size = Math.min(4, Math.ceil(half.length / 4))
  const groups = Array.from({ length: Math.floor(half.length / size) }, (_, i) =>
    half.slice(size * i, size * (i + 1)),
  )
  return Object.fromEntries(
    Object.keys(samples[0][1]).map((name) => {
      const points = groups.map((group) => [
        group[0][0],
        Math.min(...group.map(([, figures]) => figures[name])),
      ])
      return [name, { value: median(points.map(([, y]) => y)), growth: slopeOf(points) * horizon }]
    }),
  )
}

/** A step of every kind, often. */
const tiny = {
  ...configurations.adamw.options,
  data: { text },
  evalInterval: 250,
  sampleInterval: 500,
  checkpointInterval: 200,
  checkpointMinutes: 5,
  threads: 2,
}

/** One long run. */
async function longRun(steps, out, allocated) {
  // A short run has checkpoints enough for a trend too.
  const checkpointInterval = Math.min(tiny.checkpointInterval, Math.ceil(steps / 50))
  const run = train({ ...tiny, steps, checkpointInterval, warmup: 0, out })
  const samples = []
  const every = Math.max(1, Math.floor(steps / 400))
  let next = 0
  const count = {}
  for await (const { type, step } of run) {
    count[type] = (count[type] ?? 0) + 1
    if (type !== 'checkpoint' || step < next) continue
    next = step + every
    samples.push([step, await holding(allocated)])
  }
  await (await run).dispose()
  const { resident, ...growth } = growthOf(samples, horizons.steps)
  const isLong = steps >= leastStepsForResident
  return { what: `a run of ${steps} steps`, count, ...(isLong && { resident }), ...growth }
}

/** Many short runs, of which every other one is resumed. */
async function manyRuns(runs, out, allocated) {
  const samples = []
  for (let i = 0; i < runs; i++) {
    const options =
      i % 2 === 0 ? { ...tiny, steps: 20, warmup: 0, overwrite: true } : { resume: out, steps: 30 }
    await (await train({ ...options, out })).dispose()
    samples.push([i, await holding(allocated)])
  }
  return { what: `${runs} runs`, ...growthOf(samples, horizons.runs) }
}

/** The delays of the event loop, in milliseconds, while a large model trains and always saves. */
async function delays(steps, out) {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  const run = train({
    preset: 'decoder',
    data: { text: text.repeat(10) },
    batchSize: 2,
    steps,
    evalInterval: steps,
    evalBatches: 1,
    checkpointInterval: 1,
    emaDecay: 0.9,
    device: 'cpu',
    out,
  })
  let [checkpoints, begun] = [0, 0]
  for await (const { type, step } of run) {
    if (type === 'checkpoint') checkpoints++
    // Compiling the Programs is not part of the training.
    if (type === 'step' && begun === 0) {
      begun = performance.now()
      histogram.enable()
    }
    if (type === 'end') histogram.disable()
    if (type === 'evaluation' && step === 0) histogram.reset()
  }
  const seconds = (performance.now() - begun) / 1000
  await (await run).dispose()
  const of = (percentile) => histogram.percentile(percentile) / 1e6
  return {
    what: `${steps} steps of stage 09's sizes, ${checkpoints} checkpoints, ${seconds.toFixed(0)} s`,
    p50: of(50),
    p99: of(99),
    max: histogram.max / 1e6,
  }
}

/** Prints a part, and returns the limits that it exceeds. */
function judge({ what, count, ...figures }, say) {
  say(what + (count ? `: ${Object.entries(count).map(([type, n]) => `${n} ${type}`)}` : ''))
  const exceeded = []
  for (const [name, figure] of Object.entries(figures)) {
    const isGrowth = typeof figure === 'object'
    const value = isGrowth ? figure.growth : figure
    const isBytes = ['resident', 'malloc', 'heap'].includes(name)
    const shown = (number) =>
      isBytes ? `${(number / MB).toFixed(1)} MB` : String(Math.round(number * 100) / 100)
    const words = isGrowth ? `${shown(figure.value)}, would grow by ${shown(value)}` : `${shown(value)} ms`
    const limit = limits[name]
    say(`  ${name.padEnd(12)} ${words}${limit === undefined ? '' : ` (limit ${shown(limit)})`}`)
    if (limit !== undefined && !(value <= limit)) exceeded.push(`${what}: ${name} is ${words}`)
  }
  return exceeded
}

async function main() {
  const { values } = parseArgs({
    options: {
      steps: { type: 'string', default: '100000' },
      runs: { type: 'string', default: '300' },
      'large-steps': { type: 'string', default: '12' },
      json: { type: 'boolean', default: false },
    },
  })
  const work = mkdtempSync(join(tmpdir(), 'nano-gpt-soak-'))
  process.on('exit', () => rmSync(work, { recursive: true, force: true }))
  const allocated = openAllocated(work)
  const parts = [
    [longRun, Number(values.steps)],
    [manyRuns, Number(values.runs)],
    [delays, Number(values['large-steps'])],
  ]
  const exceeded = []
  for (const [part, size] of parts) {
    if (size === 0) continue
    const result = await part(size, join(work, part.name), allocated)
    if (values.json) console.log(JSON.stringify(result))
    exceeded.push(...judge(result, values.json ? () => {} : console.log))
  }
  if (values.json) return
  for (const each of exceeded) console.error(`soak: ${each}`)
  if (exceeded.length > 0) process.exitCode = 1
}

main().catch((error) => {
  console.error(`soak: ${error.stack}`)
  process.exitCode = 1
})
