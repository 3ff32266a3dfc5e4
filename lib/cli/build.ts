// `nano-gpt build`: compiles the native engine, where `npm install` didn't.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { NanoGptError } from '../errors'
import { json, say } from './output'

const script = join(__dirname, '..', '..', 'scripts', 'install.js')

export function buildCommand(options: { json?: boolean }): void {
  const output = options.json ? 'pipe' : 'inherit'
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--build'], {
    stdio: ['ignore', output, output],
    encoding: 'utf8',
  })
  if (status !== 0) {
    const [last] = stderr?.trim().split('\n').slice(-1) ?? []
    throw new NanoGptError('build', last ?? 'the native engine could not be compiled, for the reason above')
  }
  if (options.json) json({ type: 'result', path: /ready \((.*)\)/.exec(stdout)![1] })
  else say('`nano-gpt info` shows the devices that it can use.')
}
