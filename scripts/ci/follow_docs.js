// Follows docs/add-an-op.md and docs/add-an-option.md, each in a copy of the project: writes their
// files, makes their edits and runs their commands.
//
//   node scripts/ci/follow_docs.js [PAGE…]     default: both
const { execFileSync, execSync } = require('node:child_process')
const {
  cpSync,
  existsSync,
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
const all = ['add-an-op.md', 'add-an-option.md']

/**
 * A file with settings for CMake: no optimization, with which compiling takes a third of the time. A page's
 * few cases don't need it.
 */
const toolchainOf = (folder) => join(folder, 'unoptimized.cmake')

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
  writeFileSync(toolchainOf(folder), 'set(CMAKE_CXX_FLAGS_RELEASE "-O0" CACHE STRING "")\n')
  // A page without native changes needs no build of its own.
  const built = join('build', 'Release', 'nano_gpt.node')
  if (existsSync(join(root, built))) cpSync(join(root, built), join(folder, built))
  return folder
}

/** Puts `text` after, before or instead of the single line that begins with `anchor`. */
function edit(path, where, anchor, text) {
  const lines = readFileSync(path, 'utf8').split('\n')
  const found = lines.flatMap((line, at) => (line.startsWith(anchor) ? [at] : []))
  if (found.length !== 1)
    throw new Error(`${path}: ${found.length} lines begin with ${JSON.stringify(anchor)}`)
  const at = where === 'after' ? found[0] + 1 : found[0]
  lines.splice(at, where === 'instead' ? 1 : 0, ...text.trimEnd().split('\n'))
  writeFileSync(path, lines.join('\n'))
}

function follow(name, folder) {
  const page = readFileSync(join(root, 'docs', name), 'utf8')
  const blocks = page.matchAll(
    /^```(\w+) (new|in|run)(?:=(\S+))?(?: (after|before|instead)="(.*)")?\n([\s\S]*?)^```$/gm,
  )
  let count = 0
  for (const [, , kind, file, where, anchor, text] of blocks) {
    count++
    if (kind === 'new') writeFileSync(join(folder, file), text)
    else if (kind === 'in') edit(join(folder, file), where, anchor, text)
    else
      execSync(`set -e\n${text}`, {
        cwd: folder,
        stdio: 'inherit',
        env: { ...process.env, NANO_GPT_REQUIRE_NATIVE: '1', CMAKE_TOOLCHAIN_FILE: toolchainOf(folder) },
      })
  }
  if (count < 5) throw new Error(`only ${count} blocks of docs/${name} were found`)
}

const pages = process.argv.slice(2)
for (const name of pages.length > 0 ? pages : all) {
  const folder = copyProject()
  try {
    follow(name, folder)
    console.log(`docs/${name}: followed`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
