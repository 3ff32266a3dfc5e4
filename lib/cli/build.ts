// `nano-gpt build`: compiles the native engine, where `npm install` didn't.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { NanoGptError } from '../errors'
import { exitCodes } from './errors'
import { command, json, say } from './output'

const root = join(__dirname, '..', '..')
const script = join(root, 'scripts', 'install.js')

export function buildCommand(options: { json?: boolean }): void {
  const output = options.json ? 'pipe' : 'inherit'
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--build'], {
    stdio: ['ignore', output, output],
    encoding: 'utf8',
  })
  if (options.json && status !== 0) throw new NanoGptError('build', withoutPrefixes(stderr))
  if (options.json) json({ type: 'result', path: join(root, /ready \((.*)\)/.exec(stdout)![1]) })
  // Otherwise the script has said why.
  else if (status !== 0) process.exitCode = exitCodes.error
  else say(`${command('info')} shows the devices that it can use.`)
}

/** The messages of the script, as one. */
const withoutPrefixes = (text: string) =>
  text
    .trim()
    .replace(/^nano-gpt: /, '')
    .replace(/\nnano-gpt: /g, '. ')
