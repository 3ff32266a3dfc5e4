// What browser.js and browser_studio.js share: the tools, and the count of failures. The first argument
// of either is a folder whose node_modules has playwright-core and axe-core.

const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { join, resolve } = require('node:path')

const root = join(__dirname, '..', '..')
const tools = resolve(process.argv[2])
const requireTool = createRequire(join(tools, 'package.json'))
const { chromium } = requireTool('playwright-core')
const axe = readFileSync(requireTool.resolve('axe-core/axe.min.js'), 'utf8')
const screenshots = join(root, 'build', 'screenshots')

const failures = { count: 0 }
const fail = (what) => {
  failures.count++
  console.log(`FAILED  ${what}`)
}

module.exports = { tools, root, chromium, axe, screenshots, failures, fail }
