// Fuzzes what users and their files can reach, in child processes: the addon's functions and the
// readers of files. Fails if a child crashes, hangs, or ends with an error that is not expected.
//   node scripts/ci/hostile/main.js [TARGET [SEED ROUND]]
// TARGET: addon or files (default: both). SECONDS_TO_FUZZ sets the duration (default: 20). With a
// SEED and a ROUND, as a failure prints them, it repeats that round, and the rounds before it, on
// which its state depends. rounds.json has rounds that failed once.

const { spawn } = require('node:child_process')
const { join } = require('node:path')
const corpus = require('./rounds.json')

/** A child is replaced after this time, so that its memory and its sessions are new. */
const secondsPerChild = 20
/** The longest time between two rounds: a round may read a tensor as large as the memory. */
const secondsPerRound = 240

const [only, seedToRepeat, roundToRepeat] = process.argv.slice(2)
const targets = only ? [only] : ['addon', 'files']

/** Runs rounds of a target in a child. Throws if it fails. */
function runChild(target, seed, seconds, rounds = '') {
  return new Promise((resolve, reject) => {
    const list = [
      join(__dirname, 'child.js'),
      target,
      seed,
      '0',
      String(seconds),
      ...(rounds ? [String(rounds)] : []),
    ]
    const child = spawn(process.execPath, ['--expose-gc', ...list], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    })
    let [last, hangs, timer] = ['0', false, undefined]
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        hangs = true
        child.kill('SIGKILL')
      }, secondsPerRound * 1000)
    }
    wait()
    let written = ''
    child.stdio[3].on('data', (bytes) => {
      written = (written + bytes).slice(-100)
      const lines = written.trimEnd().split('\n')
      last = lines.findLast((line) => /^\d+$/.test(line)) ?? last
      wait()
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0 && written.endsWith('end\n')) return resolve(Number(last) + 1)
      const how = hangs
        ? `made no progress for ${secondsPerRound} s`
        : signal
          ? `died of ${signal}`
          : `ended with ${code}`
      reject(
        new Error(
          `${target} ${how}. Repeat it with: node scripts/ci/hostile/main.js ${target} ${seed} ${last}`,
        ),
      )
    })
  })
}

async function main() {
  if (seedToRepeat !== undefined) {
    await runChild(only, seedToRepeat, 3600, Number(roundToRepeat) + 1)
    return
  }
  for (const { target, seed, round } of corpus)
    if (targets.includes(target)) await runChild(target, seed, 3600, round + 1)
  const seconds = Number(process.env.SECONDS_TO_FUZZ ?? 20)
  const counts = Object.fromEntries(targets.map((target) => [target, 0]))
  const began = Date.now()
  // A fixed seed first, so that a change that breaks something is found at once; then new ones.
  for (let turn = 0; turn === 0 || Date.now() - began < seconds * 1000; turn++) {
    for (const target of targets) {
      const seed = turn === 0 ? 'first' : `${began}-${turn}`
      const left = seconds - (Date.now() - began) / 1000
      const share = Math.min(
        secondsPerChild,
        turn === 0 ? seconds / 2 / targets.length : left / targets.length,
      )
      counts[target] += await runChild(target, seed, Math.max(1, share))
    }
  }
  console.log(targets.map((target) => `${target}: ${counts[target]} rounds`).join(', '))
}

main().catch(({ message }) => {
  console.error(message)
  process.exitCode = 1
})
