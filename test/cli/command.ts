// Runs the command line as users do: dist/cli/main.js in a child process. It is compiled first if
// the sources are newer.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nativeRequired } from '../support/devices'

const root = join(__dirname, '..', '..')
/** A compiled file of lib/. */
export const compiled = (...names: string[]) => join(root, 'dist', ...names)
export const main = compiled('cli', 'main.js')

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export function start(args: readonly string[], { cwd, env }: StartOptions): ChildProcessWithoutNullStreams {
  ensureBuilt()
  const { npm_command: _, npm_lifecycle_event: __, ...own } = process.env
  return ours(spawn(process.execPath, [main, ...args], { cwd, env: { ...own, ...env } }))
}

const running = new Set<ChildProcessWithoutNullStreams>()

/** A test that fails must not leave its processes: some would run for hours. */
function ours(child: ChildProcessWithoutNullStreams): ChildProcessWithoutNullStreams {
  running.add(child)
  return child.on('exit', () => running.delete(child)).on('error', () => running.delete(child))
}
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts the command in a pseudo-terminal that is `columns` wide. Text written to the child's
 * standard input is typed. Requires `script` from util-linux.
 */
export function startInTerminal(
  args: readonly string[],
  columns: number,
  { cwd, env }: StartOptions,
): ChildProcessWithoutNullStreams {
  ensureBuilt()
  const words = [process.execPath, main, ...args].map((word) => `'${word}'`)
  const { npm_command: _, npm_lifecycle_event: __, CI, NO_COLOR, FORCE_COLOR, ...own } = process.env
  const plain = { ...own, TERM: 'xterm', SHELL: '/bin/sh' }
  const command = `stty cols ${columns} rows 30; exec ${words.join(' ')}`
  return ours(spawn('script', ['-qec', command, '/dev/null'], { cwd, env: { ...plain, ...env } }))
}

/**
 * Tests that require `script` from util-linux, which creates the terminal. Without it they are
 * skipped, or fail if the native tests are required.
 */
export function inTerminal(title: string, body: () => void): void {
  const { stdout } = spawnSync('script', ['--version'], { encoding: 'utf8' })
  if (stdout?.includes('util-linux')) {
    describe(title, body)
    return
  }
  const reason = 'there is no "script" of util-linux here'
  if (nativeRequired) {
    test(title, () => {
      throw new Error(reason)
    })
  } else {
    console.warn(`${title}: skipped, ${reason}`)
    describe.skip(title, body)
  }
}

/** Runs a command until it exits. */
export function run(args: readonly string[], options: StartOptions): Promise<Result> {
  return ended(start(args, options))
}

export function ended(child: ChildProcessWithoutNullStreams): Promise<Result> {
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...texts }))
  })
}

/** Resolves when standard output matches `pattern`. */
export function shown(child: ChildProcessWithoutNullStreams, pattern: RegExp): Promise<void> {
  let text = ''
  return new Promise((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (pattern.test(text)) resolve()
    })
  })
}

/** Parses the output of `--json`, one object per line. Fails if a line is not JSON. */
export function objects(stdout: string): { type: string; [key: string]: unknown }[] {
  expect(stdout.endsWith('\n')).toBe(true)
  return stdout
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line))
}

let built = false

/** Compiles dist/ if the sources are newer. */
export function ensureBuilt(): void {
  if (built) return
  // Test files run in parallel, and any of them may be the first.
  const lock = join(
    tmpdir(),
    `nano-gpt-build-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`,
  )
  const deadline = Date.now() + 60_000
  while (!take(lock) && Date.now() < deadline)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  try {
    if (isStale()) compile()
    built = true
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock)
    return true
  } catch {
    return false
  }
}

function isStale(): boolean {
  const compiled = statSync(main, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  return sources.some((path) => path.endsWith('.ts') && statSync(join(root, 'lib', path)).mtimeMs > compiled)
}

/** Ignores type errors, which `npm run lint` reports: tsc writes its output in spite of them. */
function compile(): void {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', root], { encoding: 'utf8' })
  if (isStale()) throw new Error(`dist/ could not be compiled: ${stdout}`)
}
