// `node nano_gpt.js COMMAND …`: the command line for snippets of the documentation in tests, with
// steps, sizes and minutes reduced.

const { join } = require('node:path')

/**
 * The divisors of numbers. Steps keep their order, so that a resumed run has more of them than the
 * first.
 */
const divisors = { '--steps': 100, '--warmup': 100, '--momentum-warmup': 100, '--max-tokens': 20 }
const minutes = '0.01'

function shrunk(flag, value) {
  if (flag === '--minutes') return minutes
  const divisor = divisors[flag]
  return divisor === undefined ? value : String(Math.ceil(Number(value) / divisor))
}

/** Sizes and steps that the command leaves at their defaults. */
function defaultsOf(command, args) {
  const has = (name) => args.includes(`--${name}`)
  if (command === 'generate') return { 'max-tokens': 20 }
  if (command === 'bench') return { rounds: 1 }
  if (command === 'stages') return args.length > 0 ? { steps: 20, ...textOf(has) } : {}
  if (command === 'sweep')
    return { ...(!has('layers') && { preset: 'bigram' }), 'eval-batches': 1, ...textOf(has) }
  if (command !== 'train') return {}
  if (has('resume')) return { 'eval-batches': 1 }
  if (has('config')) return {}
  if (has('from')) return { steps: 3, 'eval-batches': 1 }
  const sizes = has('embed') || has('heads') ? {} : { embed: 32, heads: 4 }
  return {
    layers: 1,
    ...sizes,
    'block-size': 32,
    'batch-size': 2,
    'eval-batches': 1,
    ...(!has('minutes') && { steps: 3 }),
    ...textOf(has),
  }
}

/** Replaces Tiny Shakespeare where it cannot be downloaded. */
function textOf(has) {
  const { SNIPPET_TEXT } = process.env
  return SNIPPET_TEXT && !has('data') ? { data: SNIPPET_TEXT } : {}
}

const [node, , command, ...args] = process.argv
const added = Object.entries(defaultsOf(command, args)).filter(([name]) => !args.includes(`--${name}`))
process.argv = [
  node,
  'nano-gpt',
  command,
  ...args.map((arg, i) => shrunk(args[i - 1], arg)),
  ...added.flatMap(([name, value]) => [`--${name}`, String(value)]),
]
require(join(__dirname, '..', '..', 'dist', 'cli', 'main.js'))
