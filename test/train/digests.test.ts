// Ten runs with known digests of their events, texts and tensors. A change that is not meant to
// affect results must keep these digests. A change that is meant to affect them says so in the
// changelog and runs `UPDATE_DIGESTS=1 npx jest test/train/digests`.

import { createHash, type Hash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TrainEvent, type TrainOptions, train } from '../../lib'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const file = join(__dirname, 'digests.json')
const known: Record<string, Record<string, string>> = JSON.parse(readFileSync(file, 'utf8'))

/** 400 lines of pseudo-random words. */
function verse(): string {
  const words =
    'the a king said to and of my lord thou art not what is in his heart so fair night day light blood'.split(
      ' ',
    )
  let state = 7
  const next = (n: number) => {
    state = (state * 1103515245 + 12345) % 2147483648
    return Math.floor(state / 65536) % n
  }
  const line = () => Array.from({ length: 4 + next(6) }, () => words[next(words.length)]).join(' ')
  return Array.from({ length: 400 }, () => `${line()}.\n`).join('')
}

const text = verse()
const sampling = { sampleInterval: 8, sampleTokens: 20 }
const course = {
  ...{ batchSize: 4, evalBatches: 3, evalInterval: 10, steps: 24 },
  ...{ sampleInterval: 12, sampleTokens: 20 },
}
const small = { ...course, blockSize: 16, embed: 24, heads: 2, layers: 2, ...sampling }

const runs: Record<string, TrainOptions> = {
  bigram: { preset: 'bigram', ...course },
  'single head': { preset: 'single-head', ...course, seed: 3 },
  'multi-head, two micro-batches': { preset: 'multi-head', ...course, gradientAccumulationSteps: 2 },
  blocks: { preset: 'blocks', ...course, seed: 2n ** 63n },
  residual: { preset: 'residual', ...course, gradientClip: 0.5 },
  'decoder with dropout': {
    preset: 'decoder',
    ...small,
    dropout: 0.2,
    gradientClip: 1,
    gradientAccumulationSteps: 2,
  },
  'gpt with variants, muon': {
    ...{ preset: 'gpt', ...small, heads: 4, kvHeads: 2, embed: 32, positions: 'rope', norm: 'rms' },
    ...{ activation: 'swiglu', optimizer: 'muon', schedule: 'wsd', warmup: 4, emaDecay: 0.9, dropout: 0.1 },
  },
  'cpu, sgd': {
    ...{ preset: 'cpu', ...small, optimizer: 'sgd', momentum: 0.8, nesterov: true, schedule: 'cosine' },
    ...{ warmup: 5, learningRate: 0.05, tiedEmbeddings: false },
  },
  'speedrun, resumed': { preset: 'speedrun', ...small, dropout: 0.1, exactEvaluation: true },
  'speedrun, from': { preset: 'speedrun', ...small, qkNorm: true, logitSoftcap: 10 },
}

const add = (hash: Hash, value: unknown) => hash.update(JSON.stringify(value))

function addEvent(hash: Hash, event: TrainEvent): void {
  if (event.type === 'step') {
    event.losses.forEach((loss, i) => {
      add(hash, [event.from + i, loss, event.gradientNorms[i]])
    })
  }
  if (event.type === 'evaluation') {
    const { step, trainLoss, valLoss, exactValLoss = null, best } = event
    add(hash, ['evaluation', step, trainLoss, valLoss, exactValLoss, best])
  }
  if (event.type === 'sample') add(hash, ['sample', event.step, event.text])
}

/** Adds the tensors of a safetensors file, sorted by name. */
function addTensors(hash: Hash, path: string): void {
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length))
  for (const name of Object.keys(header).sort()) {
    if (name === '__metadata__') continue
    const [from, to] = header[name].data_offsets
    hash.update(name).update(bytes.subarray(8 + length + from, 8 + length + to))
  }
}

async function digestOf(name: string, machine: TrainOptions): Promise<string> {
  const hash = createHash('sha256')
  const follow = async (options: TrainOptions) => {
    const run = train({ ...options, ...machine })
    for await (const event of run) addEvent(hash, event)
    return run
  }
  const out = folder.path(`${name} ${JSON.stringify(machine)}`.replace(/\W+/g, '-'))
  const options = { ...runs[name], data: { text }, out }
  const resumes = name.endsWith('resumed')
  let model = await follow(resumes ? { ...options, steps: 12 } : options)
  let last = out
  if (resumes) {
    await model.dispose()
    model = await follow({ resume: out, data: { text }, steps: 24, ...sampling, exactEvaluation: true })
  }
  if (name.endsWith('from')) {
    await model.dispose()
    last = `${out}-from`
    model = await follow({ from: out, data: { text }, steps: 12, seed: 11, out: last })
  }
  const completions = await model.complete({
    ...{ prompt: ['the ', 'king'], n: 2, maxTokens: 24, temperature: 0.75, topK: 5, minP: 0.03125 },
    ...{ repetitionPenalty: 1.25, seed: 5, stop: ['.\n'] },
  })
  add(
    hash,
    completions.map(({ text, tokens, logProbabilities, finish }) => [text, tokens, logProbabilities, finish]),
  )
  add(hash, await model.loss(text.slice(0, 300)))
  await model.dispose()
  addTensors(hash, join(last, 'last.safetensors'))
  return hash.digest('hex').slice(0, 32)
}

const machines: Record<string, TrainOptions> = {
  js: { device: 'js' },
  portable: { device: 'cpu', instructionSet: 'portable' },
}

describe.each(Object.keys(machines))('%s', (machine) => {
  test.each(Object.keys(runs))('%s', async (name) => {
    const digest = await digestOf(name, machines[machine])
    if (process.env.UPDATE_DIGESTS) {
      known[machine][name] = digest
      writeFileSync(file, `${JSON.stringify(known, null, 2)}\n`)
    }
    expect(digest).toBe(known[machine][name])
  })
})
