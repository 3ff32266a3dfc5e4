// The variables of the environment that turn things on and off: NANO_GPT_… (docs/devices.md lists them).

const on = ['1', 'true', 'yes', 'on']
const off = ['0', 'false', 'no', 'off']

/** Whether a variable turns its thing on or off; undefined: it isn't set, or says neither. */
export function switchOf(name: `NANO_GPT_${string}`): boolean | undefined {
  const word = process.env[name]?.trim().toLowerCase() ?? ''
  if (on.includes(word)) return true
  return off.includes(word) ? false : undefined
}
