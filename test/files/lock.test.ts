// A folder has one writer, among processes, threads and calls, with the native engine and in plain
// TypeScript. The lock ends with its process.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { loadAddon } from '../../lib/backend/native/addon'
import { type LockFile, lockFolder } from '../../lib/files/lock'
import { nativeRequired } from '../support/devices'
import { failureOf } from '../support/errors'
import { type Kind, type Locker, lockFileOf, scriptOf, startLocker } from '../support/lockers'
import { temporaryFolder } from '../support/runs'

const root = temporaryFolder()
const hasNative = nativeRequired || loadAddon().addon?.lockFile !== undefined
const kinds: readonly Kind[] = hasNative ? ['native', 'typescript'] : ['typescript']
const onNative = hasNative ? describe : describe.skip
const onLinux = process.platform === 'linux' ? test : test.skip
const onPosix = process.platform === 'win32' ? test.skip : test
const pairs = kinds.flatMap((first) => kinds.map((second) => [first, second] as const))

let count = 0
/** A path for a folder that no other test uses. */
const newFolder = () => root.path('parent', String(count++), 'run')
const lock = (kind: Kind, folder: string) => lockFolder(folder, lockFileOf(kind))

/** What `.lock` contains, if there is a holder. */
function recordIn(folder: string): { path: string; contents: Record<string, unknown> } | undefined {
  const path = join(folder, '.lock')
  const [name] = existsSync(path) ? readdirSync(path) : []
  if (name === undefined) return undefined
  return { path: join(path, name), contents: JSON.parse(readFileSync(join(path, name), 'utf8')) }
}

/** Puts a record in place that no process locks. */
function plant(folder: string, contents: object | string): void {
  mkdirSync(join(folder, '.lock'), { recursive: true })
  const text = typeof contents === 'string' ? contents : JSON.stringify(contents)
  writeFileSync(join(folder, '.lock', '0123456789ab.json'), text)
}

/** Ends what a test has started, also if the test fails. */
const ends: (() => unknown)[] = []
afterEach(() => Promise.all(ends.splice(0).map((end) => end())))

function start(...args: Parameters<typeof startLocker>): Locker {
  const locker = startLocker(...args)
  ends.push(() => locker.kill())
  return locker
}

/** The pid of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid

/** A record of a dead process of a kind. */
const stale = (kind: Kind) => ({
  pid: deadPid(),
  since: '2026-01-01T00:00:00.000Z',
  host: hostname(),
  native: kind === 'native',
})

describe.each(kinds)('one process (%s)', (kind) => {
  test('the second call is refused until the first one releases', async () => {
    const folder = newFolder()
    const first = await lock(kind, folder)
    const { contents } = recordIn(folder)!
    expect(contents).toMatchObject({ pid: process.pid, host: hostname(), native: kind === 'native' })
    expect(Math.abs(Date.parse(String(contents.since)) - Date.now())).toBeLessThan(60_000)
    const error = await failureOf(() => lock(kind, folder))
    expect(error).toMatchObject({ code: 'run_busy', subject: folder })
    expect(error.message).toContain(
      `${folder}: this process (${process.pid}) has been writing to this folder since ${contents.since}. ` +
        'Wait until it ends, stop it, or give another `out`',
    )
    first.release()
    const second = await lock(kind, folder)
    first.release() // has no effect any more
    expect((await failureOf(() => lock(kind, folder))).code).toBe('run_busy')
    second.release()
  })

  test('nothing is left after a release, and folders are removed only if they were created', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, '..'), { recursive: true })
    ;(await lock(kind, folder)).release()
    expect(readdirSync(join(folder, '..'))).toEqual([])
    mkdirSync(folder)
    ;(await lock(kind, folder)).release()
    expect(readdirSync(folder)).toEqual([])
    rmSync(folder, { recursive: true })
    const held = await lock(kind, folder)
    writeFileSync(join(folder, 'file'), '')
    held.release()
    expect(readdirSync(folder)).toEqual(['file'])
  })

  test('many calls at once: one gets the lock', async () => {
    const folder = newFolder()
    plant(folder, stale(kind))
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lock(kind, folder)))
    const held = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(held).toHaveLength(1)
    held[0].release()
    expect(readdirSync(folder)).toEqual([])
  })

  test('a folder that cannot be created', async () => {
    writeFileSync(root.path('a file'), '')
    const folder = root.path('a file', 'run')
    const error = await failureOf(() => lock(kind, folder))
    expect(error.code).toBe('write_failed')
    expect(error.message).toContain(`cannot write ${folder}: part of the path is a file`)
  })

  test('a file in the place of the lock', async () => {
    const folder = newFolder()
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, '.lock'), 'mine')
    const error = await failureOf(() => lock(kind, folder))
    expect(error.code).toBe('write_failed')
    expect(error.message).toContain(`cannot write ${join(folder, '.lock')}: `)
    expect(readFileSync(join(folder, '.lock'), 'utf8')).toBe('mine')
    expect(readdirSync(folder)).toEqual(['.lock'])
  })

  onPosix('a folder that is not writable', async () => {
    const folder = newFolder()
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    // The superuser may write anywhere.
    const isRoot = process.getuid!() === 0
    if (!isRoot) spawnSync('chmod', ['500', folder])
    const body = `
      try { ${isRoot ? 'process.setegid(65534); process.seteuid(65534)' : ''}; await lockFolder(${JSON.stringify(folder)}) }
      catch (error) { console.log(error.code, error.message) }
    `
    spawnSync('chmod', ['755', root.path()])
    const { stdout } = spawnSync(process.execPath, ['-e', scriptOf(kind, body)], { encoding: 'utf8' })
    expect(stdout).toBe(
      `write_failed cannot write ${join(folder, '.lock')}: no permission to write there; choose another folder (EACCES)\n`,
    )
  })
})

