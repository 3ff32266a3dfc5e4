export function switchOf(name: `NANO_GPT_${string}`): boolean | undefined
