// Every snippet of README.md and docs/ runs, and runs again in the same folder. `npm run test:docs`
// follows docs/add-an-….md.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareFolder, readPage, root, runSnippet, type Snippet, snippetsOf } from './snippets'

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md') && !name.startsWith('add-an-'))
    .map((name) => `docs/${name}`),
]

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nano-gpt-snippets-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const found = pages
  .map((name) => ({
    name,
    snippets: snippetsOf(readPage(name)).filter(({ notRun }) => notRun === undefined),
  }))
  .filter(({ snippets }) => snippets.length > 0)

/** A run that snippets load. */
const firstRun: Snippet = {
  language: 'sh',
  line: 0,
  code: 'nano-gpt train --data ./stand-in.txt --steps 200 --out runs/first\n',
}

test.each(found)(
  'the snippets of $name run twice',
  ({ name, snippets }) => {
    prepareFolder(folder)
    const loads = snippets.some(({ code }) => code.includes('runs/first'))
    if (name !== 'README.md' && loads) expect(runSnippet(firstRun, folder)).toMatchObject({ status: 0 })
    for (const round of [1, 2]) {
      for (const snippet of snippets) {
        const { status, output } = runSnippet(snippet, folder)
        if (status !== 0)
          throw new Error(`${name}:${snippet.line}, run ${round}, ended with ${status}:\n${output}`)
      }
    }
  },
  // Many processes, one after another.
  300_000,
)

test('the README and docs/ have snippets that run', () => {
  expect(found.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['README.md', 'docs/generation.md', 'docs/stages.md', 'docs/variants.md']),
  )
})

test('a failing snippet is reported', () => {
  prepareFolder(folder)
  expect(
    runSnippet({ language: 'sh', code: 'npx nano-gpt train --stepz 3\ntrue\n', line: 1 }, folder),
  ).toEqual({ status: 2, output: expect.stringContaining('--stepz') })
})

test('skipping a snippet requires a reason and a known language', () => {
  expect(snippetsOf('a\n\n<!-- not run: needs a GPU -->\n```sh\nx\n```\n\n```ts\ny\n```\n')).toEqual([
    { language: 'sh', code: 'x\n', line: 5, notRun: 'needs a GPU' },
    { language: 'ts', code: 'y\n', line: 9 },
  ])
  expect(() => snippetsOf('<!-- not run: -->\n```sh\nx\n```\n')).toThrow('not why')
  expect(() => snippetsOf('```bash\nx\n```\n')).toThrow('nothing runs "bash"')
})
