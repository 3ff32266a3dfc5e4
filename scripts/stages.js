// npm run stages:table: trains the course's stages from the first step to the last and compares
// their losses with the reference. It generates the table of docs/stages.md. Stage 09 needs a GPU
// or a night, and has its own checks: test/golden, scripts/torch/compare.py.
//
//   npm run stages:table -- [--seeds 1337,1,2] [--only 04,05] [--check] [--write] [--python PATH]
//                           [--data NAME|FILE] [--device auto|cpu|js] [--threads 2] [--json]
//
// Times are those of a whole `train()`: text, compiling, steps, evaluations and checkpoints. The
// final losses are estimated afterwards, without dropout, over 2,000 random batches of each split.
// With --python (or NANO_GPT_PYTHON), PyTorch's whole loop (scripts/torch/bench.py) runs directly
// after ours, with the first seed and the same number of threads, so that the two can be compared.
//
// A stage passes if its mean over the seeds is at most the reference's last loss + 0.03, and no
// seed is above + 0.06. --check exits with 1 if a stage fails; --write puts the table between the
// markers in docs/stages.md.
const { spawnSync } = require('node:child_process')
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { availableParallelism, cpus, tmpdir } = require('node:os')
const { join } = require('node:path')
const { parseArgs } = require('node:util')

const page = join(__dirname, '..', 'docs', 'stages.md')
const markers = ['<!-- stages-table:begin -->', '<!-- stages-table:end -->']
const estimateBatches = 2000
const meanSlack = 0.03
const seedSlack = 0.06

const lib = (file) => require(join(__dirname, '..', 'dist', file))

/** The stages that train, but for the last one: their presets, and the last loss of the course's Python script. */
const { references } = lib('stages/reference.js')
const stages = Object.fromEntries(
  lib('stages/index.js')
    .stages.filter((stage) => stage.numbers && !lib('stages/stage.js').isLong(stage))
    .map(({ number, name }) => {
      const { split, losses } = references[number]
      return [number, { preset: name, reference: losses.at(-1)[1], split }]
    }),
)

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length

