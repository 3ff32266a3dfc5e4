// scripts/ci/release.js, which decides whether a tag is released.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../support/runs'

const folder = temporaryFolder()
const script = join(__dirname, '..', '..', 'scripts', 'ci', 'release.js')

interface Project {
  readonly version?: string
  readonly locked?: string
  readonly changelog?: string
  readonly repository?: string | { readonly url: string }
}

/** Runs the script on a project in a temporary folder. */
function release(tag: string, project: Project = {}) {
  const {
    version = '1.2.0',
    locked = version,
    repository = { url: 'git+https://github.com/a/b.git' },
  } = project
  const {
    changelog = '# Changelog\n\n## 1.2.0 — 2026-01-31\n\n### CLI\n\n* More.\n\n## 1.1.0 — 2026-01-01\n',
  } = project
  writeFileSync(folder.path('package.json'), JSON.stringify({ version, repository }))
  const lock = { version: locked, packages: { '': { version: locked } } }
  writeFileSync(folder.path('package-lock.json'), JSON.stringify(lock))
  writeFileSync(folder.path('CHANGELOG.md'), changelog)
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, tag, '--repository', 'a/b'], {
    env: { ...process.env, ROOT: folder.path() },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('it prints the changelog of the version', () => {
  expect(release('v1.2.0')).toEqual({ status: 0, stdout: '### CLI\n\n* More.\n', stderr: '' })
  for (const repository of ['https://github.com/a/b', 'git@github.com:a/b.git', 'github:a/b'])
    expect(release('v1.2.0', { repository })).toMatchObject({ status: 0, stderr: '' })
})

test.each<[string, Project, string]>([
  ['v1.3.0', {}, 'the tag is v1.3.0, but package.json has the version 1.2.0'],
  ['1.2.0', {}, 'the tag is 1.2.0, but'],
  ['v1.2.0', { locked: '1.1.0' }, 'package-lock.json has the version 1.1.0, not 1.2.0'],
  ['v1.2', { version: '1.2' }, 'CHANGELOG.md has no section for 1.2'],
  ['v1.2.0', { changelog: '## 1.2.0 — unreleased\n\n* More.\n' }, 'it must end with a date'],
  [
    'v1.2.0',
    { changelog: '## 1.2.0 — 2026-01-31\n\n## 1.1.0 — 2026-01-01\n\n* Less.\n' },
    'has nothing about 1.2.0',
  ],
  ['v1.2.0', { repository: 'https://github.com/a/c' }, 'has the repository https://github.com/a/c'],
])('%s of %j is rejected', (tag, project, reason) => {
  const { status, stdout, stderr } = release(tag, project)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain(reason)
})
