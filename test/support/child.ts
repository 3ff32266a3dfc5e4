// Scripts that run in a process or a worker thread of their own, with nano-gpt's sources at hand.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

const root = join(__dirname, '..', '..')
const typescript = join(__dirname, 'typescript.js')

/** JavaScript with `nano`, the library as users have it, and `text`, something to train on. */
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

/** Runs the body of an async function in a process of its own. */
export function runChild(body: string, env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', scriptOf(body)], {
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

/** The same in a worker thread; it may use `post(message)`. */
export function startWorker(body: string): Worker {
  return new Worker(
    `const post = (m) => require('node:worker_threads').parentPort.postMessage(m);${scriptOf(body)}`,
    {
      eval: true,
    },
  )
}