/** Trains a preset to its end. Returns the seconds of the whole call, and the final losses. */
async function trainStage(preset, seed, options) {
  const out = mkdtempSync(join(tmpdir(), 'nano-gpt-stage-'))
  try {
    const { device, threads, data } = options
    const begun = performance.now()
    const model = await lib('index.js').train({ preset, seed, data, device, threads, out })
    const seconds = (performance.now() - begun) / 1000
    const { parameterCount: parameters, device: used } = model
    const { steps } = model.info.training
    await model.dispose()
    return { seed: String(seed), seconds, parameters, steps, device: used, ...(await losses(out, options)) }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

/** Mean losses of the last checkpoint of a run folder. */
async function losses(resume, { device, threads, data }) {
  const { readOrigin } = lib('train/origin.js')
  const { gather, planOn } = lib('train/plan.js')
  const options = lib('train/resolve.js').checkTrainOptions({ resume, device, threads, data })
  const origin = await readOrigin(options)
  const control = { emit() {}, stopped: new AbortController().signal }
  const materials = await gather(options, origin, control)
  const { session, trainer } = await lib('backend/devices.js').onDevice(device, (name) =>
    lib('train/prepare.js').prepare(planOn(name, options, materials), materials),
  )
  try {
    const means = {}
    for (const split of ['train', 'validation']) {
      const found = []
      while (found.length < estimateBatches) {
        const count = Math.min(100, estimateBatches - found.length)
        const { losses, failure } = await trainer.evaluate(split, found.length, count)
        if (failure) throw new Error(`evaluation: ${failure.message}`)
        found.push(...losses)
      }
      means[split] = mean(found)
    }
    return means
  } finally {
    await session.dispose()
  }
}

/** PyTorch's whole loop, with the same number of evaluations. */
function trainInTorch(stage, seed, { python, textFile, threads }) {
  const { evalInterval } = lib('presets/index.js').findPreset(stages[stage].preset).training
  const script = join(__dirname, 'torch', 'bench.py')
  const args = [script, '--stage', stage, '--whole', '--text', textFile, '--seed', String(seed)]
  args.push('--threads', String(threads), '--eval-every', String(evalInterval))
  // Without this, Python would leave its bytecode next to the scripts.
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const { status, stdout, stderr, error } = spawnSync(python, args, { encoding: 'utf8', env })
  if (status !== 0) throw new Error(`PyTorch, stage ${stage}: ${error?.message ?? stderr.trim()}`)
  return JSON.parse(stdout)
}

/** The results of a stage over its seeds. */
function judge(stage, runs, torch) {
  const { preset, reference, split } = stages[stage]
  const found = runs.map((run) => run[split])
  const bar = { mean: reference + meanSlack, seed: reference + seedSlack }
  const [middle, worst] = [mean(found), Math.max(...found)]
  const missed = []
  // NaN fails every bar.
  if (!(middle <= bar.mean)) missed.push(`mean ${middle.toFixed(4)} is above ${bar.mean.toFixed(4)}`)
  for (const [i, loss] of found.entries()) {
    if (!(loss <= bar.seed))
      missed.push(`seed ${runs[i].seed}: ${loss.toFixed(4)} is above ${bar.seed.toFixed(4)}`)
  }
  const [{ parameters, steps, seconds, device }] = runs
  const result = { stage, preset, device, parameters, steps, split, reference, bar, mean: middle, worst }
  return { ...result, seconds, runs, missed, ...(torch && { torch, ratio: torch.seconds / seconds }) }
}

/** A line of the table that is printed during the run. */
function line(cells) {
  const widths = [16, -6, -7, -9, -9, -11, 2, 1]
  return cells
    .map((cell, i) => (widths[i] < 0 ? String(cell).padStart(-widths[i]) : String(cell).padEnd(widths[i])))
    .join('')
    .trimEnd()
}

const row = (name, who, { steps, seconds, train, validation }, note = '') =>
  line([name, who, steps, seconds.toFixed(1), train.toFixed(4), validation.toFixed(4), '', note])

async function runStage(stage, options, say) {
  const { preset } = stages[stage]
  const runs = []
  let torch
  for (const [i, seed] of options.seeds.entries()) {
    const run = await trainStage(preset, seed, options)
    runs.push(run)
    say(row(i === 0 ? `${stage} ${preset}` : '', seed, run))
    if (i > 0 || !options.python) continue
    torch = trainInTorch(stage, seed, options)
    const ratio = `${(torch.seconds / run.seconds).toFixed(1)} times as long`
    say(row('', 'torch', { ...torch, train: torch.trainLoss, validation: torch.valLoss }, ratio))
  }
  const result = judge(stage, runs, torch)
  const { split, mean, worst, reference, missed } = result
  const verdict = missed.length === 0 ? 'ok' : `MISSED: ${missed.join('; ')}`
  const losses = `mean ${mean.toFixed(4)}, worst ${worst.toFixed(4)}, reference ${reference.toFixed(4)}`
  say(`${' '.repeat(18)}${split === 'train' ? 'training' : split}: ${losses}: ${verdict}`)
  return result
}

/** The table of docs/stages.md, with the line that says where it was measured. */
function markdown(results, options) {
  const torch = results[0].torch
  const heads = [
    'stage',
    'parameters',
    'steps',
    'loss at the end',
    'each seed',
    'reference',
    'bar',
    'seconds',
  ]
  const rows = results.map((result) => {
    const { stage, preset, parameters, steps, split, runs, reference, bar, missed } = result
    const note = split === 'train' ? ' (training)' : ''
    const cells = [
      `${stage} ${preset}`,
      parameters.toLocaleString('en'),
      steps.toLocaleString('en'),
      `${missed.length === 0 ? '' : '**missed** '}${result.mean.toFixed(4)}${note}`,
      runs.map((run) => run[split].toFixed(4)).join(', '),
      reference.toFixed(split === 'train' ? 1 : 4),
      bar.mean.toFixed(4),
      result.seconds.toFixed(1),
    ]
    if (torch) {
      const { trainLoss, valLoss, seconds } = result.torch
      cells.push((split === 'train' ? trainLoss : valLoss).toFixed(4))
      cells.push(seconds.toFixed(1), result.ratio.toFixed(1))
    }
    return cells
  })
  if (torch) heads.push('PyTorch: loss', 'seconds', 'times as long')
  const table = [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return `${about(results, options)}\n\n${table.join('\n')}`
}

function about([{ device, torch }], { seeds, threads, python, data }) {
  const processor = cpus()[0]?.model.trim().replace(/\s+/g, ' ') || process.arch
  const flags = [`--seeds ${seeds.join(',')}`, ...(python ? ['--python PATH'] : []), '--write']
  const where = [
    new Date().toISOString().slice(0, 10),
    `${processor}, ${availableParallelism()} processors`,
    `device ${device}, ${threads} threads`,
    `Node ${process.versions.node}`,
    ...(torch ? [`PyTorch ${torch.torch}`] : []),
    ...(data === 'shakespeare' ? [] : ['another text than Tiny Shakespeare']),
  ]
  return `${where.join('; ')}: \`npm run stages:table -- ${flags.join(' ')}\``
}

/** Replaces the text between the markers. */
function writePage(table) {
  const text = existsSync(page) ? readFileSync(page, 'utf8') : ''
  const [begin, end] = markers.map((marker) => text.indexOf(marker))
  if (begin < 0 || end < begin) {
    throw new Error(`docs/stages.md must have the lines ${markers[0]} and ${markers[1]}`)
  }
  writeFileSync(page, `${text.slice(0, begin + markers[0].length)}\n${table}\n${text.slice(end)}`)
}

function seedOf(text) {
  if (!/^\d+$/.test(text))
    throw new Error(`--seeds: ${text || 'nothing'} is not a whole number; give a list such as 1337,1,2`)
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}

function findPython(python) {
  if (python === undefined || spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0)
    return python
  throw new Error(`${python} can't import torch; see scripts/torch/README.md for how to install it`)
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1337,1,2' },
      only: { type: 'string' },
      check: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      python: { type: 'string', default: process.env.NANO_GPT_PYTHON },
      data: { type: 'string', default: 'shakespeare' },
      device: { type: 'string', default: 'auto' },
      threads: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
    },
  })
  const names = values.only ? values.only.split(',') : Object.keys(stages)
  for (const name of names) {
    if (!stages[name])
      throw new Error(`unknown stage ${name}; the stages are ${Object.keys(stages).join(', ')}`)
  }
  if (values.write && values.only) throw new Error('--write needs every stage: remove --only')
  return {
    ...values,
    names,
    threads: Number(values.threads),
    seeds: values.seeds.split(',').map(seedOf),
    python: findPython(values.python),
  }
}

async function main() {
  const options = readOptions()
  const say = options.json ? () => {} : (text) => console.log(text)
  const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-stages-'))
  const results = []
  const begun = performance.now()
  try {
    if (options.python) {
      options.textFile = join(folder, 'input.txt')
      writeFileSync(options.textFile, (await lib('data/corpus.js').loadText(options.data)).text)
    }
    say(line(['stage', 'seed', 'steps', 'seconds', 'training', 'validation']))
    for (const name of options.names) {
      const result = await runStage(name, options, say)
      results.push(result)
      if (options.json) console.log(JSON.stringify(result))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  if (options.write) writePage(markdown(results, options))
  const missed = results.filter((result) => result.missed.length > 0)
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  say(`${results.length - missed.length} stages pass, ${missed.length} fail (${seconds} s)`)
  for (const { stage, preset, missed: why } of missed)
    console.error(`stages: ${stage} ${preset} misses its bar: ${why.join('; ')}`)
  if (options.check && missed.length > 0) process.exitCode = 1
}

main().catch((error) => {
  console.error(`stages: ${error.message}`)
  process.exitCode = 1
})
