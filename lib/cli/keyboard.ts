// What is typed and pasted into a prompt. Keys go to the prompt up to the end of a line; what is typed
// while the line is processed waits for the next prompt, except for Ctrl-C. A pasted text stays one
// line: its line feeds become visible characters, which `textOf` turns back.

import { Transform, type TransformCallback } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Terminals mark a pasted text if they are asked to ("bracketed paste"). */
export const [markPastes, ignorePastes] = ['\x1b[?2004h', '\x1b[?2004l']
const [pasteBegins, pasteEnds] = ['\x1b[200~', '\x1b[201~']
const interrupt = '\x03'
/** Alt-Enter. */
const altEnter = '\x1b\r'
/** What stands for a line feed and a tab in a line. */
const [lineFeed, tab] = ['⏎', '⇥']

/** The text that a line of the prompt stands for. */
export function textOf(line: string): string {
  return line.replaceAll(lineFeed, '\n').replaceAll(tab, '\t')
}

export class Keyboard extends Transform {
  private readonly decoder = new StringDecoder('utf8')
  /** The beginning of a marker, or of a CR LF, of which the rest has not arrived. */
  private rest = ''
  private isPasting = false
  private isHolding = true
  private held = ''

  /** @param onInterrupt called for Ctrl-C while no line is read */
  constructor(private readonly onInterrupt: () => void) {
    super()
  }

  /** Lets one line pass, beginning with what has been typed ahead. */
  readLine(): void {
    this.isHolding = false
    this.pass(this.held)
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const keys = this.keysOf(this.rest + this.decoder.write(chunk))
    if (this.isHolding) this.hold(keys)
    else this.pass(keys)
    done()
  }

  /** Passes keys up to the end of a line, and holds those after it. */
  private pass(keys: string): void {
    const end = keys.search(/[\r\n]/) + 1
    this.held = ''
    this.push(end === 0 ? keys : keys.slice(0, end))
    if (end === 0) return
    this.isHolding = true
    this.hold(keys.slice(end))
  }

  private hold(keys: string): void {
    const at = keys.lastIndexOf(interrupt)
    if (at < 0) {
      this.held += keys
      return
    }
    // As in a shell, Ctrl-C also discards what was typed ahead.
    this.held = keys.slice(at + 1)
    this.onInterrupt()
  }

  /** The keys of a text from the terminal, without markers. Stores an incomplete end in `rest`. */
  private keysOf(text: string): string {
    let keys = ''
    for (;;) {
      const marker = this.isPasting ? pasteEnds : pasteBegins
      const at = text.indexOf(marker)
      if (at < 0) break
      keys += this.inWords(text.slice(0, at))
      text = text.slice(at + marker.length)
      this.isPasting = !this.isPasting
    }
    const kept = text.length - this.openEnd(text)
    this.rest = text.slice(kept)
    return keys + this.inWords(text.slice(0, kept))
  }

  /** The length of the end of a text that may continue as a marker or a CR LF. */
  private openEnd(text: string): number {
    const marker = this.isPasting ? pasteEnds : pasteBegins
    // A lone Escape outside of a pasted text is a key.
    const fewest = this.isPasting ? 1 : 2
    for (let length = Math.min(marker.length - 1, text.length); length >= fewest; length--) {
      if (text.endsWith(marker.slice(0, length))) return length
    }
    return this.isPasting && text.endsWith('\r') ? 1 : 0
  }

  private inWords(text: string): string {
    if (!this.isPasting) return text.replaceAll(altEnter, lineFeed)
    // Other control characters would act as keys.
    return text
      .replace(/\r\n|\r|\n/g, lineFeed)
      .replaceAll('\t', tab)
      .replace(/\p{Cc}/gu, '')
  }
}
