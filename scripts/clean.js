// Removes what was compiled before: a file that has become a folder would hide it.

const { rmSync } = require('node:fs')
const { join } = require('node:path')

rmSync(join(__dirname, '..', 'dist'), { recursive: true, force: true })
