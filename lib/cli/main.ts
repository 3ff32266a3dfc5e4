#!/usr/bin/env node
// Where the command `nano-gpt` begins.

import { report } from './errors'
import { guardPipes } from './output'
import { createProgram } from './program'

async function main(): Promise<void> {
  guardPipes()
  try {
    const given = process.argv.slice(2)
    await createProgram().parseAsync(given.length > 0 ? given : ['--help'], { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  }
}

main()