describe.each(pairs)('two processes (%s, then %s)', (first, second) => {
  test('the second one is refused, and told who the first one is', async () => {
    const folder = newFolder()
    const { pid, outcome } = start(first, folder)
    expect(await outcome).toEqual({ held: true })
    const { since } = recordIn(folder)!.contents
    const { held, code, message } = await start(second, folder).outcome
    expect({ held, code }).toEqual({ held: false, code: 'run_busy' })
    expect(message).toContain(
      `${folder}: process ${pid} has been writing to this folder since ${since}. Wait until it ends, ` +
        'stop it, or give another `out`',
    )
  })

  test('kill -9 frees it', async () => {
    const folder = newFolder()
    const holder = start(first, folder)
    await holder.outcome
    await holder.kill('SIGKILL')
    expect(recordIn(folder)).toBeDefined()
    const held = await lock(second, folder)
    held.release()
    expect(readdirSync(folder)).toEqual([])
  })

  onPosix('a stopped process still holds it', async () => {
    const folder = newFolder()
    const { child, outcome, pid } = start(first, folder)
    await outcome
    child.kill('SIGSTOP')
    const error = await failureOf(() => lock(second, folder))
    expect(error.message).toContain(`process ${pid} has been writing`)
    child.kill('SIGCONT')
  })

  onPosix('process.exit() and release() free it, and leave nothing', async () => {
    const folder = newFolder()
    const [one, two] = [start(first, folder), newFolder()]
    await one.outcome
    await one.kill('SIGTERM')
    expect(existsSync(folder)).toBe(false)
    const other = start(first, two)
    await other.outcome
    other.child.kill('SIGUSR2')
    while (existsSync(two)) await sleep(10)
    ;(await lock(second, two)).release()
  })
})

describe.each(['nothing', ...kinds, 'damaged'])('20 simultaneous starters, and a stale lock: %s', (there) => {
  // Each kind by itself with a stale lock of its own, and both together with each.
  const crowds = [...(kinds.includes(there as Kind) ? [[there as Kind]] : []), kinds]

  test.each(crowds.map((crowd) => [crowd.join(' and '), crowd] as const))(
    'one gets the lock (%s)',
    async (_, crowd) => {
      const folder = newFolder()
      if (there === 'damaged') plant(folder, '')
      else if (there !== 'nothing') plant(folder, stale(there as Kind))
      const time = Date.now() + 2000
      const starters = Array.from({ length: 20 }, (_, i) => start(crowd[i % crowd.length], folder, time))
      const outcomes = await Promise.all(starters.map(({ outcome }) => outcome))
      const codes = outcomes.map(({ held, code }) => (held ? 'held' : code)).sort()
      expect(codes).toEqual(['held', ...Array.from({ length: 19 }, () => 'run_busy')])
      const winner = starters[outcomes.findIndex(({ held }) => held)]
      expect(recordIn(folder)!.contents.pid).toBe(winner.pid)
      expect(readdirSync(folder)).toEqual(['.lock'])
    },
  )
})

