// Tests that `npm test` leaves out, so that it takes less than five minutes: every snippet of the
// documentation, the examples, long lives of processes, many processes, and large data. They run in CI, and
// if files are named.

const long = [
  ...['backend/dropped', 'backend/large', 'cli/bench', 'cli/playground', 'cli/stages', 'cli/sweep'],
  ...['cli/terminal', 'docs/snippets', 'examples/', 'files/lock', 'scripts/soak', 'studio/runs'],
  ...['studio/speed', 'studio/stages', 'studio/timeline', 'train/large', 'train/replay', 'train/workers'],
]

/** Patterns of the tests that jest, called with these arguments, leaves out. */
function leftOut(given = process.argv.slice(2)) {
  const isNamed = given.some((argument) => !argument.startsWith('-'))
  return process.env.CI || isNamed ? [] : long.map((path) => `<rootDir>/test/${path}`)
}

module.exports = { leftOut, long }
