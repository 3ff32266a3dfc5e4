// Reads mutated checkpoints, Hugging Face folders, config files, tokenizers and texts with every function that takes a
// path. Any error must be a NanoGptError that is not a bug, within two seconds, and memory must
// stay in proportion to the file.

const { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const nano = require('../../../dist/index.js')
const { readSafetensors, encodeSafetensors } = require('../../../dist/checkpoint/safetensors.js')
const { linesOf } = require('../../../dist/cli/runs.js')
const { compareRuns } = require('../../../dist/history/compare.js')
const { hostile, numbers, strings, tally } = require('./random')

const root = join(__dirname, '..', '..', '..')
const fixtures = join(root, 'test', 'fixtures')
/** Files that once caused trouble, and the originals of the mutations. */
const committed = join(fixtures, 'hostile')

const mostSeconds = 2
/** Bytes in addition to what the process has before. */
const mostMemory = 1e9

/** Models of transformers, and the tokenizer of all of them. */
const golden = join(root, 'test', 'golden', 'hugging-face')
const foreign = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const files = readdirSync(join(golden, name)).filter((file) => file !== 'golden.json')
    const contents = files.map((file) => [file, readFileSync(join(golden, name, file))])
    return Object.fromEntries([...contents, ['tokenizer.json', readFileSync(join(golden, 'tokenizer.json'))]])
  })

const text = 'the quick brown fox jumps over the lazy dog.\n'.repeat(40)
const device = 'js'

let folder
let originals
/** The folder of a run with a history. */
let history

