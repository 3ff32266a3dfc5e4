// Calls every function of the addon with hostile arguments, between valid calls. Any error must be
// one that the addon documents, or one that an argument itself threw. A round has sessions of its own.

const { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { Worker } = require('node:worker_threads')
const { findAddon } = require('../../../binding/find')
const { RecordLayout } = require('../../../dist/backend/records.js')
const { decode } = require('../../../dist/graph/wire.js')
const { hostile, numbers, tally, thrown } = require('./random')

const { addon, path } = findAddon()

/** Codes of the engine. `internal` is a bug. */
const codes = [
  'invalid_program',
  'invalid_argument',
  'unsupported',
  'out_of_memory',
  'out_of_range',
  'non_finite',
  'read_failed',
]
const later = ['cancelled', 'disposed', 'device_lost']

/** Encoded Programs of small models, with what calls need to know of them. */
const programs = readdirSync(process.env.PROGRAMS).map((name) => {
  const bytes = readFileSync(join(process.env.PROGRAMS, name))
  const program = decode(bytes)
  const stores = program.buffers.filter(({ role }) => role === 'store')
  return { bytes, stores, inputBytes: new RecordLayout(program, 'input').size }
})

/** @throws an error that is not expected */
function expectDocumented(error, what) {
  if (error === thrown) return
  const { code, message } = Object(error)
  // V8's own, for a proxy, a symbol, a missing `new` or a wrong `this`.
  if (error instanceof TypeError || error instanceof RangeError) return
  if (error instanceof Error && message !== '' && [...codes, ...later].includes(code)) return
  // The operating system's reason.
  if (what === 'lockFile' && message.startsWith('the lock file')) return
  throw new Error(`${what} failed with ${code}: ${message}`, { cause: error })
}

/** Tensors by name, so that a write often fits what was allocated. */
const tensors = {
  a: [],
  b: [4],
  c: [2, 3],
  large: [20_000], // reading it copies nothing
  '': [1],
  'a\0': [1, 1, 1, 1, 1, 1, 1, 1],
  ['x'.repeat(70_000)]: [3, 4, 5],
}
const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1)

const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-hostile-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const lockable = ['a', 'b'].map((name) => join(folder, name))
for (const file of lockable) writeFileSync(file, '')
const mapped = join(folder, 'tokens')
writeFileSync(mapped, Buffer.alloc(1 << 17, 1))

/** The methods of a session with the arguments of a call that may be valid. */
const methods = {
  allocate(random) {
    const name = nameOf(random)
    return [name, random.pick(['f32', 'f32', 'i32', 'bf16']), tensors[name]]
  },
  write(random) {
    const name = nameOf(random)
    return [name, new Uint8Array(4 * sizeOf(tensors[name]))]
  },
  map(random) {
    const name = nameOf(random)
    const dtype = random.pick(['u8', 'u16', 'u32', 'f32'])
    const path = random.oneIn(4) ? random.pick([folder, join(folder, 'none'), lockable[0]]) : mapped
    return [name, dtype, tensors[name], path, random.pick([0, 0, 4, 4096, 4097])]
  },
  read: (random) => [nameOf(random)],
  free: (random) => [nameOf(random)],
  compile: (random) => [mutated(random)],
  release: (random) => [random.below(12)],
  memory: () => [],
  run: (random, { compiled }) => {
    const steps = random.pick([1, 1, 2, 3])
    const phases = Array.from({ length: 1 + random.below(2) }, () => phase(random, steps, compiled))
    return [steps, phases, random.pick([undefined, { checkFinite: true }, { timings: true }])]
  },
  cancel: () => [],
  abandon: () => [],
  dispose: () => [],
}

