// Tests that `npm test` leaves out, so that it takes less than five minutes: those that take long, as they
// start many processes, train much, or read much. They run in CI, and if files are named.

const long = [
  ...['backend/dropped', 'backend/large', 'backend/malformed', 'cli/bench', 'cli/help', 'cli/inspect'],
  ...['cli/playground', 'cli/runs', 'cli/stages', 'cli/sweep', 'cli/terminal', 'docs/snippets', 'examples/'],
  ...['files/lock', 'scripts/soak', 'studio/runs', 'studio/speed', 'studio/stages', 'studio/timeline'],
  ...['sweep/sweep', 'train/auto', 'train/digests', 'train/large', 'train/one_step', 'train/replay'],
  ...['train/saving', 'train/workers'],
]

/** Patterns of the tests that jest, called with these arguments, leaves out. */
function leftOut(given = process.argv.slice(2)) {
  const isNamed = given.some((argument) => !argument.startsWith('-'))
  return process.env.CI || isNamed ? [] : long.map((path) => `<rootDir>/test/${path}`)
}

module.exports = { leftOut, long }
