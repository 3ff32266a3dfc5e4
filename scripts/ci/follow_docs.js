// Follows docs/add-an-op.md in a copy of the project: writes its files, makes its insertions, and runs its commands.
const { execFileSync, execSync } = require('node:child_process')
const {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')

const root = join(__dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'add-an-op.md'), 'utf8')

function copyProject() {
  const folder = mkdtempSync(join(tmpdir(), 'nano-gpt-docs-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  })
  for (const file of listed.toString().split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  return folder
}

/** Inserts `text` after the one line that begins with `anchor`. */
function insert(path, anchor, text) {
  const lines = readFileSync(path, 'utf8').split('\n')
  const found = lines.flatMap((line, at) => (line.startsWith(anchor) ? [at] : []))
  if (found.length !== 1)
    throw new Error(`${path}: ${found.length} lines begin with ${JSON.stringify(anchor)}`)
  lines.splice(found[0] + 1, 0, ...text.trimEnd().split('\n'))
  writeFileSync(path, lines.join('\n'))
}

function follow(folder) {
  const blocks = page.matchAll(/^```(\w+) (new|in|run)(?:=(\S+))?(?: after="(.*)")?\n([\s\S]*?)^```$/gm)
  let count = 0
  for (const [, , kind, file, anchor, text] of blocks) {
    count++
    if (kind === 'new') writeFileSync(join(folder, file), text)
    else if (kind === 'in') insert(join(folder, file), anchor, text)
    else
      execSync(`set -e\n${text}`, {
        cwd: folder,
        stdio: 'inherit',
        env: { ...process.env, NANO_GPT_REQUIRE_NATIVE: '1' },
      })
  }
  if (count < 10) throw new Error(`only ${count} blocks of docs/add-an-op.md were understood`)
}

const folder = copyProject()
try {
  follow(folder)
  console.log('docs/add-an-op.md: followed')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
