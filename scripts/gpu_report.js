// Makes a report from the results of scripts/gpu.sh or scripts/mac.sh: FOLDER.md for people,
// FOLDER.json for programs, with a verdict for each requirement. --rehearse omits the verdicts on
// speed.
//   node scripts/gpu_report.js FOLDER [--metal] [--rehearse]

const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const { basename, join } = require('node:path')

const folder = process.argv[2]
const rehearsal = process.argv.includes('--rehearse')
const metal = process.argv.includes('--metal')

/**
 * From docs/gpu-testing.md: fraction of cuBLAS's rate, and multiples of compiled PyTorch's speed.
 */
const targets = { ofCublas: 0.55, must: 1, aim: 1 / 0.8 }
/**
 * From docs/notes/performance.md, "What is to be beaten": milliseconds of nanoGPT's small setting
 * on an M2, tokens per second of MLX on an M1 Max.
 */
const published = { smallMs: 120, tokensPerSecond: 37_900 }
const precisions = metal ? ['f32', 'bf16'] : ['bf16', 'tf32', 'f32']
/** The precision in which single ops are measured. */
const usual = precisions[0]

const read = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined)
const lines = (name) => (read(name) ?? '').split('\n').filter(Boolean)
const resultsOf = (name) => JSON.parse(read(`${name}.json`) ?? '{"results":[]}').results

/**
 * Lists each part once. A part that passed still counts as passed if a longer repetition of it ran
 * out of time.
 */
function readParts() {
  const parts = new Map()
  for (const line of lines('parts.tsv')) {
    const [name, how, seconds, limit] = line.split('\t')
    const before = parts.get(name)
    if (before?.how === 'ok' && how !== 'failed') continue
    parts.set(name, { name, how, seconds: Number(seconds), limit: Number(limit) })
  }
  return [...parts.values()]
}

/** The last line of a part's log that contains counts, or else the last line. */
function summaryOf(name) {
  const all = lines(`${name}.log`).filter((line) => !line.startsWith('{'))
  const counted = all.filter((line) => /\d+ (passed|failed|good|products|tests|errors)\b/.test(line))
  return (counted.at(-1) ?? all.at(-1) ?? '').trim().slice(0, 110)
}

/**
 * Parts that are slow by nature: running out of time says nothing about nano-gpt. A profiler may
 * not work at all.
 */
const slow = /^(memcheck|racecheck|synccheck)$/
const profiler = /^profile-/

/**
 * 'passed', 'failed' or 'unknown'. A part that does not finish in time counts as failed, because it
 * may hang.
 */
function verdictOfPart({ name, how, limit }) {
  const late = how === 'not done in time'
  if (how === 'ok') return { what: name, verdict: 'passed', detail: summaryOf(name) }
  if (late && (slow.test(name) || profiler.test(name)))
    return { what: name, verdict: 'unknown', detail: `not finished (${limit} s)` }
  if (how === 'failed' && !profiler.test(name))
    return { what: name, verdict: 'failed', detail: summaryOf(name) }
  const why = limit > 0 ? `${how} (${limit} s)` : summaryOf(name) || how
  return { what: name, verdict: late ? 'failed' : 'unknown', detail: why }
}

const mean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
const figures = (value, digits = 3) =>
  value === undefined ? '' : Number(value.toPrecision(digits)).toString()

function verdictOfProducts(products, precision) {
  const what = `products in ${precision}: at least ${targets.ofCublas} of cuBLAS's rate`
  const shares = products.filter((it) => it.precision === precision && it.ofCublas).map((it) => it.ofCublas)
  if (shares.length === 0) return { what, verdict: 'unknown', detail: 'not compared' }
  const [all, least] = [mean(shares), Math.min(...shares)]
  return {
    what,
    verdict: all >= targets.ofCublas ? 'passed' : 'failed',
    detail: `${figures(all)} (geometric mean of ${shares.length}), the least ${figures(least)}`,
  }
}

function verdictOfStep(steps) {
  const what = "stage 09 in bf16: compiled PyTorch's speed or more"
  const [step] = steps.bf16
  const compiled = step?.torch?.find(({ variant }) => variant === 'compiled')
  if (!compiled) return { what, verdict: 'unknown', detail: step ? 'not compared' : 'not measured' }
  const { ratio } = compiled
  const aim = ratio >= targets.aim ? 'the aim, 0.8 of its time, is met' : 'the aim is 0.8 of its time'
  return {
    what,
    verdict: ratio >= targets.must ? 'passed' : 'failed',
    detail: `${figures(step.ms)} ms, ${figures(1 / ratio)} of its time; ${aim}`,
  }
}

