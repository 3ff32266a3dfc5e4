// Formats values for messages.

const longest = 200

/** A value for a message. Strings are quoted, and cut after `limit` characters. */
export function show(value: unknown, limit = longest): string {
  if (typeof value === 'string') return quote(cut(value, limit))
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** At most `limit` UTF-16 units of a text, without splitting a surrogate pair. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  const cutsPair = /[\uD800-\uDBFF]/.test(text[limit - 1]) && /[\uDC00-\uDFFF]/.test(text[limit])
  return `${text.slice(0, cutsPair ? limit - 1 : limit)}…`
}

/** Characters that control a terminal or change the direction of text. */
const acting = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/** A name for a message: unchanged, or as by `show` if it is long or has control characters. */
export function printable(name: string): string {
  return acting.test(name) || name.length > longest ? show(name) : name
}

/** Quotes a text with a kind of quote that it does not contain. Control characters are escaped. */
function quote(text: string): string {
  if (acting.test(text)) return withoutActing(JSON.stringify(text))
  if (!text.includes('"')) return `"${text}"`
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`
}

function withoutActing(text: string): string {
  const coded = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replace(new RegExp(acting, 'gu'), coded)
}

/** The message of an error, for an error that wraps it. JSON.parse quotes the file in its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message || (error as NodeJS.ErrnoException).code || error.name
  // The message of fetch is only "fetch failed"; its cause has the reason. Messages of NanoGptError repeat it.
  const cause = error.cause instanceof Error ? reasonOf(error.cause) : ''
  const own = message.split('\n').map(withoutActing).join('\n')
  return own.includes(cause) ? own : `${own}: ${cause}`
}
