// Values in sentences.

const longest = 200

/** A value as messages show it: strings in quotes and otherwise as they are, cut after `limit` characters. */
export function show(value: unknown, limit = longest): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'string') return quote(value.length > limit ? `${value.slice(0, limit)}…` : value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** Verbatim between the quotes that it doesn't contain; what a terminal would act on is escaped. */
function quote(text: string): string {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return JSON.stringify(text)
  if (!text.includes('"')) return `"${text}"`
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`
}

/** What went wrong, in words, for a message that wraps another error. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // fetch says only "fetch failed"; what happened is in its cause.
  const cause = error.cause instanceof Error ? `: ${reasonOf(error.cause)}` : ''
  const message = error.message || (error as NodeJS.ErrnoException).code || error.name
  return `${message}${cause}`
}
