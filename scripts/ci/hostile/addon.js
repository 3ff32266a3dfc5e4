// Calls every function of the addon with hostile arguments, between valid calls. Any error must be
// one that the addon documents, or one that an argument itself threw.

const { mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs')
const { spawnSync } = require('node:child_process')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { findAddon } = require('../../../binding/find')
const { RecordLayout } = require('../../../dist/backend/records.js')
const { decode } = require('../../../dist/graph/wire.js')
const { hostile, numbers, tally, thrown } = require('./random')

const { addon } = findAddon()

/** Codes of the engine. `internal` is a bug. */
const codes = [
  'invalid_program',
  'invalid_argument',
  'unsupported',
  'out_of_memory',
  'out_of_range',
  'non_finite',
]
const later = ['cancelled', 'disposed', 'device_lost']

/** The encoded Programs of small models. */
const programs = seedPrograms()

function seedPrograms() {
  const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-hostile-'))
  try {
    const { status, stderr } = spawnSync(process.execPath, [
      join(__dirname, '..', 'seed_programs.js'),
      folder,
    ])
    if (status !== 0) throw new Error(String(stderr))
    return readdirSync(folder).map((name) => readFileSync(join(folder, name)))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @throws an error that is not expected */
function expectDocumented(error, what) {
  if (error === thrown) return
  const { code, message } = Object(error)
  // V8's own, for a proxy, a symbol, a missing `new` or a wrong `this`.
  if (error instanceof TypeError || error instanceof RangeError) return
  if (error instanceof Error && message !== '' && [...codes, ...later].includes(code)) return
  throw new Error(`${what} failed with ${code}: ${message}`, { cause: error })
}

/** Tensors by name, so that a write often fits what was allocated. */
const tensors = {
  a: [],
  b: [4],
  c: [2, 3],
  '': [1],
  'a\0': [1, 1, 1, 1, 1, 1, 1, 1],
  ['x'.repeat(70_000)]: [3, 4, 5],
}
const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1)

/** Sessions and their Programs, over many rounds. */
const open = []

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
  dispose: () => [],
}

function phase(random, steps, compiled) {
  const { handle, inputBytes } = compiled.length > 0 ? random.pick(compiled) : { handle: 1, inputBytes: 4 }
  const times = random.pick([1, 1, 2])
  const inputs = new Uint8Array(steps * times * inputBytes)
  if (random.oneIn(2)) for (let i = 0; i < inputs.length; i++) inputs[i] = i % 4 === 0 ? random.below(8) : 0
  return { program: handle, times, inputs }
}

/** Compiles a valid Program, with all tensors that it names. */
async function compileValid(random, { session, compiled }) {
  const bytes = random.pick(programs)
  const program = decode(bytes)
  const allocating = program.buffers
    .filter(({ role }) => role === 'store')
    .map(({ name, dtype, shape }) => session.allocate(name, dtype, [...shape]))
  // Those of an earlier Program exist already.
  await Promise.allSettled(allocating)
  try {
    const handle = await session.compile(bytes)
    compiled.push({ handle, inputBytes: new RecordLayout(program, 'input').size })
  } catch (error) {
    expectDocumented(error, 'compile')
  }
}

const functions = {
  info: () => [],
  useCudaModule: () => ['', 'none', false],
  setThreads: (random) => [1 + random.below(4)],
  peak: () => ['none'],
}

/** Usually a valid one. */
const nameOf = (random) => random.pick(random.oneIn(8) ? Object.keys(tensors) : ['a', 'b', 'c'])

function mutated(random) {
  const bytes = Uint8Array.from(random.pick(programs))
  if (random.oneIn(3)) return bytes
  for (let i = 0; i <= random.below(3); i++)
    bytes[random.below(bytes.length)] = random.word() >>> random.below(32)
  return random.oneIn(4) ? bytes.subarray(0, random.below(bytes.length)) : bytes
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
    const result = await target[method](...list)
    tally(result?.failure ? `${what} failed: ${result.failure.code}` : `${what} succeeded`)
  } catch (error) {
    expectDocumented(error, what)
    tally(error?.code ?? 'thrown by an argument')
  }
}

/** One round: a few calls that run at the same time. */
async function round(random) {
  if (open.length < 3 || random.oneIn(20)) {
    if (open.length >= 3) open.splice(random.below(3), 1) // dropped, not disposed
    const session = new addon.Session(random.oneIn(2) ? undefined : { device: 'cpu' })
    open.push({ session, compiled: [] })
    await compileValid(random, open.at(-1))
  }
  const work = []
  for (let i = 0; i <= random.below(6); i++) {
    const kind = random.below(12)
    if (kind === 0) {
      const method = random.pick(Object.keys(functions))
      const list = spoiled(random, functions[method](random))
      // Measuring takes two seconds.
      if (method === 'peak' && [undefined, ...addon.info().instructionSets].includes(list[0]))
        list[0] = 'none'
      work.push(call(addon, method, list, method))
    } else if (kind === 1) {
      construct(random)
    } else if (kind === 2) {
      work.push(compileValid(random, random.pick(open)))
    } else {
      // Disposing too often would leave nothing to test.
      const often = Object.keys(methods).filter((each) => each !== 'dispose' || random.oneIn(20))
      const method = random.pick(often)
      const one = random.pick(open)
      const given = methods[method](random, one)
      if (method === 'dispose') open.splice(open.indexOf(one), 1)
      if (open.length === 0) break
      const receiver = random.oneIn(40) ? Object.create(one.session) : one.session
      work.push(call(receiver, method, random.oneIn(4) ? given : spoiled(random, given), method))
    }
  }
  await Promise.all(work)
}

function construct(random) {
  const options = { device: hostile(random), instructionSet: hostile(random) }
  const list = [random.oneIn(2) ? options : hostile(random)]
  try {
    if (random.oneIn(4)) addon.Session(...list)
    else new addon.Session(...list)
  } catch (error) {
    expectDocumented(error, 'new Session')
  }
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

module.exports = { round, end }
