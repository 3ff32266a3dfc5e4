#!/usr/bin/env node
// Where the command `nano-gpt` begins.

import { report } from './errors'
import { guardPipes, note } from './output'
import { run } from './program'

async function main(): Promise<void> {
  guardPipes()
  // Node's own way to print a warning is for programmers.
  process.removeAllListeners('warning')
  process.on('warning', ({ message }) => note(`nano-gpt: ${message}`))
  const args = process.argv.slice(2)
  try {
    await run(args.length > 0 ? args : ['--help'])
  } catch (error) {
    process.exitCode = report(error, args)
  }
}

main()
