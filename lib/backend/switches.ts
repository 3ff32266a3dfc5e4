// The variables of the environment that turn things on and off: NANO_GPT_… (docs/devices.md lists them).

const words: Readonly<Record<string, boolean>> = {
  '1': true,
  true: true,
  yes: true,
  on: true,
  '0': false,
  false: false,
  no: false,
  off: false,
}

/** Whether a variable turns its thing on or off; undefined: it isn't set, or says neither. */
export function switchOf(name: `NANO_GPT_${string}`): boolean | undefined {
  return words[process.env[name]?.trim().toLowerCase() ?? '']
}
