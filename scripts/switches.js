// The variables of the environment that turn things on and off, as lib/backend/switches.ts reads them: it isn't compiled yet when a
// package is installed.

const words = {
  1: true,
  true: true,
  yes: true,
  on: true,
  0: false,
  false: false,
  no: false,
  off: false,
}

/** Whether a variable turns its thing on or off; undefined: it isn't set, or says neither. */
const switchOf = (name) => words[process.env[name]?.trim().toLowerCase() ?? '']

module.exports = { switchOf }
