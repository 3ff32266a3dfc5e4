// Scripts that run in a separate process or worker thread and can load nano-gpt's sources.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

const root = join(__dirname, '..', '..')
const typescript = join(__dirname, 'typescript.js')

/**
 * JavaScript that defines `nano`, the library as users see it, and `text`, a training text.
 *
 * @param body the body of an async function
 */
export const scriptOf = (body: string) => `
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
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, '-e', scriptOf(body)], {
      cwd: root,
      env: { ...process.env, ...env },
    })
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
