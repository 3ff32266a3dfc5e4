// Checks the folder of a run that was interrupted, and compares that of a finished run.

const { createHash } = require('node:crypto')
const { existsSync, readdirSync, readFileSync } = require('node:fs')
const { join } = require('node:path')

const lib = (file) => require(join(__dirname, '..', '..', 'dist', file))
const { readCheckpoint } = lib('checkpoint/checkpoint.js')
const { stepOf } = lib('checkpoint/folder.js')
const { isOfRunFolder } = lib('history/folder.js')
const { readRun } = lib('history/read.js')

const bytesOf = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)

/** A digest of every byte of every tensor. */
function digestOf({ tensors }) {
  const hash = createHash('sha256')
  for (const [name, { shape, dtype, data }] of tensors) {
    hash.update(`${name} ${dtype} ${shape}\n`).update(bytesOf(data))
  }
  return hash.digest('hex')
}

/** The names of temporary files. */
function leftoversIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => /\.[0-9a-f]{12}\.tmp$/.test(name))
}

/**
 * Reads a run folder. Every file must be one that a run writes, every checkpoint must be whole, and
 * its tensors must be those that its step has in every other checkpoint.
 *
 * @param digests step → digest of the tensors; extended
 * @param problem called with each difference
 * @returns checkpoints by name: their `info`, or undefined
 */
async function readFolder(folder, { text, digests }, problem) {
  const found = {}
  const names = existsSync(folder) ? readdirSync(folder) : []
  for (const name of names) {
    // The lock of a process that was killed.
    if (/^\.lock(\.[0-9a-f]{12})?$/.test(name)) continue
    const final = /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1]
    if (!isOfRunFolder(final ?? name)) problem(`the folder contains ${name}`)
    if (final !== undefined) continue
    const path = join(folder, name)
    if (name === 'text.txt' && readFileSync(path, 'utf8') !== text) problem('text.txt is not the text')
    if (name === 'config.json') JSON.parse(readFileSync(path, 'utf8'))
    if (!name.endsWith('.safetensors')) continue
    try {
      const checkpoint = await readCheckpoint(path)
      const { info } = checkpoint
      const digest = digestOf(checkpoint)
      digests[info.step] ??= digest
      if (digests[info.step] !== digest) problem(`${name}: the tensors of step ${info.step} differ`)
      if (name === 'best.safetensors' && info.best?.step !== info.step)
        problem(`best.safetensors is of step ${info.step}, but names ${info.best?.step} as the best`)
      if ((stepOf(name) ?? info.step) !== info.step) problem(`${name} is of step ${info.step}`)
      found[name] = info
    } catch (error) {
      problem(`${name} cannot be read: ${error.message}`)
    }
  }
  return found
}

/** Compares the folder of a finished run with that of the run that was never interrupted. */
async function compareFolders(folder, reference, { options }, problem) {
  const paths = (name) => [folder, reference].map((each) => join(each, name))
  for (const name of ['last.safetensors', 'best.safetensors']) {
    const [is, wanted] = await Promise.all(paths(name).map((path) => readCheckpoint(path)))
    const tensors = new Set([...is.tensors.keys(), ...wanted.tensors.keys()])
    for (const each of tensors) {
      const [a, b] = [is, wanted].map(({ tensors }) => tensors.get(each))
      if (!a || !b || !bytesOf(a.data).equals(bytesOf(b.data))) problem(`${name}: ${each} differs`)
    }
    for (const field of ['step', 'best', 'training', 'model', 'data', 'seed', 'tokenizer']) {
      const [a, b] = [is, wanted].map(({ info }) => JSON.stringify(info[field]))
      if (a !== b) problem(`${name}: ${field} is ${a}, not ${b}`)
    }
  }
  // The best one can differ in `done`: a stop between the evaluation and the sample saves it too.
  for (const name of ['last.safetensors', 'config.json']) {
    const [is, wanted] = paths(name).map((path) => readFileSync(path))
    if (!is.equals(wanted)) problem(`the bytes of ${name} differ`)
  }
  const [is, wanted] = await Promise.all([folder, reference].map((each) => readRun(each)))
  for (const part of ['steps', 'evaluations', 'samples', 'warnings']) {
    const [a, b] = [is, wanted].map(({ history }) => JSON.stringify(history[part].map(withoutTimes)))
    if (a !== b) problem(`the ${part} of the history differ: ${firstDifference(a, b)}`)
  }
  if (is.state !== 'finished') problem(`the run is ${is.state}`)
  await checkFinished(folder, options, problem)
}

const withoutTimes = ({ seconds: _, tokensPerSecond: __, ...record }) => record

/** The surroundings of the first character that differs. */
function firstDifference(a, b) {
  const at = [...a].findIndex((character, i) => character !== b[i])
  return [a, b].map((text) => text.slice(Math.max(0, at - 60), at + 60)).join(' instead of ')
}

/**
 * Checks the history of a run that was interrupted: it has no gaps, and the losses of the uninterrupted
 * run.
 *
 * @param losses of the uninterrupted run, by step
 * @param step up to which the history must reach at least
 */
async function checkHistory(folder, { losses, given }, step, problem) {
  const { history, notices, state } = await readRun(folder)
  if (notices.length > 0) problem(`the history: ${notices.join('; ')}`)
  if (state === 'running') problem('the run is said to be running')
  let [reached, seconds] = [0, 0]
  for (const record of history.steps) {
    if (record.from !== reached) problem(`the history has a gap from step ${reached} to ${record.from}`)
    if (record.seconds < seconds) problem(`the time goes back at step ${record.to}`)
    const found = losses.slice(record.from, record.to)
    const mean = found.reduce((sum, loss) => sum + loss, 0) / found.length
    if (record.loss !== mean) problem(`the loss from step ${record.from} on is ${record.loss}, not ${mean}`)
    reached = record.to
    seconds = record.seconds
  }
  if (reached < step) problem(`the history ends at step ${reached}, but step ${step} is saved`)
  const steps = history.evaluations.map((each) => each.step)
  const due = Array.from({ length: step }, (_, i) => i).filter((i) => i % given.evalInterval === 0)
  const missing = due.find((each) => !steps.includes(each))
  if (missing !== undefined) problem(`the history lacks the evaluation of step ${missing}`)
}

/** Checks the folder of a finished run by itself. */
async function checkFinished(folder, { steps, sampleInterval, keepCheckpoints }, problem) {
  const { info } = await readCheckpoint(join(folder, 'last.safetensors'))
  const done = { evaluation: steps, sample: sampleInterval > 0 ? steps : null }
  if (info.step !== steps) problem(`the run ended after step ${info.step}, not ${steps}`)
  if (JSON.stringify(info.done) !== JSON.stringify(done))
    problem(`the last checkpoint has done ${JSON.stringify(info.done)}, not ${JSON.stringify(done)}`)
  const names = readdirSync(folder)
  const earlier = names.filter((name) => stepOf(name) !== undefined)
  if (earlier.length > keepCheckpoints - 1) problem(`${earlier.length} earlier checkpoints are kept`)
  if (leftoversIn(folder).length > 0) problem('a finished run left temporary files')
}

module.exports = { checkFinished, checkHistory, compareFolders, leftoversIn, readFolder }
