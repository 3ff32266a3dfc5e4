// Writes the cases of test/support/table.ts as case files for nano-run, with an index, cases.json:
// node scripts/write_cases.js FOLDER
const { spawnSync } = require('node:child_process')
const { existsSync, mkdirSync, readdirSync } = require('node:fs')
const { join, resolve } = require('node:path')

const root = join(__dirname, '..')

/** Fills `folder` and returns the paths of the files. */
function writeCases(folder) {
  mkdirSync(folder, { recursive: true })
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js')
  const args = [jest, 'test/ops/parity', '-t', 'the table has every op']
  const env = { ...process.env, NANO_GPT_CASES: resolve(folder) }
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`the cases could not be written:\n${stderr}`)
  const files = readdirSync(folder).filter((name) => name.endsWith('.case'))
  if (files.length < 1000) throw new Error(`only ${files.length} cases were written to ${folder}`)
  return files.sort().map((name) => join(folder, name))
}

module.exports = { writeCases }

if (require.main === module) {
  const folder = process.argv[2]
  if (!folder || (existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.case')))) {
    console.error('usage: node scripts/write_cases.js FOLDER (which must not contain case files)')
    process.exit(2)
  }
  console.log(`${writeCases(folder).length} cases`)
}
