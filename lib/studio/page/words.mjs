// Numbers in words.

const whole = new Intl.NumberFormat('en')

export const count = (value) => whole.format(Math.round(value))

/** 1 step, 2 steps */
export const plural = (value, word) => `${count(value)} ${word}${value === 1 ? '' : 's'}`

/** 155,776 → 156 thousand */
export function roughly(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} million`
  return value >= 1000 ? `${count(value / 1000)} thousand` : count(value)
}

/** 0.071 → 7.1 %. The spaces do not break lines. */
export function percent(part) {
  if (part === 0) return '0\u00a0%'
  return part < 0.001 ? '<\u00a00.1\u00a0%' : `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)}\u00a0%`
}

/** 0.4 MB, 12 MB */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 9.95e6 ? 1 : 0)} MB`

/** How long something takes: 45 s, 2 min, 1 h 20 min. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** The number of equally likely choices that a loss is as hard to guess as. */
export const choices = (loss) => Math.exp(loss)

/** 4.4, 65 */
export function choicesWords(loss) {
  const among = choices(loss)
  return among < 9.95 ? among.toFixed(1) : count(among)
}

/** The names of characters that are hard to see. */
export const blankNames = new Map([
  [' ', 'space'],
  ['\n', 'new line'],
  ['\t', 'tab'],
])

/** The text of a token as a name: “k”, the space. */
export function tokenWords(text) {
  if (text === '') return 'a part of a character'
  return blankNames.has(text) ? `the ${blankNames.get(text)}` : `“${text}”`
}

/** The text of tokens. A part of a character shows as a mark. */
export const textOf = (tokens) => tokens.map(({ text }) => text || '\ufffd').join('')

/** A head of a layer. The page counts from 1. */
export const headWords = ({ layer, head }) => `Head ${head + 1} of layer ${layer + 1}`

/** Of an ISO time: 14:05 today, or the date. */
export function when(time) {
  const date = new Date(time)
  const isToday = date.toDateString() === new Date().toDateString()
  return isToday
    ? date.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })
    : date.toLocaleDateString('en', { day: 'numeric', month: 'short', year: 'numeric' })
}

export const stateWords = {
  preparing: 'Getting ready',
  running: 'Training',
  stopping: 'Saving',
  stopped: 'Paused',
  finished: 'Finished',
  failed: 'Failed',
  interrupted: 'Interrupted',
}