function phase(random, steps, compiled) {
  const { handle, inputBytes } = compiled.length > 0 ? random.pick(compiled) : { handle: 1, inputBytes: 4 }
  const times = random.pick([1, 1, 2])
  const inputs = new Uint8Array(steps * times * inputBytes)
  if (random.oneIn(2)) for (let i = 0; i < inputs.length; i++) inputs[i] = i % 4 === 0 ? random.below(8) : 0
  return { program: handle, times, inputs, interruptible: random.oneIn(2) }
}

/** Compiles a valid Program, with all tensors that it names. */
async function compileValid(random, { session, compiled }) {
  const { bytes, stores, inputBytes } = random.pick(programs)
  // Tokens may be those of a file.
  const allocating = stores.map(({ name, dtype, shape }) =>
    name === 'corpus' && random.oneIn(2)
      ? session.map(name, dtype, [...shape], mapped, 0)
      : session.allocate(name, dtype, [...shape]),
  )
  // Those of an earlier Program exist already.
  await Promise.allSettled(allocating)
  try {
    const handle = await session.compile(bytes)
    compiled.push({ handle, inputBytes })
  } catch (error) {
    expectDocumented(error, 'compile')
  }
}

/** The functions of the addon. */
const functions = {
  info: () => [],
  useCudaModule: () => ['', 'none', false],
  setThreads: (random) => [1 + random.below(4)],
  lockFile: (random) => [random.pick(lockable)],
  peak: () => ['none'],
  Session: (random) => [random.pick([undefined, {}, { device: 'cpu' }, { instructionSet: 'portable' }])],
}

/** A new function of the addon must get its generator here. */
function expectAll(object, generators, what) {
  const others = ['constructor', 'coverage']
  const found = Object.getOwnPropertyNames(object).filter(
    (name) => typeof object[name] === 'function' && !others.includes(name),
  )
  const [has, generated] = [found, Object.keys(generators)].map((names) => String(names.sort()))
  if (has !== generated) throw new Error(`${what} has ${has}, but arguments are generated for ${generated}`)
}
expectAll(addon, functions, 'the addon')
expectAll(addon.Session.prototype, methods, 'a session')
const lock = addon.lockFile(lockable[0])
expectAll(lock, { release: () => [] }, 'a lock')
lock.release()

/** Usually a valid one. */
const nameOf = (random) => random.pick(random.oneIn(8) ? Object.keys(tensors) : ['a', 'b', 'c', 'large'])

/** A Program with a few other bytes. */
function mutated(random) {
  const bytes = Uint8Array.from(random.pick(programs).bytes)
  if (random.oneIn(3)) return bytes
  for (let i = 0; i <= random.below(3); i++)
    bytes[random.below(bytes.length)] = random.word() >>> random.below(32)
  if (random.oneIn(4)) return bytes.subarray(0, random.below(bytes.length))
  return isLarge(bytes) ? bytes.subarray(1) : bytes
}

/** Running it could take any time, which is no fault. */
function isLarge(bytes) {
  try {
    return decode(bytes).buffers.reduce((sum, { shape }) => sum + sizeOf(shape), 0) > 100_000
  } catch {
    return false
  }
}

/** Replaces some of the arguments, or adds or removes some. */
function spoiled(random, given) {
  const list = given.map((argument) => (random.oneIn(3) ? spoiledDeep(random, argument) : argument))
  if (random.oneIn(8)) list.push(hostile(random))
  if (random.oneIn(8)) list.pop()
  return list
}

function spoiledDeep(random, value) {
  if (random.oneIn(2) || typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) {
    return random.oneIn(3) && typeof value === 'number' ? random.pick(numbers) : hostile(random)
  }
  const copy = Array.isArray(value) ? [...value] : { ...value }
  const keys = Object.keys(copy)
  if (keys.length > 0) copy[random.pick(keys)] = spoiledDeep(random, copy[random.pick(keys)])
  return copy
}

