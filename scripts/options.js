// Generates files from the tables of lib/options: the options' TypeScript declarations, and their
// tables in the docs.
//
//   node scripts/options.js           writes them (npm run options compiles first)
//   node scripts/options.js --check   fails if a file is out of date

const { readFileSync, readdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')
const declarations = 'lib/options/declarations.ts'

/** The interface that each table declares, and its description. */
const interfaces = {
  TrainOptions: ['trainOptions', 'Options of `train()`.'],
  GenerateOptions: ['generateOptions', "Options of a model's `generate()` and `stream()`."],
  CompleteOptions: ['completeOptions', "Options of a model's `complete()` and `streamAll()`."],
  LoadOptions: ['loadOptions', 'Options of `load()`.'],
  GenerateFromOptions: ['generateFromOptions', 'Options of `generate()`, which loads a model.'],
  EvaluateOptions: ['evaluateOptions', 'Options of `evaluate()`.'],
  LossOptions: [
    'lossOptions',
    "Options of a model's `loss()`, `tokenLosses()`, `logits()` and `activations()`.",
  ],
  AttentionOptions: ['attentionOptions', "Options of a model's `attention()`."],
  GradientOptions: ['gradientOptions', "Options of a model's `gradients()`."],
  ReportOptions: ['reportOptions', 'Options of `report()`.'],
}

/** Options that a call requires. */
const required = { GenerateFromOptions: ['model'], EvaluateOptions: ['model'] }

const upper = (text) => text[0].toUpperCase() + text.slice(1)

/** A sentence that says where an option applies; '' if everywhere. */
function appliesTo({ applies }) {
  return applies
    ? ` Only with \`${applies.option}\` ${applies.values.map((value) => `'${value}'`).join(', ')}.`
    : ''
}

/** The option's default, in words; "the preset's" if it is stored and has no default of its own. */
function defaultOf(row, { defaultWordsOf }) {
  const words = defaultWordsOf(row)
  if (words !== undefined) return words
  return row.stored ? "the preset's" : 'none'
}

function declaration(name, table, description, api) {
  const lines = Object.entries(table).map(([option, row]) => {
    const range = row.type.choices || row.type.ts === 'boolean' ? '' : ` ${upper(row.type.range)}.`
    const needed = required[name]?.includes(option)
    const usual = needed ? '' : ` Default: ${defaultOf(row, api)}.`
    const text = `${upper(String(row.help))}.${range}${appliesTo(row)}${usual}`.replaceAll('*/', '* /')
    return `  /** ${text} */\n  ${option}${needed ? '' : '?'}: ${row.type.ts}`
  })
  return `/** ${description} */\nexport interface ${name} {\n${lines.join('\n')}\n}\n`
}

/** The text of lib/options/declarations.ts. */
function declare(api) {
  const all = Object.entries(interfaces).map(([name, [table, description]]) =>
    declaration(name, api[table], description, api),
  )
  return `// What editors and compilers know of the options. Written by scripts/options.js from the tables beside it: change those, then run\n// \`npm run options\`.\n\n${all.join('\n')}`
}

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ')

/**
 * Where a resumed run gets an option that is not given. 'kept': always the run's own value.
 * 'recorded': another value is recorded in the checkpoint.
 */
function whenResumed({ resume, stored }) {
  return resume === 'keeps' ? 'kept' : resume === 'records' ? 'recorded' : stored ? 'inherited' : ''
}

/** The same for a new run that starts from another run's weights. */
function whenFrom({ from, stored }) {
  if (from === 'keeps') return 'kept'
  return stored && from !== 'default' ? 'inherited' : ''
}

function rows(table, group, api) {
  const stays = table === api.trainOptions
  const lines = Object.entries(table)
    .filter(([, row]) => row.group === group && !row.commandLine?.hidden)
    .map(([name, row]) => {
      const range =
        row.type.ts === 'boolean'
          ? '`true`, `false`'
          : row.type.choices
            ? row.type.choices.map((each) => `\`${each}\``).join(', ')
            : row.type.range
      const begins = stays ? ` ${whenResumed(row)} | ${whenFrom(row)} |` : ''
      return `| \`${name}\` | ${cell(range)} | ${cell(defaultOf(row, api))} |${begins} ${cell(`${row.help}.${appliesTo(row)}`)} |`
    })
  const begins = stays ? ' `resume` | `from` |' : ''
  const head = `| option | values | default |${begins} meaning |`
  return [head, head.replace(/[^|]+/g, '---'), ...lines].join('\n')
}

/** The error codes and their descriptions. */
function codes(api) {
  const lines = Object.entries(api.errorCodes).map(([code, says]) => `| \`${code}\` | ${cell(says)} |`)
  return ['| code | says |', '|---|---|', ...lines].join('\n')
}

const listed = /(<!-- error codes -->\n)[\s\S]*?(<!-- end -->)/g
const marked = /(<!-- options: (\w+) (\w+) -->\n)[\s\S]*?(<!-- end -->)/g

/**
 * A docs page with up-to-date tables: of options between `<!-- options: trainOptions optimizer -->`
 * and `<!-- end -->`, of error codes after `<!-- error codes -->`.
 */
function documented(page, api) {
  return page
    .replace(marked, (_, begin, table, group, end) => `${begin}\n${rows(api[table], group, api)}\n\n${end}`)
    .replace(listed, (_, begin, end) => `${begin}\n${codes(api)}\n\n${end}`)
}

/** Each generated file: its path, its current text and its expected text. */
function generated(api) {
  const pages = [
    'README.md',
    ...readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ]
  return [
    { path: declarations, wanted: declare(api) },
    ...pages.map((path) => ({ path, wanted: documented(readFileSync(join(root, path), 'utf8'), api) })),
  ].map(({ path, wanted }) => ({ path, wanted, found: readFileSync(join(root, path), 'utf8') }))
}

module.exports = { declare, documented, generated }

function main() {
  const stale = generated({ ...require('../dist/options'), ...require('../dist/errors') }).filter(
    ({ wanted, found }) => wanted !== found,
  )
  for (const { path, wanted } of stale) {
    if (process.argv.includes('--check')) console.error(`${path} is out of date: run npm run options`)
    else {
      writeFileSync(join(root, path), wanted)
      console.log(`wrote ${path}`)
    }
  }
  return process.argv.includes('--check') && stale.length > 0 ? 1 : 0
}

if (require.main === module) process.exit(main())
