// Stage 00: the notebook. How text becomes tokens, what a model learns from them, and the smallest
// possible model.
//
//     text → characters → tokens (integers) → pairs of (context, target)
//          → a table of scores → a loss → text again
//
// Everything before the training is computed eagerly: `tensor`, `embedding`, `crossEntropy` and
// `sample` are called on tensors that hold data, and return data. From stage 01 on, the same
// functions are recorded, and the engine runs the recording.

import { splitTokens } from '../data/split'
import { type Tensor, tensor } from '../graph/tensor'
import { crossEntropy, embedding, sample } from '../ops'
import { course } from '../presets/course'
import { batchOffsets, normalFill, site } from '../random/philox'
import {
  beginningOf,
  type Harness,
  type LookingHarness,
  type TrainedStage,
  type TrainingHarness,
  trainAndWrite,
} from './stage'

function look(harness: LookingHarness): void {
  lookAtTheText(harness)
  const tokens = turnItIntoTokens(harness)
  const { train, validation } = splitTokens(tokens, harness.numbers.blockSize)
  harness.title('Training and validation splits')
  harness.say(`${train.length} tokens for training, ${validation.length} for validation.`)
  contextsAndTargets(harness, train)
  embeddings(harness, train)
  const table = bigramTable(harness)
  lossBeforeTraining(harness, table, train)
  writeUntrained(harness, table)
}

async function run(harness: TrainingHarness): Promise<void> {
  harness.title('Training the table')
  await trainAndWrite(harness)
}

function lookAtTheText({ text, textName, title, say, quote }: LookingHarness): void {
  title('The text')
  say(`The text is ${textName}. It begins:`)
  quote('the first 200 characters', beginningOf(text, 200))
}

function turnItIntoTokens({ text, tokenizer, title, say }: LookingHarness) {
  title('Characters and tokens')
  const all = tokenizer.decode(Array.from({ length: tokenizer.vocabSize }, (_, token) => token))
  say(`${tokenizer.vocabSize} distinct characters, in order: ${JSON.stringify(all)}`)
  say('A token is the index of a character in this list.')
  const word = beginningOf(text, 12)
  const encoded = tokenizer.encode(word)
  const list = `[${Array.from(encoded).join(', ')}]`
  say(`encode(${JSON.stringify(word)}) = ${list}`)
  say(`decode(${list}) = ${JSON.stringify(tokenizer.decode(encoded))}`)
  const tokens = tokenizer.encode(text)
  say(`The whole text has ${tokens.length} tokens.`)
  return tokens
}

/** A window of T + 1 tokens contains T training examples, one for each context length. */
function contextsAndTargets(
  { numbers, tokenizer, title, say }: LookingHarness,
  train: ArrayLike<number>,
): void {
  const { blockSize: T } = numbers
  title('Contexts and targets')
  const window = Array.from(train).slice(0, T + 1)
  for (let t = 0; t < T; t++) {
    const context = window.slice(0, t + 1)
    const target = window[t + 1]
    const words = `${JSON.stringify(tokenizer.decode(context))} is followed by ${JSON.stringify(tokenizer.decode([target]))}`
    say(`[${context.join(', ')}] → ${target}`.padEnd(44) + words)
  }
}

/** A batch is B windows from random offsets: tokens [B, T], and their targets, shifted by one. */
function batch(
  { numbers, seed }: LookingHarness,
  train: ArrayLike<number>,
  batchSize: number,
): [Tensor, Tensor] {
  const { blockSize: T } = numbers
  const offsets = new Uint32Array(batchSize)
  batchOffsets(offsets, train.length, T, site('batch'), 0, seed)
  const windows = Array.from(offsets, (offset) => Array.from({ length: T + 1 }, (_, t) => train[offset + t]))
  const inputs = windows.map((window) => window.slice(0, -1))
  const targets = windows.map((window) => window.slice(1))
  return [tensor(inputs, 'i32'), tensor(targets, 'i32')]
}

/** An embedding looks up a row of numbers for each token. */
function embeddings(harness: LookingHarness, train: ArrayLike<number>): void {
  const { tokenizer, title, say, show } = harness
  title('A batch and an embedding table')
  const [inputs, targets] = batch(harness, train, 4)
  say('Four windows of 8 tokens, [4, 8]:')
  show(inputs)
  say('Their targets, the token that follows each of them, [4, 8]:')
  show(targets)
  const table = random(harness, [tokenizer.vocabSize, 3], 'notebook.embedding')
  say(
    `A random table [${table.shape.join(', ')}] gives each token a row of 3 numbers. The first window becomes [8, 3]:`,
  )
  show(embedding(tensor(Array.from(inputs.data).slice(0, 8), 'i32'), table))
}

/**
 * The table of stage 01, with its initial values. Row: the current token; column: the score of the
 * next.
 */
function bigramTable(harness: LookingHarness): Tensor {
  const { vocabSize: V } = harness.tokenizer
  return random(harness, [V, V], 'tokenEmbedding.weight.init')
}

function random({ seed }: Harness, shape: readonly number[], name: string): Tensor {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
  normalFill(values, site(name), seed)
  return tensor(values, 'f32', shape)
}

function lossBeforeTraining(harness: LookingHarness, table: Tensor, train: ArrayLike<number>): void {
  const { numbers, tokenizer, title, say } = harness
  const V = tokenizer.vocabSize
  title('A bigram table and its loss before training')
  const [inputs, targets] = batch(harness, train, numbers.batchSize)
  const logits = embedding(inputs, table)
  const loss = crossEntropy(logits, targets).item()
  say(
    `tokens [${inputs.shape.join(', ')}] → logits [${logits.shape.join(', ')}], a score for each possible next token.`,
  )
  say(`loss: ${loss.toFixed(4)} nats per token. A uniform guess costs ln ${V} = ${Math.log(V).toFixed(4)}.`)
  say('Random scores cost more, because they are confident about the wrong tokens.')
}

function writeUntrained(harness: LookingHarness, table: Tensor): void {
  const { tokenizer, title, quote } = harness
  title('Text generated before training')
  const [alone] = write(harness, table, 1, 100)
  quote('100 characters', tokenizer.decode(alone))
  const together = write(harness, table, 4, 50)
  quote('4 samples at once', together.map((tokens) => JSON.stringify(tokenizer.decode(tokens))).join('\n'))
}

/** `count` sequences of `length` tokens. Each iteration adds one token to every sequence. */
function write({ seed }: Harness, table: Tensor, count: number, length: number): number[][] {
  const how = {
    temperature: tensor(1),
    topK: tensor(0, 'i32'),
    topP: tensor(1, 'f64'),
    minP: tensor(0, 'f64'),
  }
  const written = Array.from({ length: count }, () => [] as number[])
  let tokens = tensor(new Int32Array(count), 'i32', [count]) // all start from token 0
  for (let turn = 0; turn < length; turn++) {
    const logits = embedding(tokens, table) // [count, V]
    const keys = written.flatMap((_, i) => [seed.low, seed.high, turn * count + i])
    const rng = tensor(keys, 'u32', [count, 3])
    tokens = sample(logits, { ...how, rng }, site(`notebook.sample.${count}`)).token // [count]
    written.forEach((sequence, i) => {
      sequence.push(tokens.data[i])
    })
  }
  return written
}

export const notebook: TrainedStage = {
  ...course.notebook,
  name: 'notebook',
  look,
  run,
}
