// Stage 00: the notebook. A look at the text, how it becomes numbers, what there is to learn, and the smallest model there is.
//
//     text → characters → tokens (whole numbers) → pairs of (context, target) → a table of scores → a loss → text again
//
// Everything up to the training is computed here and now: `tensor`, `embedding`, `crossEntropy` and `sample` are called on
// tensors that hold data, and give data back. From stage 01 on the same functions are recorded and run by the engine.

import { splitTokens } from '../data/split'
import { type Tensor, tensor } from '../graph/tensor'
import { crossEntropy, embedding, sample } from '../ops'
import { course } from '../presets/course'
import { batchOffsets, normalFill, site } from '../random/philox'
import { beginningOf, type Harness, type TrainedStage, type TrainingHarness, trainAndWrite } from './stage'

async function run(harness: TrainingHarness): Promise<void> {
  lookAtTheText(harness)
  const tokens = turnItIntoTokens(harness)
  const { train, validation } = splitTokens(tokens, harness.numbers.blockSize)
  harness.title('Two parts')
  harness.say(`${train.length} tokens to learn from, ${validation.length} to see whether it understood.`)
  contextsAndTargets(harness, train)
  embeddings(harness, train)
  const table = bigramTable(harness)
  lossBeforeTraining(harness, table, train)
  writeUntrained(harness, table)
  harness.title('Training the table')
  await trainAndWrite(harness)
}

function lookAtTheText({ text, textName, title, say, quote }: TrainingHarness): void {
  title('The text')
  say(`It is ${textName}, and it begins`)
  quote('the first 200 characters', beginningOf(text, 200))
}

function turnItIntoTokens({ text, tokenizer, title, say }: TrainingHarness) {
  title('Characters and tokens')
  const all = tokenizer.decode(Array.from({ length: tokenizer.vocabSize }, (_, token) => token))
  say(`${tokenizer.vocabSize} distinct characters, in order: ${JSON.stringify(all)}`)
  say('A token is a character’s place in that list.')
  const word = beginningOf(text, 12)
  const encoded = tokenizer.encode(word)
  say(`encode(${JSON.stringify(word)}) = [${Array.from(encoded).join(', ')}]`)
  say(`decode of that = ${JSON.stringify(tokenizer.decode(encoded))}`)
  const tokens = tokenizer.encode(text)
  say(`The whole text is ${tokens.length} tokens.`)
  return tokens
}

/** A window of T + 1 tokens holds T lessons, one for each length of context. */
function contextsAndTargets(
  { numbers, tokenizer, title, say }: TrainingHarness,
  train: ArrayLike<number>,
): void {
  const { blockSize: T } = numbers
  title('Context and target')
  const window = Array.from(train).slice(0, T + 1)
  for (let t = 0; t < T; t++) {
    const context = window.slice(0, t + 1)
    const target = window[t + 1]
    const words = `${JSON.stringify(tokenizer.decode(context))} is followed by ${JSON.stringify(tokenizer.decode([target]))}`
    say(`[${context.join(', ')}] → ${target}`.padEnd(44) + words)
  }
}

/** A batch is B windows from random places, side by side: tokens [B, T] and their targets, one further on. */
function batch(
  { numbers, seed }: TrainingHarness,
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

/** An embedding is a lookup: a row of numbers for each token. */
function embeddings(harness: TrainingHarness, train: ArrayLike<number>): void {
  const { tokenizer, title, say, show } = harness
  title('A batch, and an embedding table')
  const [inputs, targets] = batch(harness, train, 4)
  say('four windows (tokens [4, 8]):')
  show(inputs)
  say('and what follows each token (targets [4, 8]):')
  show(targets)
  const table = random(harness, [tokenizer.vocabSize, 3], 'notebook.embedding')
  say(
    `A table [${table.shape.join(', ')}] of random numbers gives each token a row of 3; the first window is then [8, 3]:`,
  )
  show(embedding(tensor(Array.from(inputs.data).slice(0, 8), 'i32'), table))
}

/** The table of stage 01, as training will find it: row = this token, column = the score of the next. */
function bigramTable(harness: TrainingHarness): Tensor {
  const { vocabSize: V } = harness.tokenizer
  return random(harness, [V, V], 'tokenEmbedding.weight.init')
}

function random({ seed }: Harness, shape: readonly number[], name: string): Tensor {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1))
  normalFill(values, site(name), seed)
  return tensor(values, 'f32', shape)
}

function lossBeforeTraining(harness: TrainingHarness, table: Tensor, train: ArrayLike<number>): void {
  const { numbers, tokenizer, title, say } = harness
  const V = tokenizer.vocabSize
  title('A bigram table, and its loss before training')
  const [inputs, targets] = batch(harness, train, numbers.batchSize)
  const logits = embedding(inputs, table)
  const loss = crossEntropy(logits, targets).item()
  say(
    `tokens [${inputs.shape.join(', ')}] → logits [${logits.shape.join(', ')}], a score for each next token.`,
  )
  say(`loss: ${loss.toFixed(4)} nats a token. Knowing nothing costs ln ${V} = ${Math.log(V).toFixed(4)};`)
  say('random scores cost more, since they are sure of the wrong things.')
}

function writeUntrained(harness: TrainingHarness, table: Tensor): void {
  const { tokenizer, title, quote } = harness
  title('What it writes before training')
  const [alone] = write(harness, table, 1, 100)
  quote('100 characters', tokenizer.decode(alone))
  const together = write(harness, table, 4, 50)
  quote('4 samples at once', together.map((tokens) => JSON.stringify(tokenizer.decode(tokens))).join('\n'))
}

/** `count` sequences of `length` tokens, all of them a token further with each turn. */
function write({ seed }: Harness, table: Tensor, count: number, length: number): number[][] {
  const how = {
    temperature: tensor(1),
    topK: tensor(0, 'i32'),
    topP: tensor(1, 'f64'),
    minP: tensor(0, 'f64'),
  }
  const written = Array.from({ length: count }, () => [] as number[])
  let tokens = tensor(new Int32Array(count), 'i32', [count]) // all begin after token 0
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
  run,
}
