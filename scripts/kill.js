// npm run test:kill: runs that are killed at random instants and resumed end with the same bits as
// runs that were never interrupted, and lose nothing that they reported as saved.
//
//   npm run test:kill -- [--kills 1000] [--seed N] [--round N] [--jobs 2] [--only CONFIGURATION]
//                        [--folder FOLDER] [--keep]
//
// A round trains one of the tiny runs of scripts/kill/configurations.js in child processes. Each is
// interrupted: by SIGKILL at a random time, at an event, or before, during or after an operation on
// files, with or without a power loss (scripts/kill/files.js); by run.stop() or a signal of `train()`; by
// process.exit(), an exception or worker.terminate(); or, through the command line, by SIGINT, SIGTERM or
// SIGHUP. The next process resumes, until the run
// ends. After every interruption the folder is read, and every event is compared with those of the
// uninterrupted run.
//
// All random choices come from --seed and the number of the round: --seed N --round M repeats a round,
// except for the exact instants of kills from outside.

const { spawn } = require('node:child_process')
const { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { parseArgs } = require('node:util')
const { configurations, text } = require('./kill/configurations')
const { checkFinished, checkHistory, compareFolders, leftoversIn, readFolder } = require('./kill/folder')
const { Random } = require('./kill/random')

const childFile = join(__dirname, 'kill', 'child.js')
const commandFile = join(__dirname, '..', 'dist', 'cli', 'main.js')
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

/** A process takes this long at most; it is then killed, which is a difference. */
const longest = 120_000
/** A round with more processes ends without further interruptions. */
const mostProcesses = 60

function readOptions() {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '1000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
      round: { type: 'string' },
      jobs: { type: 'string', default: '2' },
      only: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
      keep: { type: 'boolean', default: false },
    },
  })
  const names = values.only ? values.only.split(',') : Object.keys(configurations)
  const unknown = names.find((name) => !configurations[name])
  if (unknown !== undefined) {
    throw new Error(`unknown configuration ${unknown}; there are ${Object.keys(configurations).join(', ')}`)
  }
  return { ...values, names, kills: Number(values.kills), jobs: Number(values.jobs) }
}

/**
 * Runs a process to its end.
 *
 * @param outside interruptions from outside: { signals, from: 'spawn' | 'start', wait }
 * @returns its events, how it ended, and which signals it got
 */
function start(args, outside) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr, timer] = ['', '', undefined]
    const sent = []
    const interrupt = () => {
      for (const signal of outside.signals) if (child.kill(signal)) sent.push(signal)
    }
    const schedule = () => {
      timer ??= setTimeout(interrupt, outside.wait)
    }
    if (outside?.from === 'spawn') schedule()
    let isLate = false
    const guard = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, longest)
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      stdout += chunk
      if (outside?.from === 'start' && stdout.includes('{"type":"start"')) schedule()
    })
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      clearTimeout(guard)
      const lines = stdout.split('\n')
      // A killed process may have written a part of its last line.
      lines.pop()
      resolve({ events: lines.map((line) => JSON.parse(line)), code, signal, stderr, sent, isLate })
    })
  })
}

/** A configuration and what is known of its uninterrupted run. */
class Reference {
  constructor(name, work) {
    const { options, textIn } = configurations[name]
    this.name = name
    this.options = options
    this.text = text
    this.folder = join(work, `${name}-uninterrupted`)
    this.textFile = join(work, 'text.txt')
    this.data = textIn === 'file' ? this.textFile : { text }
    /** Step → digest of the tensors in every checkpoint of that step. */
    this.digests = {}
    this.losses = []
    this.norms = []
    this.evaluations = {}
    this.samples = {}
    this.problems = []
  }

  get given() {
    return { ...this.options, data: this.data }
  }