/** Runs of both kinds, as this version and as 0.1.0 wrote them. */
async function prepare() {
  folder = mkdtempSync(join(tmpdir(), 'nano-gpt-hostile-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const data = { text }
  const common = {
    data,
    device,
    steps: 1,
    evalInterval: 1,
    evalBatches: 1,
    batchSize: 2,
    blockSize: 8,
    embed: 8,
    heads: 2,
    layers: 2,
  }
  const runs = {
    decoder: { ...common, preset: 'decoder' },
    gpt: { ...common, preset: 'cpu', positions: 'rope', optimizer: 'muon', emaDecay: 0.9 },
    bigram: { ...common, preset: 'bigram', optimizer: 'sgd' },
  }
  const folders = [join(fixtures, '0.1.0', 'decoder'), join(fixtures, '0.1.0', 'gpt')]
  for (const [name, options] of Object.entries(runs)) {
    const out = join(folder, name)
    await (await nano.train({ ...options, out })).dispose()
    folders.push(out)
  }
  originals = await Promise.all(
    folders.map(async (path) => ({
      bytes: readFileSync(join(path, 'last.safetensors')),
      read: await readSafetensors(join(path, 'last.safetensors')),
      config: readFileSync(join(path, 'config.json'), 'utf8'),
    })),
  )
  history = join(folder, 'bigram')
}

/** Flips bits, overwrites, cuts, repeats or splices bytes. */
function mutatedBytes(random, bytes) {
  let result = Buffer.from(bytes)
  // Most of a file is data. Its header is more interesting.
  const place = () => random.below(random.oneIn(4) ? result.length : Math.min(result.length, 2000))
  const edits = [
    () => (result[place()] ^= 1 << random.below(8)),
    () => (result[place()] = random.pick(Buffer.from('0123456789{}[]",:\\\\-e. '))),
    () => (result = result.subarray(0, place())),
    () => (result = Buffer.concat([result, random.bytes(random.below(64))])),
    () => {
      const [from, to] = [place(), place()]
      result = Buffer.concat([result.subarray(0, from), result.subarray(Math.min(from, to))])
    },
    () => {
      const other = random.pick(originals).bytes
      const at = place()
      result = Buffer.concat([
        result.subarray(0, at),
        other.subarray(random.oneIn(2) ? at : random.below(other.length)),
      ])
    },
  ]
  for (let i = 0; i <= random.below(3) && result.length > 0; i++) random.pick(edits)()
  return result
}

/** A JSON value with changes at a few places. */
function mutatedJson(random, value) {
  const copy = structuredClone(value)
  for (let i = 0; i <= random.pick([0, 0, 0, 1, 2]); i++) {
    let parent = copy
    for (;;) {
      const keys = Object.keys(parent)
      if (keys.length === 0) break
      const key = random.pick(keys)
      const inner = parent[key]
      if (typeof inner === 'object' && inner !== null && !random.oneIn(4)) {
        parent = inner
        continue
      }
      const edits = [
        () => delete parent[key],
        () => (parent[key] = random.pick(numbers)),
        () => (parent[key] = random.below(100)),
        () => (parent[key] = typeof inner === 'number' ? inner + random.pick([-1, 1, 2]) : inner),
        () => (parent[key] = random.pick(strings)),
        () => (parent[key] = jsonOf(hostile(random))),
        () => (parent[random.pick([...strings, ...keys])] = inner),
        () => (parent[key] = typeof inner === 'string' ? `${inner}${random.pick(strings)}` : [inner]),
      ]
      random.pick(edits)()
      break
    }
  }
  return copy
}

/** What JSON makes of a value. */
function jsonOf(value) {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null')
  } catch {
    return null
  }
}

/** The text of JSON, with mistakes that JSON.stringify can't make. */
function textOf(random, value) {
  const json = JSON.stringify(value)
  if (!random.oneIn(12)) return json
  const at = random.below(json.length)
  const inserted = random.pick([
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '"a":1,',
    '[['.repeat(1000),
    '1e999',
    '\ufeff',
    '\0',
  ])
  return json.slice(0, at) + inserted + json.slice(at)
}

/** A checkpoint whose description or tensors were changed. */
function mutatedCheckpoint(random) {
  const { bytes, read } = random.pick(originals)
  if (random.oneIn(3)) return mutatedBytes(random, bytes)
  const info = mutatedJson(random, { ...JSON.parse(read.metadata.nano_gpt), format: 2 })
  const metadata = {
    nano_gpt: textOf(random, info),
    ...(random.oneIn(10) && { checksums: textOf(random, jsonOf(hostile(random))) }),
  }
  let tensors = [...read.tensors.values()]
  if (random.oneIn(10)) tensors = tensors.filter(() => !random.oneIn(8))
  if (random.oneIn(10))
    tensors = tensors.map((tensor) =>
      random.oneIn(8) ? { ...tensor, name: `${tensor.name}${random.pick(strings)}` } : tensor,
    )
  if (random.oneIn(10))
    tensors = tensors.map((tensor) =>
      random.oneIn(8) ? { ...tensor, shape: [...tensor.shape].reverse() } : tensor,
    )
  if (random.oneIn(6))
    for (const tensor of tensors) if (random.oneIn(4)) tensor.data.fill(random.pick(numbers))
  try {
    return encodeSafetensors(tensors, metadata)
  } catch {
    return bytes // a name that cannot be written
  }
}

/** @param work rejects with an error that is checked; its result may be a model */
async function attempt(what, work) {
  const [begun, before] = [performance.now(), process.memoryUsage().rss]
  const ended = (async () => {
    try {
      const result = await work()
      await result?.dispose?.()
      tally(`${what} succeeded`)
    } catch (error) {
      if (!(error instanceof nano.NanoGptError) || error.code === 'internal')
        throw new Error(`${what}: not a NanoGptError`, { cause: error })
      tally(error.code)
      if (/(?!\n)[\p{Cc}\p{Bidi_Control}]/u.test(error.message) || error.message.length > 5000)
        throw new Error(`${what}: ${JSON.stringify(error.message.slice(0, 500))}`)
    }
  })()
  await ended
  const seconds = (performance.now() - begun) / 1000
  // The process may have been waiting for a processor: only much more is a fault.
  if (seconds > 5 * mostSeconds) throw new Error(`${what} took ${seconds} seconds`)
  const bytes = process.memoryUsage().rss - before
  if (bytes > mostMemory) throw new Error(`${what} took ${bytes} bytes`)
}

/** Everything that reads a checkpoint. */
async function readCheckpoint(path) {
  await attempt('load', async () => {
    const model = await nano.load(path, { device })
    try {
      await model.generate({ prompt: 'the', maxTokens: 2, seed: 1 })
      await model.loss('the quick')
    } finally {
      await model.dispose()
    }
  })
  const data = { text }
  for (const origin of ['resume', 'from']) {
    await attempt(`plan with ${origin}`, () => nano.plan({ [origin]: path, data, device }))
    await attempt(`plan with ${origin} and its text`, () => nano.plan({ [origin]: path, device }))
    await attempt(`train with ${origin}`, () => trainIfSmall({ [origin]: path, data, device }))
  }
  await attempt('evaluate', () =>
    nano.evaluate({ model: path, data, device, signal: AbortSignal.timeout(1000) }).catch(ignoreAbort),
  )
}

function ignoreAbort(error) {
  if (!['AbortError', 'TimeoutError'].includes(error.name)) throw error
}

/** Trains a step, unless a mutation made it enormous, which is no fault. */
async function trainIfSmall(options) {
  const { model, training, step } = await nano.plan(options)
  const { batchSize, gradientAccumulationSteps, evalBatches, sampleTokens } = training
  const work =
    batchSize * (gradientAccumulationSteps + evalBatches) * model.blockSize * model.embed * model.layers
  if (work > 1e5 || sampleTokens > 1000) return undefined
  return nano.train({ ...options, steps: step + 1 })
}

/** A run folder of these files, by name and in base64. */
function folderOf(json) {
  const path = join(folder, 'case')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path)
  for (const [name, contents] of Object.entries(JSON.parse(json)))
    writeFileSync(join(path, name), Buffer.from(contents, 'base64'))
  return path
}

