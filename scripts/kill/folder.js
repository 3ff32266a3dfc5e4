// Checks the folder of a run that was interrupted, and compares that of a finished run.

const { createHash } = require('node:crypto')
const { existsSync, readdirSync, readFileSync } = require('node:fs')
const { join } = require('node:path')

const lib = (file) => require(join(__dirname, '..', '..', 'dist', file))
const { readCheckpoint } = lib('checkpoint/checkpoint.js')
const { stepOf } = lib('checkpoint/folder.js')
const { isOfRunFolder } = lib('train/run_folder.js')

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
  await checkFinished(folder, options, problem)
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

module.exports = { checkFinished, compareFolders, leftoversIn, readFolder }
