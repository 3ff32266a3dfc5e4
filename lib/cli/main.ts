#!/usr/bin/env node
// Where the command `nano-gpt` begins.

import { report } from './errors'
import { guardPipes, note } from './output'
import { createProgram } from './program'

async function main(): Promise<void> {
  guardPipes()
  // Node's own way to print a warning is for programmers.
  process.removeAllListeners('warning')
  process.on('warning', ({ message }) => note(`nano-gpt: ${message}`))
  try {
    const given = process.argv.slice(2)
    await createProgram().parseAsync(given.length > 0 ? given : ['--help'], { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

main()
