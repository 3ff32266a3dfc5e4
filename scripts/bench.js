// npm run bench: milliseconds for a training step of the course's stages, beside PyTorch where a Python with torch is at hand.
// The two take turns in one run, since machines drift: only the ratio counts. Medians of the rounds; 2 threads each by default.
//
//   npm run bench -- [--only 09] [--batch-size N] [--rounds N] [--threads N] [--device cpu|js] [--python PATH] [--json]
//
// --python (or NANO_GPT_PYTHON) names the Python; without it `python3` is tried, and PyTorch is left out where it can't be imported.
const { spawn, spawnSync } = require('node:child_process')
const { join } = require('node:path')
const { createInterface } = require('node:readline')
const { parseArgs } = require('node:util')

const stages = {
  '01': { preset: 'bigram', steps: 200 },
  '03': { preset: 'single-head', steps: 100 },
  '04': { preset: 'multi-head', steps: 100 },
  '05': { preset: 'feed-forward', steps: 100 },
  '06': { preset: 'blocks', steps: 30 },
  '07': { preset: 'residual', steps: 30 },
  '08': { preset: 'layer-norm', steps: 30 },
  '09': { preset: 'decoder', steps: 1 },
}

/** Our side: a trainer on random tokens, since speed does not depend on the text. */
async function ours(preset, options) {
  const lib = (file) => require(join(__dirname, '..', 'dist', file))
  const { findPreset } = lib('model/config.js')
  const { createModel } = lib('model/architecture.js')
  const { initializeWeights } = lib('model/weights.js')
  const { openSession } = lib('backend/devices.js')
  const { Trainer, optimizerState } = lib('train/trainer.js')
  const { seedFrom, word } = lib('random/philox.js')
  const found = findPreset(preset)
  const vocabSize = 65
  const seed = seedFrom(1337)
  const { model, parameters } = createModel({ ...found.model, vocabSize })
  const session = await openSession(options)
  await initializeWeights(session, parameters, seed)
  for (const { name, shape } of optimizerState(parameters)) await session.allocate(name, 'f32', shape)
  const corpus = Uint16Array.from({ length: 100_000 }, (_, i) => word(i, 0, 0, seed) % vocabSize)
  const training = {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    ...found.training,
    ...(options.batchSize ? { batchSize: options.batchSize } : {}),
    microBatches: 1,
    gradientClip: null,
  }
  const trainer = await Trainer.create({
    session,
    model,
    parameters,
    training,
    seed,
    corpus: { train: corpus, validation: corpus },
  })
  let step = 0
  return {
    device: session.device,
    async run(count) {
      const start = performance.now()
      const { failure } = await trainer.steps(step, count)
      if (failure) throw new Error(failure.message)
      step += count
      return (performance.now() - start) / count
    },
    close: () => session.dispose(),
  }
}

/** PyTorch's side: scripts/torch/bench.py, told to run steps on its standard input. */
function torch(python, stage, { threads, batchSize }) {
  const script = join(__dirname, 'torch', 'bench.py')
  const args = [script, '--stage', stage, '--threads', String(threads)]
  if (batchSize) args.push('--batch-size', String(batchSize))
  const child = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run(count) {
      child.stdin.write(`run ${count}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('PyTorch ended early')
      const answer = JSON.parse(value)
      if (answer.error) throw new Error(answer.error)
      return answer.ms
    },
    close: () => child.stdin.end('quit\n'),
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

async function benchStage(stage, options) {
  const { preset, steps } = stages[stage]
  const sides = { ours: await ours(preset, options) }
  if (options.python) sides.torch = torch(options.python, stage, options)
  const times = { ours: [], torch: [] }
  for (let round = -1; round < options.rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const ms = await side.run(steps)
      // The first round warms up.
      if (round >= 0) times[name].push(ms)
    }
  }
  for (const side of Object.values(sides)) await side.close()
  const result = {
    name: stage,
    preset,
    device: sides.ours.device,
    threads: options.threads,
    batchSize: options.batchSize ?? null,
    ms: median(times.ours),
  }
  if (sides.torch) {
    result.torchMs = median(times.torch)
    result.ratio = median(times.ours.map((ms, i) => times.torch[i] / ms))
  }
  return result
}

function findPython(asked) {
  const python = asked ?? process.env.NANO_GPT_PYTHON ?? 'python3'
  const { status } = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' })
  if (status === 0) return python
  if (asked)
    throw new Error(`${asked} can't import torch; scripts/torch/README.md says how to get a Python that can`)
  return undefined
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      'batch-size': { type: 'string' },
      rounds: { type: 'string', default: '7' },
      threads: { type: 'string', default: '2' },
      device: { type: 'string', default: 'auto' },
      python: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const names = values.only ? [values.only] : Object.keys(stages)
  for (const name of names)
    if (!stages[name])
      throw new Error(`there is no stage ${name} here; there are ${Object.keys(stages).join(', ')}`)
  const python = findPython(values.python)
  const options = {
    threads: Number(values.threads),
    rounds: Number(values.rounds),
    device: values.device,
    batchSize: values['batch-size'] && Number(values['batch-size']),
    python,
  }
  if (!values.json && !python)
    console.log('PyTorch is not at hand (see scripts/torch/README.md); measuring nano-gpt alone')
  for (const name of names) {
    const result = await benchStage(name, options)
    if (values.json) console.log(JSON.stringify(result))
    else {
      const beside = result.ratio
        ? `   PyTorch ${result.torchMs.toFixed(2)} ms   ${result.ratio.toFixed(2)} times as fast`
        : ''
      console.log(
        `stage ${name} (${result.preset}, ${result.device})   ${result.ms.toFixed(3)} ms a step${beside}`,
      )
    }
  }
}

main().catch((error) => {
  console.error(`bench: ${error.message}`)
  process.exitCode = 1
})