  async run(work) {
    const begun = performance.now()
    const options = { ...this.given, out: this.folder, threads: 2 }
    const spare = join(work, 'spare')
    const ended = await start([childFile, JSON.stringify({ options, spare })])
    this.milliseconds = performance.now() - begun
    const problem = (what) => this.problems.push(`${this.name}, uninterrupted: ${what}`)
    if (ended.code !== 0) {
      problem(`ended with ${ended.code ?? ended.signal}: ${ended.stderr}`)
      return
    }
    for (const event of ended.events) {
      if (event.type === 'step') {
        if (event.from !== this.losses.length) problem(`steps from ${event.from} are reported too early`)
        this.losses.push(...event.losses)
        this.norms.push(...event.gradientNorms)
      }
      if (event.type === 'evaluation') this.evaluations[event.step] = resultOf(event)
      if (event.type === 'sample') this.samples[event.step] = resultOf(event)
      if (event.type === 'operations') this.operations = event.count
    }
    const { steps, evalInterval, sampleInterval } = this.options
    const due = (interval) =>
      Array.from({ length: steps + 1 }, (_, step) => step).filter(
        (step) => interval > 0 && (step % interval === 0 || step === steps),
      )
    if (this.losses.length !== steps) problem(`${this.losses.length} losses, not ${steps}`)
    if (String(Object.keys(this.evaluations)) !== String(due(evalInterval)))
      problem(`evaluations at ${Object.keys(this.evaluations)}`)
    if (String(Object.keys(this.samples)) !== String(due(sampleInterval)))
      problem(`samples at ${Object.keys(this.samples)}`)
    await readFolder(this.folder, this, problem)
    await checkFinished(this.folder, this.options, problem)
  }
}

/**
 * The checkpoint that `resume` continues. Without hard links, the former last.safetensors has another
 * name for a moment.
 */
function newestOf(found) {
  const { 'last.safetensors': last, 'best.safetensors': best, ...earlier } = found
  return last ?? Object.values(earlier).sort((a, b) => b.step - a.step)[0] ?? best
}

/** The fields of an event that must be the same in every run. */
function resultOf({ seconds: _, ...result }) {
  return JSON.stringify(result)
}

/** One run, from its start to its end, in as many processes as its interruptions need. */
class Round {
  constructor(number, seed, reference, work, count) {
    this.name = `round ${number} (${reference.name})`
    this.random = new Random(`${seed} ${number}`)
    this.reference = reference
    this.out = join(work, `round-${number}`)
    this.spare = join(work, `round-${number}-spare`)
    this.count = count
    this.problems = []
    /** What was seen in any process. */
    this.seen = { steps: new Set(), evaluations: new Set(), samples: new Set() }
    /** The newest steps that were reported as saved. */
    this.reported = { last: -1, best: -1 }
    /** Evaluations and samples that are in a checkpoint, so that they must not be repeated. */
    this.stored = { evaluation: new Set(), sample: new Set() }
    /** Temporary files that the next process that starts must remove. */
    this.leftovers = []
    this.history = []
  }

  problem(what) {
    this.problems.push(`${this.name}, process ${this.history.length}: ${what}`)
  }

  async run(mayInterrupt) {
    // Some runs replace another one.
    this.replaces = this.random.chance(0.15)
    // And some are on a file system without hard links.
    this.hasLinks = this.random.chance(0.85)
    if (this.replaces) cpSync(this.reference.folder, this.out, { recursive: true })
    for (let isOver = false; !isOver && this.problems.length === 0; ) {
      const interrupts = mayInterrupt() && this.history.length < mostProcesses
      isOver = await this.process(interrupts)
    }
    if (this.problems.length > 0) return
    const { losses, evaluations, samples, options } = this.reference
    const missing = (what, seen, wanted) => {
      for (const step of wanted) if (!seen.has(Number(step))) this.problem(`no ${what} of step ${step}`)
    }
    missing('loss', this.seen.steps, losses.keys())
    missing('evaluation', this.seen.evaluations, Object.keys(evaluations))
    missing('sample', this.seen.samples, Object.keys(samples))
    await compareFolders(this.out, this.reference.folder, { options }, (what) => this.problem(what))
  }

