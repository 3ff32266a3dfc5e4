// The environment variables NANO_GPT_… that switch features on or off. docs/install.md lists them.
// Plain JavaScript, because the install script of a clone runs before TypeScript is compiled.

const on = ['1', 'true', 'yes', 'on']
const off = ['0', 'false', 'no', 'off']

/**
 * Whether a variable switches its feature on or off. Undefined if it is unset or has another value.
 */
function switchOf(name) {
  const word = variable(name)?.trim().toLowerCase() ?? ''
  if (on.includes(word)) return true
  return off.includes(word) ? false : undefined
}

/** The value of an environment variable; undefined if it is unset, or if Deno denies access to it. */
function variable(name) {
  try {
    return process.env[name]
  } catch {
    return undefined
  }
}

module.exports = { switchOf, variable }