/** Compares with each competitor, and with published numbers. */
function verdictsOfMetal(steps) {
  const ratio = (of) => (of.length > 0 ? Math.min(...of.map((it) => it.ratio)) : undefined)
  const beside = precisions.flatMap((precision) =>
    ['PyTorch on MPS', 'MLX'].flatMap((competitor) =>
      steps[precision].map(({ name, ms, torch = [] }) => {
        const least = ratio(torch.filter(({ variant }) => (variant === 'mlx') === (competitor === 'MLX')))
        const what = `${name} in ${precision}: as fast as ${competitor}`
        if (least === undefined)
          return { what, verdict: 'unknown', detail: `${figures(ms)} ms, not compared` }
        const verdict = least >= targets.must ? 'passed' : 'failed'
        return { what, verdict, detail: `${figures(ms)} ms, ${figures(1 / least)} of its time` }
      }),
    ),
  )
  const msOf = (wanted) => steps.f32.find(({ name }) => name === wanted)?.ms
  const against = (what, ms, passed, detail) =>
    ms === undefined
      ? { what, verdict: 'unknown', detail: 'not measured' }
      : { what, verdict: passed(ms) ? 'passed' : 'failed', detail: detail(ms) }
  const tokens = (ms) => ms && (1000 * 64 * 256) / ms
  return [
    ...beside,
    against(
      `cpu in f32: less than ${published.smallMs} ms`,
      msOf('cpu'),
      (ms) => ms < published.smallMs,
      (ms) => `${figures(ms)} ms`,
    ),
    // An M2 without "Max" would need 90 % of its roofline.
    /-(Max|Ultra)-/.test(basename(folder))
      ? against(
          `baby in f32: more than ${published.tokensPerSecond} tokens/s`,
          msOf('baby'),
          (ms) => tokens(ms) > published.tokensPerSecond,
          (ms) => `${figures(tokens(ms))} tokens/s`,
        )
      : {
          what: 'baby in f32',
          verdict: 'unknown',
          detail: msOf('baby') ? `${figures(tokens(msOf('baby')))} tokens/s` : 'not measured',
        },
  ]
}

