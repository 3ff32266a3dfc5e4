// The layers of lib/: who may import whom, checked by dependency-cruiser in `npm run lint`. docs/architecture.md explains them.

const { Visitor } = require('@swc/core/Visitor.js')

// dependency-cruiser walks files with this class, which does not know `using` yet and throws.
const { visitStatement } = Visitor.prototype
Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement)
  this.visitVariableDeclarators(statement.decls)
  return statement
}

/**
 * Lowest first. A layer is a folder of lib/, or a file in it. It may import the layers named here, which all come before it, and
 * every layer may import `errors`.
 */
const layers = {
  errors: '',
  version: '',
  random: '',
  graph: '',
  ops: 'random graph',
  passes: 'graph ops',
  backend: 'graph ops passes',
  nn: 'random graph ops',
  optim: 'graph ops',
  files: '',
  tokenizer: 'files',
  data: 'tokenizer files',
  model: 'random graph ops passes backend nn optim tokenizer',
  presets: 'nn optim model',
  options: 'graph backend nn optim tokenizer data presets',
  stages: 'random graph ops nn tokenizer data model presets',
  architectures: 'nn optim model stages',
  checkpoint: 'version options graph nn tokenizer files model',
  history: 'options backend tokenizer files model checkpoint',
  report: 'version tokenizer history',
  generate: 'options random graph ops backend nn tokenizer',
  api: 'options graph backend nn tokenizer model architectures checkpoint generate',
  train: `version options random graph backend nn optim tokenizer files data model presets architectures
    checkpoint history report api`,
  sweep: 'version options backend files data checkpoint api train',
  index:
    'version options graph ops backend nn tokenizer model presets checkpoint history generate api train sweep',
  bench: `version options random graph ops passes backend optim tokenizer files data model presets stages architectures
    generate train`,
  studio: `version options random graph backend tokenizer files data model presets stages checkpoint history
    report api train bench`,
  cli: `version options random graph backend nn optim tokenizer files data model presets stages architectures
    checkpoint history generate api train sweep bench studio`,
}

const table = Object.entries(layers).map(([name, list]) => [name, list.match(/\w+/g) ?? []])
const names = table.map(([name]) => name)

// Every import leads to an earlier layer, so there can be no cycle.
table.forEach(([name, allowed], at) => {
  const wrong = allowed.find((other) => !names.slice(0, at).includes(other))
  if (wrong)
    throw new Error(`.dependency-cruiser.js: ${wrong} does not come before ${name}, which may import it`)
})

const filesOf = (some) => `^lib/(${some.join('|')})(/|[.]ts$)`

/** Where the library, the command line and the process that `bench` starts to measure memory begin. */
const entries = '^lib/(index|cli/main|bench/memory)[.]ts$'

module.exports = {
  forbidden: [
    ...table.map(([name, allowed]) => ({
      name,
      comment: `lib/${name} may import ${allowed.join(', ') || '–'}`,
      severity: 'error',
      from: { path: filesOf([name]) },
      to: { path: '^lib/', pathNot: filesOf([name, 'errors', ...allowed]) },
    })),
    {
      name: 'unknown-layer',
      comment: 'A folder of lib/ has a place among the layers of .dependency-cruiser.js',
      severity: 'error',
      from: { path: '^lib/', pathNot: filesOf(names) },
      to: {},
    },
    {
      name: 'unused-file',
      comment: 'Neither the library nor the command line reaches this file',
      severity: 'error',
      from: { path: entries },
      // The browser loads the files of the page.
      to: { path: '^lib/', pathNot: `${entries}|^lib/studio/page/`, reachable: false },
    },
  ],
  options: {
    includeOnly: '^lib/',
    // The script of a page, which runs in browsers.
    exclude: '^lib/report/page[.]js$',
    // TypeScript 7 has no JavaScript API. Imports of types count too.
    parser: 'swc',
    tsPreCompilationDeps: true,
  },
}