async function call(target, method, list, what) {
  try {
    const result = await (what === 'Session' ? new target[method](...list) : target[method](...list))
    tally(result?.failure ? `${what} failed: ${result.failure.code}` : `${what} succeeded`)
    return result
  } catch (error) {
    expectDocumented(error, what)
    tally(error?.code ?? 'thrown by an argument')
    return undefined
  }
}

/** Calls a function of the addon. */
async function callAddon(random, open, locks) {
  const method = random.pick(Object.keys(functions))
  const given = functions[method](random)
  const list = random.oneIn(4) ? given : spoiled(random, given)
  // Measuring takes seconds, and many with sanitizers.
  if (method === 'peak' && [undefined, '', ...addon.info().instructionSets].includes(list[0]))
    list[0] = 'none'
  const isNew = method === 'Session' && !random.oneIn(8)
  const result = await call(addon, method, list, isNew ? 'Session' : method === 'Session' ? 'call' : method)
  if (isNew && result) open.push({ session: result, compiled: [] })
  if (method === 'lockFile' && result) locks.push(result)
}

/** Calls a method of a session, seldom with another receiver. */
function callSession(random, one) {
  // Disposing too often would leave nothing to test.
  const often = Object.keys(methods).filter((each) => each !== 'dispose' || random.oneIn(8))
  const method = random.pick(often)
  const given = methods[method](random, one)
  const list = random.oneIn(2) ? given : spoiled(random, given)
  if (!random.oneIn(40)) return call(one.session, method, list, method)
  const receiver = random.oneIn(2) ? Object.create(one.session) : hostile(random)
  return call({ [method]: (...rest) => one.session[method].apply(receiver, rest) }, method, list, method)
}

/** A worker's calls, in the middle of which it is terminated. */
const workersCalls = `
  const addon = require(${JSON.stringify(path)})
  const session = new addon.Session()
  addon.lockFile(${JSON.stringify(lockable[0])})
  for (const name of ['a', 'b', 'c']) session.allocate(name, 'f32', [1_000_000])
  for (const name of ['a', 'b', 'c']) session.read(name)
  require('node:worker_threads').parentPort.postMessage('calling')
  session.memory()
  session.dispose()`

async function terminateWorker(random) {
  const worker = new Worker(workersCalls, { eval: true })
  await new Promise((resolve) => worker.on('message', resolve))
  await sleep(random.below(3))
  await worker.terminate()
}

/** Calls that run at the same time, as many as the input has bytes for. */
async function round(random) {
  const [open, locks, work] = [[], [], []]
  const steps = [
    async () => {
      const session = new addon.Session()
      open.push({ session, compiled: [] })
      for (const name of ['a', 'b', 'large']) await session.allocate(name, 'f32', tensors[name])
      if (!random.oneIn(4)) await compileValid(random, open.at(-1))
    },
    () => void work.push(callAddon(random, open, locks)),
    () => Promise.all(work.splice(0)),
    () => random.oneIn(4) && open.shift(), // dropped, not disposed
    () => random.oneIn(4) && gc(),
    () => random.oneIn(16) && terminateWorker(random),
    () => locks.length > 0 && call(random.pick(locks), 'release', spoiled(random, []), 'release'),
  ]
  await steps[0]()
  while (!random.done) {
    const step = random.below(20)
    if (step < steps.length) await steps[step]()
    else if (open.length > 0) work.push(callSession(random, random.pick(open)))
  }
  await Promise.all(work)
  for (const { session } of open) await session.dispose()
  for (const lock of locks) lock.release()
}

/** After all rounds the addon must still work. */
async function end() {
  await addon.setThreads(2)
  const session = new addon.Session()
  await session.allocate('w', 'f32', [3])
  await session.write('w', new Uint8Array(Float32Array.of(1, 2, 3).buffer))
  const read = new Float32Array((await session.read('w')).buffer)
  if (read.join() !== '1,2,3') throw new Error(`the addon read ${read} instead of 1,2,3`)
  await session.dispose()
}

module.exports = { round, end, counters: addon.coverage?.() }