  /**
   * Chooses how the next process is interrupted.
   *
   * @param isNew whether there is no checkpoint yet. Half of these processes end while they make the
   *   folder
   */
  choose(isNew) {
    const { random, reference } = this
    const makes = isNew && random.chance(0.5)
    const how = makes ? 'operation' : random.weighted(hows)
    const part = reference.milliseconds / 5
    const outside = () => {
      const from = random.chance(0.2) ? 'spawn' : 'start'
      return { from, wait: Math.floor(random.unit() * (from === 'spawn' ? 400 : part)) }
    }
    if (how === 'time') return { how, outside: { ...outside(), signals: ['SIGKILL'] } }
    if (how === 'command') {
      const signal = random.weighted({ SIGINT: 3, SIGTERM: 3, SIGHUP: 3, SIGKILL: 2 })
      const twice = random.chance(0.2)
      return { how, outside: { ...outside(), signals: twice ? [signal, signal] : [signal] } }
    }
    if (how === 'operation') {
      const most = makes ? 18 : random.chance(0.2) ? 30 : Math.floor(reference.operations / 4)
      const nth = random.whole(1, most)
      const when = random.pick(['before', 'during', 'after'])
      return { how, nth, when, powerLoss: random.chance(0.5), seed: `${random.seed} ${random.draws}` }
    }
    const type = random.weighted({ call: ['stop', 'abort'].includes(how) ? 1 : 0, step: 3, ...eventWeights })
    const wait = random.pick([null, 0, random.whole(1, 4)])
    return { how, type, nth: type === 'call' ? 1 : random.whole(1, 5), wait }
  }

  /**
   * Starts or resumes the run in a process, and checks it.
   *
   * @param interrupts whether to interrupt the process
   * @returns whether the run is over
   */
  async process(interrupts) {
    const { random, reference, out } = this
    const before = this.replaces ? {} : await this.read()
    const newest = newestOf(before)
    const end = interrupts ? this.choose(newest === undefined) : { how: 'none' }
    const threads = random.whole(1, 3)
    const beginning = newest
      ? { resume: out, threads, device: 'cpu' }
      : { ...reference.given, out, threads, ...(this.replaces && { overwrite: true }) }
    const ended = await start(
      end.how === 'command'
        ? [commandFile, ...this.commandLine(beginning)]
        : [
            childFile,
            JSON.stringify({ options: beginning, spare: this.spare, end, hasLinks: this.hasLinks }),
          ],
      end.outside,
    )
    this.history.push({ end, from: newest?.step ?? 0, ended: ended.code ?? ended.signal })
    rmSync(this.spare, { recursive: true, force: true })
    const isOver = this.checkEnd(end, ended)
    this.checkEvents(ended.events, newest)
    await this.checkFolder(end, ended, before)
    return isOver
  }

  commandLine({ resume, out, threads, overwrite }) {
    const machine = ['--threads', String(threads), '--device', 'cpu', '--json']
    if (resume !== undefined) return ['train', '--resume', resume, ...machine]
    const { argumentsOf } = require('../dist/cli/surface.js')
    const { device: _, ...options } = this.reference.given
    const more = overwrite ? ['--overwrite'] : []
    const given = argumentsOf(JSON.parse(JSON.stringify(options)))
    return ['train', ...given, '--out', out, ...more, ...machine]
  }

