// Removes the old build, because a file of a module that is now a folder would hide the folder.

const { rmSync } = require('node:fs')
const { join } = require('node:path')

rmSync(join(__dirname, '..', 'dist'), { recursive: true, force: true })