describe.each(kinds)('records (%s)', (kind) => {
  const own = () => ({ ...stale(kind), pid: process.pid })

  test.each(kinds)('of a dead process (%s) is replaced', async (other) => {
    const folder = newFolder()
    plant(folder, stale(other))
    const held = await lock(kind, folder)
    expect(recordIn(folder)!.contents.pid).toBe(process.pid)
    held.release()
  })

  test.each(['', '{', 'null', '7', '{"pid":0,"since":"x"}', '{"pid":-1,"since":"x"}', '{"pid":1}'])(
    'a damaged record is replaced: %j',
    async (contents) => {
      const folder = newFolder()
      plant(folder, contents)
      ;(await lock(kind, folder)).release()
      expect(readdirSync(folder)).toEqual([])
    },
  )

  onLinux('of another process with the same pid, or with this one’s, is replaced', async () => {
    for (const pid of [process.pid, process.ppid]) {
      const folder = newFolder()
      plant(folder, { ...own(), pid, start: 'another boot 1', native: false })
      ;(await lock(kind, folder)).release()
    }
  })

  onLinux('of a killed process that its parent has not waited for is replaced', async () => {
    const folder = newFolder()
    const script = scriptOf(
      'typescript',
      `await lockFolder(${JSON.stringify(folder)}); process.kill(process.pid, 'SIGKILL')`,
    )
    const parent = spawn('sh', ['-c', '"$0" -e "$1" & exec sleep 60', process.execPath, script])
    ends.push(() => parent.kill('SIGKILL'))
    while (!recordIn(folder)) await sleep(10)
    const { pid } = recordIn(folder)!.contents
    const stateOf = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1][0]
    while (stateOf() !== 'Z') await sleep(10)
    ;(await lock(kind, folder)).release()
    expect(stateOf()).toBe('Z')
  })

  test('of a living TypeScript holder: the message says what to delete where it is uncertain', async () => {
    const folder = newFolder()
    plant(folder, { ...own(), native: false })
    const error = await failureOf(() => lock(kind, folder))
    expect(error.code).toBe('run_busy')
    expect(error.message).toContain(`. If that is not a run of nano-gpt, delete ${join(folder, '.lock')}`)
  })

  test('of another machine: its processes are unknown here', async () => {
    const folder = newFolder()
    const holder = { ...stale(kind), host: 'elsewhere\u001b[2J', native: false }
    plant(folder, holder)
    const error = await failureOf(() => lock(kind, folder))
    expect(error.reason).toBe(
      `process ${holder.pid} on "elsewhere\\u001b[2J" has been writing to this folder since ${holder.since}`,
    )
  })

  test('what a killed starter had prepared is removed', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, '.lock.0123456789ab'), { recursive: true })
    writeFileSync(join(folder, '.lock.0123456789ab', '0123456789ab.json'), '{}')
    mkdirSync(join(folder, '.lock.mine'))
    const held = await lock(kind, folder)
    expect(readdirSync(folder).sort()).toEqual(['.lock', '.lock.mine'])
    held.release()
  })
})