  /** Checks the exit code. Returns whether the run is over. */
  checkEnd(end, { events, code, signal, stderr, sent, isLate }) {
    const last = events.findLast(({ type }) => type === 'end')
    const started = events.some(({ type }) => type === 'start')
    if (isLate) this.problem('the process did not end')
    if (signal === 'SIGKILL') {
      this.count.kills++
      if (end.powerLoss) this.count.powerLosses++
      if (end.how === 'none') this.problem('the process was killed by somebody else')
      return false
    }
    if (end.how === 'terminate' && last === undefined) {
      this.count.stops++
      if (code !== 0 || events.at(-1)?.type !== 'terminated') this.problem(`it ended with ${code}: ${stderr}`)
      return false
    }
    const exit = { exit: [7, /^$/], throw: [1, /^.*thrown on purpose/s] }[end.how]
    if (exit && last === undefined) {
      this.count.stops++
      if (code !== exit[0] || !exit[1].test(stderr)) this.problem(`it ended with ${code}: ${stderr}`)
      return false
    }
    if (stderr !== '') this.problem(`the process printed ${stderr}`)
    if (end.how === 'command' && sent.length > 0) {
      const wanted = exitCodes[sent[0]]
      // Before the command has loaded, and after its run has ended, a signal ends it as any process.
      const isOutside = signal === sent[0] && (events.length === 0 || last !== undefined)
      const isOver = last !== undefined && !last.stopped && (code === 0 || isOutside)
      if (!isOutside && !isOver && code !== wanted)
        this.problem(`the command ended with ${code ?? signal}, not ${wanted}`)
      this.count.stops++
      if (code === wanted && sent.length === 1 && started && !last)
        this.problem('the command ended without saving')
      return isOver
    }
    if (code !== 0) this.problem(`the process ended with ${code ?? signal}`)
    if (events.at(-1)?.type === 'aborted') {
      this.count.stops++
      return false
    }
    if (last === undefined) {
      this.problem('the process ended without the event')
      return false
    }
    if (last.unsaved !== null || last.saved?.step !== last.step)
      this.problem(`the run ended at step ${last.step} with ${JSON.stringify(last.saved)} saved`)
    if (last.stopped) this.count.stops++
    return !last.stopped
  }

  /** Compares the events of a process with those of the uninterrupted run. */
  checkEvents(events, newest) {
    const { losses, norms, evaluations, samples } = this.reference
    let step
    const here = { evaluation: new Set(), sample: new Set() }
    for (const event of events) {
      if (event.type === 'start') {
        step = newest?.step ?? 0
        this.replaces = false
        if (event.step !== step) this.problem(`the run began at step ${event.step}, not ${step}`)
      } else if (event.type === 'step') {
        if (event.from !== step) this.problem(`steps from ${event.from} follow step ${step}`)
        step = event.to
        for (let i = event.from; i < event.to; i++) {
          this.seen.steps.add(i)
          for (const [what, is, wanted] of [
            ['loss', event.losses[i - event.from], losses[i]],
            ['gradient norm', event.gradientNorms[i - event.from], norms[i]],
          ])
            if (is !== wanted) this.problem(`the ${what} of step ${i} is ${is}, not ${wanted}`)
        }
      } else if (event.type === 'evaluation' || event.type === 'sample') {
        const wanted = (event.type === 'sample' ? samples : evaluations)[event.step]
        const is = resultOf(event)
        this.seen[`${event.type}s`].add(event.step)
        here[event.type].add(event.step)
        if (is !== wanted) this.problem(`the ${event.type} is ${is}, not ${wanted}`)
        if (event.step !== step) this.problem(`the ${event.type} of step ${event.step} follows ${step}`)
        if (this.stored[event.type].has(event.step))
          this.problem(`the ${event.type} of step ${event.step} is repeated, although it was saved`)
      } else if (event.type === 'checkpoint') {
        const name = event.path.endsWith('best.safetensors') ? 'best' : 'last'
        if (event.step < this.reported[name]) this.problem(`the checkpoint of step ${event.step} is older`)
        this.reported[name] = event.step
        if (name === 'last')
          for (const what of ['evaluation', 'sample'])
            if (here[what].has(event.step)) this.stored[what].add(event.step)
      } else if (!expected.has(event.type)) {
        this.problem(`an unexpected event: ${JSON.stringify(event)}`)
      }
    }
  }

  read() {
    return readFolder(this.out, this.reference, (what) => this.problem(what))
  }

