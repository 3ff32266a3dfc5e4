// Line endings of texts. Windows' are two characters, of which a model would learn the first as one of its own.

export const lineEndings = ['normalize', 'keep'] as const
export type LineEndings = (typeof lineEndings)[number]

/** CRLF and CR become line feeds, unless they are to be kept. */
export function withLineEndings(text: string, wanted: LineEndings): string {
  return wanted === 'keep' ? text : text.replace(/\r\n?/g, '\n')
}
