// npm run test:faults: runs on a disk that is full and is freed later, in a folder that becomes
// read-only, and in a process that is paused. Training goes on, warns, and saves in the end, with the
// same bits as an undisturbed run. Requires Linux, and root for the disk (a tmpfs of 2 MB). A check that
// cannot run is skipped; with CI set, that is a failure.

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { configurations, text } = require('../kill/configurations')
const { compareFolders, leftoversIn } = require('../kill/folder')

const root = join(__dirname, '..', '..')
const lib = (file) => require(join(root, 'dist', file))
const { train } = lib('index.js')
const { readCheckpoint } = lib('checkpoint/checkpoint.js')

const work = fs.mkdtempSync(join(tmpdir(), 'nano-gpt-faults-'))
// The user nobody must be able to enter it.
fs.chmodSync(work, 0o755)
const disk = join(work, 'disk')
const isRoot = process.getuid?.() === 0
let isMounted = false

function unmount() {
  if (isMounted) spawnSync('umount', ['--lazy', disk])
  isMounted = false
}
process.on('exit', () => {
  unmount()
  fs.rmSync(work, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

function check(holds, what) {
  if (!holds) throw new Error(what)
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Thrown by a check that cannot run here. */
class Skipped extends Error {}

/** Mounts an empty disk of 2 MB. */
function mountDisk() {
  if (!isRoot) throw new Skipped('only root can mount a disk')
  unmount()
  fs.mkdirSync(disk, { recursive: true })
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Skipped(`mount failed: ${stderr?.trim()}`)
  isMounted = true
}

/** Checkpoints of 0.5 MB, of which a run here has up to three. */
const options = {
  data: { text },
  preset: 'decoder',
  blockSize: 8,
  embed: 56,
  heads: 2,
  layers: 1,
  batchSize: 2,
  evalBatches: 1,
  steps: 60,
  evalInterval: 20,
  checkpointInterval: 5,
  device: 'cpu',
  seed: 3,
}
const filler = join(disk, 'filler')
const fill = () => fs.writeFileSync(filler, Buffer.alloc(1.9e6))
const free = () => fs.rmSync(filler)

/** Trains in `out`; `each` is called for every event. */
async function trainIn(out, each = () => {}, more = {}) {
  const run = train({ ...options, ...more, out })
  const events = []
  for await (const event of run) {
    events.push(event)
    await each(event, run)
  }
  await (await run).dispose()
  const of = (wanted) => events.filter(({ type }) => type === wanted)
  const losses = of('step').flatMap(({ losses }) => losses)
  return { end: of('end')[0], warnings: of('warning'), checkpoints: of('checkpoint'), losses: String(losses) }
}

let undisturbed
const expected = async () => {
  undisturbed ??= await trainIn(join(work, 'undisturbed'))
  return undisturbed
}

/** Checks that a run ended whole and saved, after one warning that matches. */
async function checkSaved(out, { end, warnings, losses }, pattern) {
  check(warnings.length === 1, `${warnings.length} warnings: ${JSON.stringify(warnings)}`)
  check(pattern.test(warnings[0].message), `the warning is: ${warnings[0].message}`)
  check(losses === (await expected()).losses, 'the losses differ')
  check(end.unsaved === null && end.saved?.step === options.steps, `saved: ${JSON.stringify(end)}`)
  const files = ['last.safetensors', 'best.safetensors']
  for (const name of files) {
    const [is, wanted] = [join(out, name), join(work, 'undisturbed', name)].map((file) =>
      fs.readFileSync(file),
    )
    check(is.equals(wanted), `${name} differs`)
  }
  check(leftoversIn(out).length === 0, 'temporary files are left')
}

async function fullDisk() {
  mountDisk()
  const out = join(disk, 'run')
  // Enough space for the folder, config.json and the text.
  const result = await trainIn(out, (event) => {
    if (event.type === 'start') fill()
    if (event.type === 'warning') free()
  })
  await checkSaved(out, result, /^step 5 is not saved: .*the disk is full.* Nothing is saved yet\. /)
}

async function fullDiskHalfway() {
  mountDisk()
  const out = join(disk, 'run')
  const result = await trainIn(out, async (event) => {
    if (event.type === 'checkpoint' && event.step === 20 && !fs.existsSync(filler)) {
      // To the last byte.
      const handle = fs.openSync(filler, 'w')
      try {
        for (;;) fs.writeSync(handle, Buffer.alloc(4096))
      } catch {
        fs.closeSync(handle)
      }
    }
    if (event.type === 'warning') {
      const { info } = await readCheckpoint(join(out, 'last.safetensors'))
      check(info.step >= 20, `step ${info.step} is in the folder`)
      free()
    }
  })
  await checkSaved(out, result, /the disk is full.* The newest checkpoint is of step \d+\. /)
}

async function freedAfterTheEnd() {
  mountDisk()
  const out = join(disk, 'run')
  let freedAt
  const result = await trainIn(out, ({ type, step }) => {
    if (type === 'start') fill()
    if (type === 'evaluation' && step === options.steps)
      setTimeout(() => {
        freedAt = performance.now()
        free()
      }, 700)
  })
  check(freedAt !== undefined, 'the run ended before the disk was freed')
  await checkSaved(out, result, /the disk is full/)
}

async function neverFreed() {
  mountDisk()
  const out = join(disk, 'run')
  const { end, warnings } = await trainIn(out, ({ type }, run) => {
    if (type === 'start') fill()
    if (type === 'warning') run.stop()
  })
  check(warnings.length === 1, `${warnings.length} warnings`)
  check(end.saved === null && /the disk is full/.test(end.unsaved), `saved: ${JSON.stringify(end)}`)
  check(leftoversIn(out).length === 0, 'temporary files are left')
  free()
  // A folder without a checkpoint is that of a run that may begin again.
  await trainIn(out, () => {}, { steps: 2 })
}

/** As a user for whom permissions matter. */
async function readOnlyFolder() {
  const home = join(work, 'nobody')
  fs.mkdirSync(home)
  fs.chmodSync(home, 0o777)
  const out = join(home, 'run')
  const script = `
    const fs = require('node:fs')
    const { train } = require(${JSON.stringify(join(root, 'dist', 'index.js'))})
    const run = train(${JSON.stringify({ ...options, out })})
    ;(async () => {
      for await (const event of run) {
        console.log(JSON.stringify(event))
        if (event.type === 'start') fs.chmodSync(${JSON.stringify(out)}, 0o555)
        if (event.type === 'warning') fs.chmodSync(${JSON.stringify(out)}, 0o755)
      }
      await (await run).dispose()
    })()`
  const node = [process.execPath, '-e', script]
  const other = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const [command, ...args] = isRoot ? [...other, ...node] : node
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd: home })
  check(status === 0, `ended with ${status}: ${error?.message ?? stderr}`)
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const of = (wanted) => events.filter(({ type }) => type === wanted)
  const losses = String(of('step').flatMap(({ losses }) => losses))
  const result = { end: of('end')[0], warnings: of('warning'), losses }
  await checkSaved(out, result, /no permission to write there/)
}

/** Stops a process, waits until it has stopped, and continues it. */
async function pause(child) {
  for (;;) {
    const state = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0]
    if (state === 'T') break
    await sleep(2)
  }
  await sleep(50)
  child.kill('SIGCONT')
}

/** Pauses at 40 times, and at 40 operations on files. */
async function paused() {
  if (process.platform !== 'linux') throw new Skipped('there is no /proc')
  const { options } = configurations.muon
  const childFile = join(root, 'scripts', 'kill', 'child.js')
  const given = (name) => ({ ...options, data: { text }, out: join(work, name) })
  const start = (name, end) => {
    const child = spawn(process.execPath, [childFile, JSON.stringify({ options: given(name), end })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const state = { child, output: '', code: undefined }
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      state.output += chunk
    })
    state.ended = new Promise((resolve) =>
      child.on('close', (code) => {
        state.code = code
        resolve()
      }),
    )
    return state
  }
  const reference = start('not-paused')
  await reference.ended
  const total = Number(/"operations","count":(\d+)/.exec(reference.output)[1])

  const compare = (name) =>
    compareFolders(join(work, name), join(work, 'not-paused'), { options }, (what) => check(false, what))
  const atTimes = start('at-times')
  let times = 0
  while (atTimes.code === undefined && times < 40) {
    await sleep(5 + ((times * 37) % 30))
    if (!atTimes.child.kill('SIGSTOP')) break
    times++
    await Promise.race([pause(atTimes.child), atTimes.ended])
  }
  await atTimes.ended
  check(atTimes.code === 0, `ended with ${atTimes.code}`)
  check(times > 5, `paused only ${times} times`)
  await compare('at-times')

  const every = Math.floor(total / 40)
  const inSaves = start('in-saves', { how: 'pause', every })
  let pauses = 0
  const pausing = (async () => {
    for (; pauses < 40; pauses++) await pause(inSaves.child)
  })().catch(() => {})
  await inSaves.ended
  await pausing
  check(inSaves.code === 0, `ended with ${inSaves.code}`)
  check(pauses > 20, `paused only ${pauses} times`)
  await compare('in-saves')
}

const checks = {
  'full disk': fullDisk,
  'disk that becomes full': fullDiskHalfway,
  'disk freed after the last step': freedAfterTheEnd,
  'disk never freed': neverFreed,
  'folder that becomes read-only': readOnlyFolder,
  'paused process': paused,
}

async function main() {
  if (process.platform !== 'linux') throw new Error('requires Linux')
  let bad = 0
  await expected()
  for (const [name, work] of Object.entries(checks)) {
    const begun = performance.now()
    let how = 'ok'
    try {
      await work()
    } catch (error) {
      const isSkipped = error instanceof Skipped
      how = isSkipped ? `SKIPPED, ${error.message}` : `FAILED: ${error.stack}`
      if (!isSkipped || process.env.CI) bad++
    }
    console.log(`== ${name}: ${how}, ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  }
  console.log(bad === 0 ? 'faults: all good' : 'faults: FAILED')
  if (bad > 0) process.exitCode = 1
}

main().catch((error) => {
  console.error(`faults: ${error.stack}`)
  process.exitCode = 1
})