  /** Checks that the folder is whole, and contains everything that was reported as saved. */
  async checkFolder(end, { events }, before) {
    const now = await this.read()
    const started = events.some(({ type }) => type === 'start')
    // A power loss can bring them back.
    if (started && !end.powerLoss)
      for (const name of this.leftovers)
        if (leftoversIn(this.out).includes(name)) this.problem(`${name} is still there`)
    this.leftovers = leftoversIn(this.out)
    if (this.replaces) return
    const [last, best] = [newestOf(now), now['best.safetensors']]
    for (const [name, info, former] of [
      ['last', last, newestOf(before)],
      ['best', best, before['best.safetensors']],
    ]) {
      if (this.reported[name] > (info?.step ?? -1))
        this.problem(`the ${name} checkpoint is of step ${info?.step}, but ${this.reported[name]} was saved`)
      if (former && former.step > (info?.step ?? -1))
        this.problem(`the ${name} checkpoint went back from step ${former.step} to ${info?.step}`)
    }
    // The model that the newest checkpoint calls the best must be in the folder.
    if (last?.best && last.best.step > 0 && last.best.step > (best?.step ?? -1))
      this.problem(`the best model, of step ${last.best.step}, is missing: best is of step ${best?.step}`)
    if (last) await checkHistory(this.out, this.reference, last.step, (what) => this.problem(what))
    const stop = events.findLast(({ type }) => ['end', 'aborted'].includes(type))
    const reached = stop?.step ?? (stop && events.findLast(({ type }) => type === 'step')?.to)
    if (reached !== undefined && last?.step !== reached)
      this.problem(`the run stopped at step ${reached}, but step ${last?.step} is saved`)
  }
}

/** How processes are interrupted, and how often. */
const hows = {
  time: 25,
  event: 20,
  operation: 35,
  stop: 8,
  abort: 3,
  exit: 4,
  throw: 3,
  terminate: 3,
  command: 12,
}
const eventWeights = { evaluating: 2, evaluation: 3, sample: 3, checkpoint: 4 }
const expected = new Set(['evaluating', 'end', 'operations', 'aborted', 'terminated', 'result'])

async function main() {
  const options = readOptions()
  const { kills, seed, names, jobs } = options
  const work = mkdtempSync(join(options.folder, 'nano-gpt-kill-'))
  const count = { kills: 0, powerLosses: 0, stops: 0, rounds: 0, differences: 0 }
  const begun = performance.now()
  const state = () =>
    `${count.kills} of ${kills} kills (${count.powerLosses} with a power loss), ${count.stops} stops, ` +
    `${count.rounds} runs, ${count.differences} differences, ${((performance.now() - begun) / 1000).toFixed(0)} s`
  let shown = 0
  const progress = () => {
    if (process.stdout.isTTY) process.stdout.write(`\r${state()}\x1b[K`)
    else if (count.kills - shown >= kills / 10) {
      shown = count.kills
      console.log(state())
    }
  }
  const report = (problems) => {
    count.differences += problems.length
    for (const each of problems) console.error(`${process.stdout.isTTY ? '\r\x1b[K' : ''}DIFFERENT  ${each}`)
  }
  console.log(`seed ${seed}, in ${work}`)
  mkdirSync(work, { recursive: true })
  writeFileSync(join(work, 'text.txt'), text)

  const references = names.map((name) => new Reference(name, work))
  for (const reference of references) {
    await reference.run(work)
    report(reference.problems)
  }

  let next = options.round === undefined ? 0 : Number(options.round)
  const lastRound = options.round === undefined ? Infinity : next
  const isFull = () => count.kills >= kills
  const worker = async () => {
    while (!isFull() && count.differences === 0 && next <= lastRound) {
      const number = next++
      const reference = references[number % references.length]
      const round = new Round(number, seed, reference, work, count)
      await round.run(() => !isFull())
      count.rounds++
      report(round.problems)
      if (round.problems.length > 0) {
        console.error(`${round.name}: its folder is ${round.out}; its processes:`)
        for (const each of round.history) console.error(`  ${JSON.stringify(each)}`)
        console.error(`to repeat it: npm run test:kill -- --seed ${seed} --round ${number}`)
      } else rmSync(round.out, { recursive: true, force: true })
      progress()
    }
  }
  if (count.differences === 0) await Promise.all(Array.from({ length: jobs }, worker))

  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K')
  console.log(state())
  const isGood = count.differences === 0 && (isFull() || options.round !== undefined)
  if (isGood && !options.keep) rmSync(work, { recursive: true, force: true })
  else if (existsSync(work)) console.log(`the folders are kept in ${work}`)
  console.log(`${count.kills} kills, ${count.differences} differences`)
  if (!isGood) process.exitCode = 1
}

main().catch((error) => {
  console.error(`kill: ${error.stack}`)
  process.exitCode = 1
})
