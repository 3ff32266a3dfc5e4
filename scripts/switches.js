// The environment variables that turn features on and off, parsed as in lib/backend/switches.ts,
// which isn't compiled yet when a package is installed.

const on = ['1', 'true', 'yes', 'on']
const off = ['0', 'false', 'no', 'off']

/**
 * Whether a variable turns its feature on or off; undefined if it isn't set or has another value.
 */
function switchOf(name) {
  const word = process.env[name]?.trim().toLowerCase() ?? ''
  if (on.includes(word)) return true
  return off.includes(word) ? false : undefined
}

module.exports = { switchOf }