onNative('the native lock', () => {
  const { lockFile } = loadAddon().addon ?? ({} as { lockFile: LockFile })

  onLinux('1,000 locks leave no file open', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const folder = newFolder()
    const held = await lock('native', folder)
    const before = open()
    for (let i = 0; i < 1000; i++) {
      ;(await lock('native', `${folder}-other`)).release()
      if (i % 10 === 0) await failureOf(() => lock('native', folder))
    }
    expect(open()).toBe(before)
    held.release()
  })

  test('decides about a native holder whose process is not in the table of processes', async () => {
    const folder = newFolder()
    const holder = start('native', folder)
    await holder.outcome
    const { path, contents } = recordIn(folder)!
    const pid = deadPid()
    writeFileSync(path, JSON.stringify({ ...contents, pid, host: 'container' }))
    expect((await failureOf(() => lock('native', folder))).message).toContain(`process ${pid} on container`)
    await holder.kill()
    ;(await lock('native', folder)).release()
  })

  test('a native record without the lock is that of an ended worker thread, even if the pid lives', async () => {
    const folder = newFolder()
    plant(folder, { ...stale('native'), pid: process.pid })
    ;(await lock('native', folder)).release()
  })

  test('worker threads: refused while another thread holds it, and free after terminate()', async () => {
    const folder = newFolder()
    const body = `
      await lockFolder(${JSON.stringify(folder)}).then(
        () => require('node:worker_threads').parentPort.postMessage('held'),
        ({ code }) => require('node:worker_threads').parentPort.postMessage(code))
      setInterval(() => {}, 1000)
    `
    const start = () => {
      const worker = new Worker(scriptOf('native', body), { eval: true })
      ends.push(() => worker.terminate())
      return worker
    }
    const first = start()
    expect(await once(first, 'message')).toEqual(['held'])
    expect((await failureOf(() => lock('native', folder))).message).toContain(`this process (${process.pid})`)
    expect(await once(start(), 'message')).toEqual(['run_busy'])
    await first.terminate()
    ;(await lock('native', folder)).release()
  })

  test('is held although its handle is garbage-collected', () => {
    const path = root.path('collected')
    writeFileSync(path, '')
    const script = `
      const { lockFile } = require(${JSON.stringify(loadAddon().path)})
      const path = ${JSON.stringify(path)}
      const handle = new WeakRef(lockFile(path))
      ;(async () => {
        // deref() keeps the handle until the next turn of the event loop.
        do {
          await new Promise((resolve) => setTimeout(resolve, 10))
          gc()
        } while (handle.deref())
        await new Promise((resolve) => setTimeout(resolve, 50)) // finalizers run later
        console.log(lockFile(path))
      })()
    `
    const { stdout } = spawnSync(process.execPath, ['--expose-gc', '-e', script], { encoding: 'utf8' })
    expect(stdout).toBe('null\n')
  })

  test('is not inherited by a child process', async () => {
    const folder = newFolder()
    const body = `
      await lockFolder(${JSON.stringify(folder)})
      const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore', detached: true })
      console.log(child.pid)
      process.kill(process.pid, 'SIGKILL')
    `
    const { stdout } = spawnSync(process.execPath, ['-e', scriptOf('native', body)], { encoding: 'utf8' })
    const pid = Number(stdout)
    expect(pid).toBeGreaterThan(0)
    ends.push(() => process.kill(pid, 'SIGKILL'))
    ;(await lock('native', folder)).release()
  })

  test('locks a file that exists, once', () => {
    const path = root.path('größe 文字 🙂')
    expect(() => lockFile(path)).toThrow(expect.objectContaining({ code: 'internal' }))
    expect(() => lockFile(7 as never)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    writeFileSync(path, 'contents')
    const held = lockFile(path)!
    expect(lockFile(path)).toBeNull()
    expect(readFileSync(path, 'utf8')).toBe('contents')
    held.release()
    held.release()
    lockFile(path)!.release()
    expect(existsSync(path)).toBe(true)
  })

  test('a file system without locks: the process is looked up instead', async () => {
    const folder = newFolder()
    const without: LockFile = () => {
      throw Object.assign(new Error('no locks available'), { code: 'unsupported' })
    }
    const held = await lockFolder(folder, without)
    expect(recordIn(folder)!.contents.native).toBe(false)
    expect((await failureOf(() => lockFolder(folder, without))).code).toBe('run_busy')
    expect((await failureOf(() => lock('native', folder))).code).toBe('run_busy')
    held.release()
  })

  test('a starter whose record is removed before it has the lock starts again', async () => {
    const folder = newFolder()
    const before: LockFile[] = [
      (path) => {
        unlinkSync(path)
        return lockFile(path)
      },
      (path) => {
        const held = lockFile(path)
        unlinkSync(path)
        return held
      },
      // Another process examines the record for a moment.
      () => null,
    ]
    const held = await lockFolder(folder, (path) => (before.shift() ?? lockFile)(path))
    expect(before).toEqual([])
    const { path } = recordIn(folder)!
    expect(lockFile(path)).toBeNull()
    held.release()
  })

  test('a failure to lock is an error', async () => {
    const folder = newFolder()
    const failing: LockFile = () => {
      throw Object.assign(new Error('Input/output error'), { code: 'internal' })
    }
    const error = await failureOf(() => lockFolder(folder, failing))
    expect(error.code).toBe('write_failed')
    expect(error.message).toContain('Input/output error')
    expect(existsSync(folder)).toBe(false)
  })
})
