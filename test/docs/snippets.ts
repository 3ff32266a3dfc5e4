// Finds the snippets of the documentation and runs them as a reader would, except for steps, sizes
// and minutes.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { transformSync } from '@swc/core'
import { cacheFolder } from '../../lib/data/cache'
import { ensureBuilt } from '../cli/command'

export const root = join(__dirname, '..', '..')

export interface Snippet {
  readonly language: 'ts' | 'js' | 'sh'
  readonly code: string
  /** The page's line number of the snippet's first line. */
  readonly line: number
  /** Why the snippet is not run; absent if it is. */
  readonly notRun?: string
}

/** A fence may follow `<!-- not run: reason -->`. */
const fence = /(?:^<!-- not run:(.*)-->\n+)?^```(.*)\n([\s\S]*?)^```$/gm
/** Fences that hold output, data or pictures. */
const notCode = ['', 'jsonc', 'json', 'text']

/**
 * @throws Error for a language that cannot be run, and for a snippet that is skipped without a
 * reason
 */
export function snippetsOf(page: string): Snippet[] {
  return [...page.matchAll(fence)].flatMap(([all, reason, language, code]) => {
    const line = page.slice(0, page.indexOf(all)).split('\n').length + all.split('```')[0].split('\n').length
    if (notCode.includes(language)) return []
    if (language !== 'ts' && language !== 'js' && language !== 'sh')
      throw new Error(`line ${line}: nothing runs "${language}"`)
    if (reason?.trim() === '') throw new Error(`line ${line}: it says "not run", but not why`)
    return [{ language, code, line, ...(reason && { notRun: reason.trim() }) }]
  })
}

const words = 'O Romeo, what news? My dear Juliet\nhow fares the night: I love thee!\n'.split(' ')
/** A text with the letters of Tiny Shakespeare, about 20 kB long. */
const text = Array.from({ length: 4000 }, (_, i) => words[(i * i + (i >> 3)) % words.length]).join(' ')
const everyLetter = `${String.fromCharCode(...Array.from({ length: 26 }, (_, i) => 65 + i))}${String.fromCharCode(
  ...Array.from({ length: 26 }, (_, i) => 97 + i),
)}\n!$&',-.3:;? `

/** Files that snippets refer to. */
const textFiles = ['my-notes.txt', 'letters.txt', 'your.txt', 'stand-in.txt']

const isCached = existsSync(join(cacheFolder(), 'shakespeare.txt'))

/** Makes a folder like a reader's after `npm install nano-gpt`, with texts. */
export function prepareFolder(folder: string): void {
  ensureBuilt()
  mkdirSync(join(folder, 'bin'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules', 'nano-gpt'), 'junction')
  const run = `exec '${process.execPath}' '${join(__dirname, 'nano_gpt.js')}' "$@"\n`
  writeFileSync(join(folder, 'bin', 'nano-gpt'), `#!/bin/sh\n${run}`, { mode: 0o755 })
  writeFileSync(join(folder, 'bin', 'npx'), `#!/bin/sh\n[ "$1" = nano-gpt ] || exit 9\nshift\n${run}`, {
    mode: 0o755,
  })
  for (const name of textFiles) writeFileSync(join(folder, name), everyLetter + text + everyLetter.repeat(20))
}

export interface Ended {
  readonly status: number | null
  readonly output: string
}

export function runSnippet({ language, code, line }: Snippet, folder: string): Ended {
  if (language === 'sh') return runIn(folder, '/bin/sh', ['-e', '-c', code])
  const script = `snippet-${line}.mjs`
  writeFileSync(join(folder, script), compiled(code))
  return runIn(folder, process.execPath, [script])
}

/** Compiles to JavaScript, with steps, sizes and minutes reduced as in nano_gpt.js. */
function compiled(code: string): string {
  const small = code
    .replace(/\bsteps: (\d+)/g, (_, steps) => `steps: ${Math.ceil(steps / 100)}`)
    .replace(/\bmaxTokens: (\d+)/g, (_, tokens) => `maxTokens: ${Math.ceil(tokens / 20)}`)
    // The preset's 100 warm-up steps would be more than the remaining steps.
    .replace(
      /\bpreset: 'cpu'/g,
      "preset: 'cpu', layers: 1, embed: 32, batchSize: 2, evalBatches: 1, warmup: 1",
    )
    .replace(/\bdata: 'shakespeare'/g, (data) => (isCached ? data : "data: './stand-in.txt'"))
  return transformSync(small, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  }).code
}

function runIn(folder: string, command: string, args: readonly string[]): Ended {
  const { npm_command: _, npm_lifecycle_event: __, ...own } = process.env
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...own,
      PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`,
      ...(!isCached && { SNIPPET_TEXT: './stand-in.txt' }),
    },
  })
  return { status, output: stdout + stderr }
}

export function readPage(name: string): string {
  return readFileSync(join(root, name), 'utf8')
}
