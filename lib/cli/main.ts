#!/usr/bin/env node
// The entry point of the command `nano-gpt`.

import { report } from './errors'
import { guardPipes, note } from './output'
import { run } from './program'

async function main(): Promise<void> {
  guardPipes()
  // Print warnings without Node's process id and stack hints.
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
