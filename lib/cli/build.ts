// `nano-gpt build`: compiles the native engine, where `npm install` didn't.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { NanoGptError } from '../errors'
import { exitCodes } from './errors'
import { command, json, say } from './output'

const script = join(__dirname, '..', '..', 'scripts', 'install.js')

export function buildCommand(options: { json?: boolean }): void {
  const output = options.json ? 'pipe' : 'inherit'
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--build'], {
    stdio: ['ignore', output, output],
    encoding: 'utf8',
  })
  if (options.json && status !== 0)
    throw new NanoGptError('build', stderr.trim().replace(/^nano-gpt: /, '').replaceAll('
nano-gpt: ', '. '))
      'build',
      stderr
        .trim()
        .replace(/\s*^nano-gpt: /gm, ' ')
        .trim(),
    )
  if (options.json) json({ type: 'result', path: /ready \((.*)\)/.exec(stdout)![1] })
  // Otherwise the script has said why.
  else if (status !== 0) process.exitCode = exitCodes.error
  else say(`${command('info')} shows the devices that it can use.`)
}