const table = (titles, rows) =>
  [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** A row for our time, and one for each competitor. */
const beside = (what, { ms, torch = [], flopsPerSecond }) => [
  [what, 'nano-gpt', figures(ms), '', flopsPerSecond ? figures(flopsPerSecond / 1e12) : ''],
  ...torch.map(({ variant, ms, ratio }) => [
    '',
    variant === 'mlx' ? 'MLX' : `PyTorch, ${variant}`,
    figures(ms),
    figures(ratio),
    '',
  ]),
]

function tableOfProducts(products) {
  return [
    '## Products',
    '',
    table(
      ['', 'product', 'm × n × k', 'ms', 'TFLOP/s', 'cuBLAS, ms', "of cuBLAS's rate"],
      products.map(({ precision, name, m, n, k, ms, tflops, cublasMs, ofCublas }) => [
        precision,
        name,
        `${m} × ${n} × ${k}`,
        figures(ms),
        figures(tflops),
        figures(cublasMs),
        figures(ofCublas),
      ]),
    ),
    '',
  ]
}

function rooflineOf(results) {
  const whole = results.at(-1)
  if (!whole) return ['Not measured.']
  const ops = results.slice(0, -1)
  const bound = ops.reduce((sum, { ms, share }) => sum + ms * Math.min(share ?? 0, 1), 0)
  const peak =
    whole.peak &&
    `${figures(whole.peak.flopsPerSecond / 1e12)} TFLOP/s and ${figures(whole.peak.bytesPerSecond / 1e9)} GB/s`
  return [
    `${figures(whole.ms)} ms a step; with a peak of ${peak} (our own largest product and copy) its ops would take ${figures(bound)}.`,
    '',
    table(
      ['op', 'calls', 'ms', 'of its bound', ''],
      ops
        .slice(0, 25)
        .map(({ name, calls, ms, share, limit }) => [
          name,
          calls ?? '',
          figures(ms),
          share === undefined ? '' : `${(100 * share).toFixed(0)} %`,
          limit ?? '',
        ]),
    ),
  ]
}

const kernelsShown = 20

/** The slowest kernels of a step, as measured by Nsight Compute. */
function tableOfKernels(profile) {
  if (!profile) return ["Nsight Compute has measured none; the ops below are by the engine's own timings."]
  const { kernels, ms, launches, complete } = profile
  const rows = kernels
    .slice(0, kernelsShown)
    .map((it) => [
      `\`${it.name}\` ${it.size}`.replaceAll('|', '/'),
      it.calls,
      figures(it.ms),
      `${((100 * it.ms) / ms).toFixed(1)} %`,
      figures(it.bytes / 1e6),
      figures(it.bytesPerSecond / 1e9),
      it.tensor === undefined ? '' : `${(100 * it.tensor).toFixed(0)} %`,
    ])
  return [
    `${launches} launches of ${complete ? 'a step' : 'what was measured, which is no complete step'}, ${figures(ms)} ms in kernels one by one, which a replayed graph is faster than:`,
    '',
    table(['kernel, grid × block', 'calls', 'ms', 'part', 'MB of DRAM', 'GB/s', 'tensor cores'], rows),
  ]
}

function main() {
  const parts = readParts()
  const products = lines('products-speed.log')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
  const steps = Object.fromEntries(precisions.map((name) => [name, resultsOf(`steps-${name}`)]))
  const ops = resultsOf(`ops-${usual}`)
  const roofline = resultsOf(`roofline-${usual}`)
  const profile = metal ? undefined : JSON.parse(read(`profile-${usual}.json`) ?? 'null')
  const speed = metal
    ? verdictsOfMetal(steps)
    : [verdictOfStep(steps), ...precisions.map((name) => verdictOfProducts(products, name))]
  const verdicts = [
    ...parts.map(verdictOfPart),
    ...speed.map((it) => (rehearsal ? { ...it, verdict: 'unknown' } : it)),
  ]
  const count = (wanted) => verdicts.filter(({ verdict }) => verdict === wanted).length
  const sum = `${count('passed')} passed, ${count('failed')} failed`
  const facts = lines('facts.txt')
  const failed = parts.filter(({ how }) => how === 'failed')
  const report = [
    `# ${basename(folder)}`,
    '',
    ...facts.map((line) => `* ${line}`),
    '',
    `**${sum}**, ${count('unknown')} not known`,
    '',
    table(
      ['', 'what', 'detail'],
      verdicts.map(({ verdict, what, detail }) => [verdict, what, detail.replaceAll('|', '/')]),
    ),
    '',
    '## Training steps',
    '',
    table(
      ['', '', 'ms', 'theirs ÷ ours', ''],
      precisions.flatMap((name) => steps[name].flatMap((it) => beside(`${it.name} in ${name}`, it))),
    ),
    '',
    ...(metal ? [] : tableOfProducts(products)),
    `## ${metal ? 'Single' : 'Other'} ops, in ${usual}`,
    '',
    table(
      ['', '', 'ms', 'theirs ÷ ours', 'TFLOP/s'],
      ops.flatMap((it) => beside(it.name, it)),
    ),
    '',
    ...(metal ? [] : [`## Kernels of a step of stage 09, in ${usual}`, '', ...tableOfKernels(profile), '']),
    `## Where a step goes, in ${usual}`,
    '',
    ...rooflineOf(roofline),
    '',
    ...failed.flatMap(({ name }) => [
      `## ${name} failed`,
      '',
      '```',
      ...lines(`${name}.log`).slice(-40),
      '```',
      '',
    ]),
  ]
  writeFileSync(`${folder}.md`, report.join('\n'))
  const all = { facts, parts, verdicts, steps, products, ops, roofline, ...(profile && { profile }) }
  writeFileSync(`${folder}.json`, `${JSON.stringify(all, null, 1)}\n`)
  for (const { verdict, what, detail } of verdicts)
    console.log(`${verdict.padEnd(8)} ${what.padEnd(52)} ${detail}`)
  console.log(`\n${folder}.md\n${sum}`)
  return count('failed') === 0 ? 0 : 1
}

process.exitCode = main()
