// Fuzzes what users and their files can reach, in child processes: the addon's functions and the
// readers of files. Fails if a child crashes, hangs, or ends with an error that is not expected.
//   node scripts/ci/hostile/main.js [TARGET [FILE]]
// TARGET: addon or files (default: both). FILE repeats the rounds of a failure.
//   SECONDS_TO_FUZZ     the duration (default: 20)
//   CALLS=FILE          starts from this file's inputs of the addon too, and writes there the shortest
//                       ones that reach all code reached; test/fixtures/calls.gz is such a file,
//                       compressed
//   SANITIZERS=LIBRARY  uses the addon in build/fuzz, and loads this library before it (see hostile.sh).
//                       Inputs that reach new code are then kept and mutated further

const { spawn, spawnSync } = require('node:child_process')
const { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { gunzipSync } = require('node:zlib')

const root = join(__dirname, '..', '..', '..')
/** A child is replaced after this time, so that its memory is new. */
const secondsPerChild = { addon: 600, files: 20 }
/** The longest round: it may read a tensor as large as the memory. */
const secondsPerRound = { addon: 60, files: 240 }
/** A crash may have been caused some rounds before it. */
const roundsToRepeat = 1000

const [only, fileToRepeat] = process.argv.slice(2)
const targets = only ? [only] : ['addon', 'files']
const { SECONDS_TO_FUZZ = '20', CALLS, SANITIZERS } = process.env
const work = mkdtempSync(join(tmpdir(), 'nano-gpt-hostile-'))
process.on('exit', () => rmSync(work, { recursive: true, force: true }))

const writeLines = (file, lines) => writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
const linesOf = (text) => text.split('\n').filter(Boolean)
const environments = {
  files: process.env,
  addon: {
    ...process.env,
    PROGRAMS: join(work, 'programs'),
    ...(SANITIZERS && { LD_PRELOAD: SANITIZERS, NANO_GPT_PREBUILD: join(root, 'build', 'fuzz') }),
  },
}

class Failure extends Error {
  constructor(message, rounds) {
    super(message)
    this.rounds = rounds
  }
}

/**
 * Runs the inputs, and then others for some seconds, in a child.
 *
 * @returns the number of rounds, the inputs worth keeping, and what was reached, in words
 * @throws Failure with the inputs that led to it
 */
function runChild(target, seed, seconds, inputs) {
  const file = join(work, target)
  writeLines(file, inputs)
  return new Promise((resolve, reject) => {
    const list = ['--expose-gc', join(__dirname, 'child.js'), target, seed, String(seconds), file]
    const child = spawn(process.execPath, list, {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: environments[target],
    })
    let [rounds, hangs, ended, timer, rest, reached] = [0, false, false, undefined, '', '']
    const [last, kept] = [[], []]
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        hangs = true
        child.kill('SIGKILL')
      }, secondsPerRound[target] * 1000)
    }
    wait()
    child.stdio[3].on('data', (bytes) => {
      const lines = (rest + bytes).split('\n')
      rest = lines.pop()
      for (const line of lines) {
        const [word, input] = line.split(' ')
        if (word === 'run') {
          rounds++
          last.push(input)
        } else if (word === 'new') kept.push(input)
        else if (word === 'end') ended = true
        else reached = line
      }
      last.splice(0, last.length - roundsToRepeat)
      wait()
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0 && ended) return resolve({ rounds, kept, reached })
      const how = hangs
        ? `made no progress for ${secondsPerRound[target]} s`
        : signal
          ? `died of ${signal}`
          : `ended with ${code}`
      reject(new Failure(`${target} ${how}`, last))
    })
  })
}

/** Keeps the rounds of a failure in a file: only the last, if that fails alone. */
async function report(target, failure) {
  let { rounds } = failure
  if (!fileToRepeat && rounds.length > 1) {
    console.error(`${failure.message}; running the last round alone …`)
    const alone = await runChild(target, '', 0, rounds.slice(-1)).catch((error) => error)
    if (alone instanceof Failure) rounds = rounds.slice(-1)
  }
  if (fileToRepeat) return failure.message
  const file = join('build', `hostile-${target}-rounds`)
  mkdirSync(join(root, 'build'), { recursive: true })
  writeLines(join(root, file), rounds)
  return `${failure.message}. Repeat it with: npm run test:hostile -- ${target} ${file}`
}

/** Inputs for the first child. */
function inputsOf(target) {
  if (fileToRepeat) return linesOf(readFileSync(fileToRepeat, 'utf8'))
  if (target !== 'addon') return []
  const committed = gunzipSync(readFileSync(join(root, 'test', 'fixtures', 'calls.gz')))
  const own = CALLS && existsSync(CALLS) ? readFileSync(CALLS, 'utf8') : ''
  return linesOf(`${committed}\n${own}`)
}

/** Fuzzes a target for some seconds. Returns what happened, in words. */
async function fuzz(target, seconds) {
  let inputs = inputsOf(target)
  let [rounds, reached] = [0, '']
  const until = Date.now() + 1000 * seconds
  // A fixed seed first, so that a change that breaks something is found at once; then new ones.
  for (let turn = 0; turn === 0 || (Date.now() < until && !fileToRepeat); turn++) {
    const seed = turn === 0 ? 'first' : `${until}-${turn}`
    const share = fileToRepeat ? 0 : Math.min(secondsPerChild[target], (until - Date.now()) / 1000)
    const result = await runChild(target, seed, Math.max(share, 0), inputs)
    rounds += result.rounds
    reached = result.reached
    // The shortest first: a longer one is kept only if it reaches more.
    inputs = result.kept.sort((a, b) => a.length - b.length)
    if (target === 'addon' && CALLS) writeLines(CALLS, inputs)
  }
  if (target === 'addon' && CALLS) writeLines(CALLS, (await runChild(target, '', 0, inputs)).kept)
  return `${target}: ${rounds} rounds${inputs.length > 0 ? `, ${inputs.length} kept, edges ${reached}` : ''}`
}

async function main() {
  mkdirSync(environments.addon.PROGRAMS)
  const seeds = [join(__dirname, '..', 'seed_programs.js'), environments.addon.PROGRAMS]
  const { status, stderr } = spawnSync(process.execPath, seeds)
  if (status !== 0) throw new Error(String(stderr))
  for (const target of targets) {
    try {
      console.log(await fuzz(target, Number(SECONDS_TO_FUZZ) / targets.length))
    } catch (error) {
      throw error instanceof Failure ? new Error(await report(target, error)) : error
    }
  }
}

main().catch(({ message }) => {
  console.error(message)
  process.exitCode = 1
})
