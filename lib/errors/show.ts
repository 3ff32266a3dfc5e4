// Values in sentences.

const longest = 200

/** A value as messages show it: strings in quotes and otherwise as they are, cut after `limit` characters. */
export function show(value: unknown, limit = longest): string {
  if (typeof value === 'string') return quote(cut(value, limit))
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** At most so much of a text, in whole characters. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  const cutsPair = /[\uD800-\uDBFF]/.test(text[limit - 1]) && /[\uDC00-\uDFFF]/.test(text[limit])
  return `${text.slice(0, cutsPair ? limit - 1 : limit)}…`
}

/** What a terminal would act on, or what turns the text around it. */
const acting = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/** A name in a sentence: as it is, but for what a terminal would act on. */
export function printable(name: string): string {
  return acting.test(name) ? quote(name) : name
}

/** Verbatim between the quotes that it doesn't contain; what a terminal would act on is escaped. */
function quote(text: string): string {
  if (acting.test(text)) {
    const coded = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    return JSON.stringify(text).replace(new RegExp(acting, 'gu'), coded)
  }
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
