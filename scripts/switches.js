// The variables of the environment that turn things on and off, as lib/backend/switches.ts reads them: it isn't compiled yet when a
// package is installed.

const on = ['1', 'true', 'yes', 'on']
const off = ['0', 'false', 'no', 'off']

/** Whether a variable turns its thing on or off; undefined: it isn't set, or says neither. */
function switchOf(name) {
  const word = process.env[name]?.trim().toLowerCase() ?? ''
  if (on.includes(word)) return true
  return off.includes(word) ? false : undefined
}

module.exports = { switchOf }
