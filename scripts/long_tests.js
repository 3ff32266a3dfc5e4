// Tests that `npm test` leaves out, so that it takes less than five minutes: every snippet of the
// documentation, the examples, and long lives of processes. They run in CI, and if files are named.

const long = ['docs/snippets', 'examples/', 'backend/dropped', 'scripts/soak', 'studio/runs']

/** Patterns of the tests that jest, called with these arguments, leaves out. */
function leftOut(given = process.argv.slice(2)) {
  const isNamed = given.some((argument) => !argument.startsWith('-'))
  return process.env.CI || isNamed ? [] : long.map((path) => `<rootDir>/test/${path}`)
}

module.exports = { leftOut, long }
