// Scripts that run in a separate process or worker thread and can load nano-gpt's sources.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

const root = join(__dirname, '..', '..')
const typescript = join(__dirname, 'typescript.js')

/**
 * JavaScript that defines `nano`, the library as users see it, and `text`, a training text.
 */
const scriptOf = (body: string) => `
  require(${JSON.stringify(typescript)})
  const nano = require(${JSON.stringify(join(root, 'lib', 'index.ts'))})
  const { someText } = require(${JSON.stringify(join(root, 'test', 'support', 'text.ts'))})
  const text = someText()
  ;(async () => {${body}})()
`

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs the body of an async function in a child process.
 *
 * @param flags of Node
 */
export function runChild(
  body: string,
  env: Record<string, string> = {},
  flags: readonly string[] = [],
): Promise<Ended> {
  return ended(
    spawn(process.execPath, [...flags, '-e', scriptOf(body)], { cwd: root, env: { ...process.env, ...env } }),
  )
}

/**
 * Like `runChild`, with limits of the system.
 *
 * @param limits shell commands: `ulimit -v 1000000`
 */
export function runLimited(limits: string, body: string): Promise<Ended> {
  const command = `${limits} && exec "$0" -e "$1"`
  return ended(spawn('sh', ['-c', command, process.execPath, scriptOf(body)], { cwd: root }))
}

function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Runs it in a worker thread; it may use `post(message)`. */
export function startWorker(body: string): Worker {
  return new Worker(
    `const post = (m) => require('node:worker_threads').parentPort.postMessage(m);${scriptOf(body)}`,
    {
      eval: true,
    },
  )
}