const inBase64 = (files) =>
  JSON.stringify(
    Object.fromEntries(Object.entries(files).map(([name, contents]) => [name, contents.toString('base64')])),
  )

const readers = {
  async checkpoint(bytes) {
    // Alone in a folder: a run must not overwrite a checkpoint beside it.
    const path = join(folder, 'case', 'last.safetensors')
    rmSync(join(folder, 'case'), { recursive: true, force: true })
    mkdirSync(join(folder, 'case'))
    writeFileSync(path, bytes)
    await readCheckpoint(join(folder, 'case'))
  },
  /** The files of a folder, by name and in base64. */
  async folder(json) {
    await readCheckpoint(folderOf(json))
  },
  async run(json) {
    const path = folderOf(json)
    await attempt('readRun', async () => {
      const run = await nano.readRun(path)
      const shown = [...linesOf(run, folder), JSON.stringify(compareRuns([run, run]))].join('\n')
      if (/(?!\n)[\p{Cc}\p{Bidi_Control}]/u.test(shown))
        throw new Error(`it is shown as ${JSON.stringify(shown)}`)
    })
    await attempt('resume with a history', () => trainIfSmall({ resume: path, data: { text }, device }))
  },
  async config(bytes) {
    const path = join(folder, 'case.json')
    writeFileSync(path, bytes)
    await attempt('plan with config', () => nano.plan({ config: path, data: { text }, device }))
    await attempt('plan with config and its text', () => nano.plan({ config: path, device }))
    const out = join(folder, 'case')
    rmSync(out, { recursive: true, force: true })
    mkdirSync(out)
    writeFileSync(join(out, 'config.json'), bytes)
    await attempt('plan into the folder', () => nano.plan({ data: { text }, preset: 'bigram', device, out }))
  },
  async text(bytes) {
    const path = join(folder, 'case.txt')
    writeFileSync(path, bytes)
    await attempt('plan with a text', () => nano.plan({ data: path, preset: 'bigram', blockSize: 2, device }))
  },
  async tokenizer(bytes) {
    await attempt('a tokenizer', async () => {
      const tokenizer = nano.CharTokenizer.fromJSON(JSON.parse(bytes))
      tokenizer.decode(tokenizer.encode(tokenizer.decode([0])))
    })
  },
}

const makers = {
  checkpoint: mutatedCheckpoint,
  folder(random) {
    const files = { ...random.pick(foreign) }
    const name = random.pick(['config.json', ...Object.keys(files)])
    const isMutatedAsJson = name.endsWith('.json') && !random.oneIn(4)
    files[name] = isMutatedAsJson
      ? Buffer.from(textOf(random, mutatedJson(random, JSON.parse(files[name]))))
      : mutatedBytes(random, files[name])
    return inBase64(files)
  },
  run(random) {
    const names = ['config.json', 'plan.json', 'metrics.jsonl', 'last.safetensors']
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(history, name))]))
    const [name] = [random.pick(['config.json', 'plan.json', 'metrics.jsonl', 'metrics.jsonl'])]
    if (random.oneIn(3)) files[name] = mutatedBytes(random, files[name])
    else {
      const lines = name.endsWith('l') ? String(files[name]).trimEnd().split('\n') : [String(files[name])]
      const at = random.below(lines.length)
      lines[at] = textOf(random, mutatedJson(random, JSON.parse(lines[at])))
      files[name] = Buffer.from(`${lines.join('\n')}\n`)
    }
    return inBase64(files)
  },
  config(random) {
    const { config } = random.pick(originals)
    if (random.oneIn(4)) return mutatedBytes(random, Buffer.from(config))
    return textOf(random, mutatedJson(random, JSON.parse(config)))
  },
  text(random) {
    const encodings = ['utf8', 'utf16le', 'latin1']
    return mutatedBytes(random, Buffer.from(text.slice(0, 10 + random.below(500)), random.pick(encodings)))
  },
  tokenizer(random) {
    const { metadata } = random.pick(originals).read
    return JSON.stringify(mutatedJson(random, JSON.parse(metadata.nano_gpt).tokenizer))
  },
}

async function round(random) {
  if (!originals) {
    await prepare()
    await readCommitted()
  }
  const kind = random.pick(['checkpoint', 'checkpoint', 'folder', 'run', 'config', 'text', 'tokenizer'])
  const made = makers[kind](random)
  try {
    await readers[kind](made)
  } catch (error) {
    const kept = join(root, 'build', `hostile-${kind}`)
    writeFileSync(kept, made)
    throw new Error(`${error.message} (the file is kept as ${kept})`, { cause: error.cause ?? error })
  }
}

/** Files named after their kind: `checkpoint-layers`. */
async function readCommitted() {
  for (const name of readdirSync(committed))
    await readers[name.split('-')[0]](readFileSync(join(committed, name)))
}

async function end() {
  await (await nano.load(join(fixtures, '0.1.0', 'gpt'), { device })).dispose()
}

module.exports = { round, end }
