// Checks that a tag can be released, and prints the changelog of its version:
//   node scripts/ci/release.js v1.2.3 [--repository OWNER/NAME]
// npm's provenance requires that package.json names the repository which publishes.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

const [tag = '', option, repository] = process.argv.slice(2)
const root = process.env.ROOT ?? join(__dirname, '..', '..')
const read = (name) => readFileSync(join(root, name), 'utf8')
const problems = []

const { version, repository: declared } = JSON.parse(read('package.json'))
const locked = JSON.parse(read('package-lock.json'))
if (tag !== `v${version}`) problems.push(`the tag is ${tag}, but package.json has the version ${version}`)
if (locked.version !== version || locked.packages[''].version !== version)
  problems.push(`package-lock.json has the version ${locked.version}, not ${version}: run npm install`)

/** The heading of the version, with its date, and the text below it. */
const sections = read('CHANGELOG.md').split(/^## /m)
const [heading = '', ...lines] =
  sections.find((section) => section.split(/\s/, 1)[0] === version)?.split('\n') ?? []
const notes = lines.join('\n').trim()
if (heading === '') problems.push(`CHANGELOG.md has no section for ${version}`)
else if (!/\d{4}-\d{2}-\d{2}$/.test(heading))
  problems.push(`CHANGELOG.md has "${heading}": it must end with a date, as in "${version} — 2026-01-31"`)
else if (notes === '') problems.push(`CHANGELOG.md has nothing about ${version}`)

if (option === '--repository') {
  const url = (typeof declared === 'string' ? declared : declared?.url) ?? 'none'
  const found = url.match(/([^/:]+\/[^/]+?)(\.git)?$/)?.[1]
  if (found !== repository)
    problems.push(`package.json has the repository ${url}, not github.com/${repository}`)
}

for (const problem of problems) console.error(`release: ${problem}`)
if (problems.length > 0) process.exit(1)
console.log(notes)
