// Breaks CUDA kernels and what drives them, one change at a time, on the emulated GPU (docs/gpu-testing.md), and demands that
// case files, the race detector or nano-gpu-test notice every one. A mutant that survives is a hole in the tests.
//
//   node scripts/mutants_cuda.js [--jobs N] [--only TEXT] [--cases FOLDER] [--emulated FOLDER] [--races FOLDER]
//
// The folders are CMake's, with -DNANO_GPT_CUDA=emulated and emulated-races and CMAKE_EXPORT_COMPILE_COMMANDS.

const { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } =
  require('node:fs')
const { tmpdir } = require('node:os')
const { basename, dirname, join, resolve } = require('node:path')
const { chooseCases, describeCases, parallel, run } = require('./cuda_cases')
const { writeCases } = require('./write_cases')

// File below native → [what is wrong, the text to replace (it must stand there exactly once), its replacement, how it is
// judged]. How: { cases: /names of cases/ } runs up to 30 small ones under three schedules; with races: true it runs them in
// the race detector; { gpu: true } runs nano-gpu-test, whose failing calls are left out with healthy: true.
const mutants = {
  'cuda/add.cu': [
    [
      'the first element of b for all',
      'period == n ? i : i % period',
      'period == n ? i : 0',
      { cases: /^add / },
    ],
    ['b is as long as a', 'period == n ? i : i % period', 'i', { cases: /^add / }],
    [
      'an element short',
      'return ForElements(call, message, n,',
      'return ForElements(call, message, n - 1,',
      { cases: /^add / },
    ],
    [
      'one past the end',
      'return ForElements(call, message, n,',
      'return ForElements(call, message, n + 1,',
      { cases: /^add / },
    ],
    ['another sum', 'a[i] + b[', 'a[i] - b[', { cases: /^add / }],
  ],
  'cuda/fill.cu': [['zeros', 'y[i] = bits', 'y[i] = 0', { cases: /^fill / }]],
  'cuda/check.cu': [
    [
      'finite: the last that is not',
      'first = BlockReduce<kThreads>(first, room, Smaller());\n  if (threadIdx.x != 0 || first == kNone) return;\n  Complaint complaint{};\n  complaint.kind = Complaint::kNotFiniteOutput;',
      'first = BlockReduce<kThreads>(first == kNone ? -1 : first, room, Larger());\n  if (first == -1) first = kNone;\n  if (threadIdx.x != 0 || first == kNone) return;\n  Complaint complaint{};\n  complaint.kind = Complaint::kNotFiniteOutput;',
      { gpu: true, healthy: true },
    ],
    [
      'finite: only the first threads look',
      'first == kNone; i += kThreads) {\n    if ((bits[i]',
      'first == kNone; i += n) {\n    if ((bits[i]',
      { gpu: true, healthy: true },
    ],
    [
      'finite: never',
      '(bits[i] & exponent) == exponent',
      '(bits[i] & exponent) == exponent + 1',
      { gpu: true, healthy: true },
    ],
    [
      'finite: every thread complains',
      'first == kNone) return;\n  Complaint complaint{};\n  complaint.kind = Complaint::kNotFiniteOutput;',
      'first == kNone) {}\n  if (first == kNone) return;\n  Complaint complaint{};\n  complaint.kind = Complaint::kNotFiniteOutput;',
      { gpu: true, healthy: true, races: true },
    ],
    [
      'finite: another output',
      'complaint.value = output;',
      'complaint.value = output + 1;',
      { gpu: true, healthy: true },
    ],
  ],
  'cuda/kernel.cuh': [
    [
      'elements of the first blocks only',
      'i < n; i += step) body(i);',
      'i < n; i += n) body(i);',
      { cases: /^(add|fill) /, sources: ['add.cu', 'fill.cu'] },
    ],
    [
      'a complaint does not stop the rest',
      'control->failed = 1;',
      'control->failed = 0;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'a complaint of another op',
      'control->op = op;',
      'control->op = op + 1;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'reduce: a barrier dropped before reading',
      'room[warp] = value;\n  __syncthreads();\n',
      'room[warp] = value;\n',
      { gpu: true, healthy: true, races: true, sources: ['check.cu'] },
    ],
    [
      'reduce: the first warp only',
      'i < kThreads / kWarp; ++i) value',
      'i < 1; ++i) value',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
    [
      'reduce: half a warp',
      'int offset = kWarp / 2;',
      'int offset = kWarp / 4;',
      { gpu: true, healthy: true, sources: ['check.cu'] },
    ],
  ],
  'cuda/driver.cu': [
    [
      'memory kept when a call fails',
      'void FreeHost(Queue* queue, void* memory) {\n',
      'void FreeHost(Queue* queue, void* memory) {\n  Message ignored;\n  if (Choose(queue, ignored) != Outcome::kOk) return;\n',
      { gpu: true },
    ],
    ['a graph is kept', '  cudaGraphDestroy(graph);\n', '', { gpu: true, healthy: true }],
    ['a stream is kept', '  cudaStreamDestroy(queue->stream);\n', '', { gpu: true, healthy: true }],
    ['an event is kept', '  cudaEventDestroy(event->event);\n', '', { gpu: true, healthy: true }],
    [
      'no wait for an event',
      'return Check(cudaEventSynchronize(event->event), "the GPU\'s work", message);',
      'return Outcome::kOk;',
      { gpu: true, healthy: true },
    ],
    [
      'an error is not looked at',
      'cudaGraphLaunch(recording->graph, queue->stream), "cudaGraphLaunch", message)',
      '(cudaGraphLaunch(recording->graph, queue->stream), cudaSuccess), "cudaGraphLaunch", message)',
      { gpu: true },
    ],
    [
      'a pointer where there is no memory',
      '  if (error == cudaSuccess) memory = made;\n',
      '  memory = made;\n',
      { gpu: true },
    ],
  ],
  'gpu/backend.cc': [
    [
      'no wait for an execution',
      'Status status = slot.done.Wait(); !status.ok()',
      'Status status; !status.ok()',
      { gpu: true, healthy: true },
    ],
    [
      'a recording outlives its arena',
      '    DropRecording();\n    bound_ = true;',
      '    bound_ = true;',
      { gpu: true, healthy: true },
    ],
    ['a recording that ended early is kept', 'if (failure) DropRecording();', '', { gpu: true }],
    [
      'the control is never read',
      'if (control.failed != 0) {',
      'if (control.failed > 1) {',
      { gpu: true, healthy: true },
    ],
    [
      'the control is never cleared',
      '    stale = !status.ok();\n    return status;',
      '    stale = false;\n    return status;',
      { gpu: true },
    ],
    ['what an execution complained of stays', 'shared_.stale = true;', '', { gpu: true }],
    [
      'one slot for all executions',
      'next_slot_ = (next_slot_ + 1) % slots_.size();',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'too few slots',
      'i <= kMostUnderWay; ++i) {\n      Result<Block> memory',
      'i < 8; ++i) {\n      Result<Block> memory',
      { gpu: true, healthy: true },
    ],
    ['inputs are not sent', 'if (input_layout_.bytes > 0) {', 'if (false) {', { gpu: true, healthy: true }],
    [
      'outputs are not fetched',
      'if (output_layout_.bytes > 0) {',
      'if (false) {',
      { gpu: true, healthy: true },
    ],
    ['all temporaries in one place', 'arena + plan_.buffers[index]', 'arena', { gpu: true, healthy: true }],
    [
      'a recording is kept for ever',
      '~GpuExecutable() override { DropRecording(); }',
      '~GpuExecutable() override {}',
      { gpu: true, healthy: true },
    ],
    ['copies do not wait', '    NANO_RETURN_IF_ERROR(done.Wait());\n', '', { cases: /^(add|fill) / }],
    [
      'new memory is not zero',
      'if (bytes > 0) NANO_RETURN_IF_ERROR(Zero(memory->data(), bytes));',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'checks of outputs only in the first',
      'output < calls_[op].output_count; ++output',
      'output < 0; ++output',
      { gpu: true, healthy: true },
    ],
  ],
}

// ---- The runner.

const root = join(__dirname, '..')
const argument = (name, otherwise) => {
  const at = process.argv.indexOf(name)
  return at < 0 ? otherwise : process.argv[at + 1]
}
const jobs = Number(argument('--jobs', 2))
const only = argument('--only', '')
const builds = {
  emulated: resolve(argument('--emulated', join(root, 'build', 'emulated'))),
  races: resolve(argument('--races', join(root, 'build', 'emulated-races'))),
}
const schedules = ['ascending', 'descending', 'shuffle']

/** The .cu files that hold `file`, itself or by including it. */
function sourcesWith(file) {
  const includes = (path, seen = new Set()) => {
    if (seen.has(path) || !existsSync(join(root, 'native', path))) return seen
    seen.add(path)
    const text = readFileSync(join(root, 'native', path), 'utf8')
    for (const [, name] of text.matchAll(/^#include "(.*)"$/gm)) includes(name, seen)
    return seen
  }
  const all = readdirSync(join(root, 'native', 'cuda')).filter((name) => name.endsWith('.cu'))
  return all.filter((name) => includes(`cuda/${name}`).has(file))
}

/** Compiles what `mutant` touches in a build's way; the object's path. `target` is CMake's. */
async function compile(build, target, file, copy, folder) {
  const commands = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'))
  const source = join(root, 'native', file)
  const entry = commands.find((it) => it.file === source && it.command.includes(`${target}.dir/`))
  if (!entry) throw new Error(`${build} compiles no ${file} for ${target}`)
  const object = join(folder, `${basename(build)}-${basename(file)}.o`)
  const changed = existsSync(join(copy, file)) ? join(copy, file) : source
  const command = entry.command
    .replace(/ -o \S+/, ` -o ${object}`)
    .replace(new RegExp(` -c ${source}$`), ` -c ${changed}`)
    .replace(/ -I/, ` -w -I${copy} -I`)
    .replace(/ -O3 /, ' -O1 ')
  const { end, stderr } = await run('sh', ['-c', command])
  if (end !== 0) throw new Error(`${file} does not compile:\n${stderr}`)
  return object
}

const objectsIn = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(folder, name))

async function link(build, target, changed, output, flags) {
  const replaced = new Set(changed.map((path) => basename(path).replace(`${basename(build)}-`, '')))
  const kept = objectsIn(join(build, 'CMakeFiles', `${target}.dir`)).filter(
    (it) => !replaced.has(basename(it)),
  )
  const core = join(build, 'libnano_core.a')
  const args = [...flags, ...kept, ...changed, core, '-pthread', '-ldl', '-o', output]
  const { end, stderr } = await run(process.env.CXX ?? 'g++', args)
  if (end !== 0) throw new Error(`${target} does not link:\n${stderr}`)
}

/** What a mutant, or nothing, does to the tests: how it was caught, or '' . */
async function judge(how, cases, files) {
  const build = how.races ? builds.races : builds.emulated
  const at = (name) => files[name] ?? join(build, 'Release', name)
  const module = at('nano_gpt_cuda.so')
  // The race-checking build holds only the module; its runners are the other's.
  const runner = (name) => files[name] ?? join(builds.emulated, 'Release', name)
  for (const schedule of how.races ? ['ascending'] : schedules) {
    const env = { NANO_GPT_CUDA_MODULE: module, SIMT_SCHEDULE: schedule, SIMT_ALIVE: '1' }
    const attempts = []
    if (how.cases) {
      const name = files['nano-run-arena'] ? 'nano-run-arena' : 'nano-run'
      const list = chooseCases(
        cases.filter((it) => how.cases.test(it.name)),
        { work: 1e6, each: 30 },
      )
      if (list.length === 0) throw new Error(`no case is ${how.cases}`)
      attempts.push([runner(name), ['--device', 'cuda', ...list.slice(0, 60).map(({ path }) => path)]])
    }
    if (how.gpu) {
      const add = cases.find((it) => /^add /.test(it.name))
      attempts.push([runner('nano-gpu-test'), [how.healthy ? '--healthy' : '--once', add.path]])
    }
    for (const [command, args] of attempts) {
      const { end, stdout, stderr } = await run(command, args, { env, timeout: 300_000 })
      if (end === 0) continue
      const line = stdout.split('\n').find((it) => it.startsWith('FAIL')) ?? ''
      const report = stderr.match(/simt: ((?!\d+ calls).*)/)?.[1] ?? ''
      return `${schedule}: ${report || line || end}`.slice(0, 110)
    }
    if (how.gpu && !how.healthy) break
  }
  return ''
}

async function hunt(work) {
  const all = Object.entries(mutants).flatMap(([file, list]) =>
    list.map(([what, from, to, how]) => ({ file, what, from, to, how })),
  )
  const wanted = all.filter(({ file, what }) => `${file} ${what}`.includes(only))
  const problems = wanted.flatMap(({ file, what, from }) => {
    const count = readFileSync(join(root, 'native', file), 'utf8').split(from).length - 1
    return count === 1 ? [] : [`${file}: ${what}: its text stands there ${count} times, not once`]
  })
  if (problems.length > 0) throw new Error(`mutants to bring up to date:\n${problems.join('\n')}`)
  const folder = argument('--cases')
  if (!folder) writeCases(join(work, 'cases'))
  const table = readFileSync(join(root, 'native', 'cuda', 'table.cu'), 'utf8')
  const kernels = new Set([...table.matchAll(/\{"(\w+)",\s*Run/g)].map(([, name]) => name))
  const cases = describeCases(folder ?? join(work, 'cases')).filter(({ ops }) =>
    ops.every((op) => kernels.has(op)),
  )

  const ways = new Map(wanted.map(({ how }) => [`${how.cases} ${how.gpu} ${how.healthy} ${how.races}`, how]))
  await parallel([...ways.values()], jobs, async (how) => {
    const caught = await judge(how, cases, {})
    if (caught) throw new Error(`without a mutant: ${caught}`)
  })
  console.log(`${ways.size} ways to look pass without a mutant.`)

  const survivors = await parallel(
    [...wanted.entries()],
    jobs,
    async ([number, { file, what, from, to, how }]) => {
      const copy = join(work, `mutant-${number}`)
      mkdirSync(dirname(join(copy, file)), { recursive: true })
      const text = readFileSync(join(root, 'native', file), 'utf8').replace(from, () => to)
      writeFileSync(join(copy, file), text)
      const build = how.races ? builds.races : builds.emulated
      const files = {}
      if (file.startsWith('cuda/')) {
        const sources = how.sources ?? sourcesWith(file)
        const compiled = []
        for (const source of sources)
          compiled.push(await compile(build, 'nano_gpt_cuda', `cuda/${source}`, copy, copy))
        files['nano_gpt_cuda.so'] = join(copy, 'nano_gpt_cuda.so')
        await link(build, 'nano_gpt_cuda', compiled, files['nano_gpt_cuda.so'], ['-shared', '-fPIC'])
      } else {
        const names = [how.gpu ? 'nano-gpu-test' : '', how.cases ? 'nano-run-arena' : ''].filter(Boolean)
        for (const name of names) {
          const compiled = await compile(builds.emulated, name, file, copy, copy)
          files[name] = join(copy, name)
          await link(builds.emulated, name, [compiled], files[name], [])
        }
      }
      const caught = await judge(how, cases, files)
      rmSync(copy, { recursive: true, force: true })
      console.log(`${caught ? 'caught  ' : 'SURVIVED'} | ${file.padEnd(16)} | ${what.padEnd(40)} | ${caught}`)
      return caught ? 0 : 1
    },
  )
  const survived = survivors.reduce((a, b) => a + b, 0)
  console.log(`${wanted.length} mutants, ${wanted.length - survived} caught, ${survived} survived`)
  return survived === 0 ? 0 : 1
}

async function main() {
  const work = mkdtempSync(join(tmpdir(), 'nano-gpt-mutants-cuda-'))
  try {
    return await hunt(work)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error) => {
    console.error(error.message)
    process.exitCode = 1
  },
)
