// Emulates the terminal features that the command line uses, and shows what is on the screen after
// printing.

/** A control sequence, or a character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches control sequences
const tokens = /\x1b\[[?\d;]*[A-Za-z]|[\s\S]/gu

export class Screen {
  private readonly rows: string[][] = [[]]
  private row = 0
  private column = 0
  isCursorVisible = true
  marksPastes = false

  constructor(private readonly columns: number) {}

  /** @throws Error for an unknown control sequence, whose effect on the screen is unknown */
  write(text: string): this {
    for (const [token] of text.matchAll(tokens)) {
      if (token.startsWith('\x1b')) this.control(token)
      else if (token === '\r') this.column = 0
      else if (token === '\n') this.moveTo(this.row + 1)
      else if (token < ' ') throw new Error(`unknown control character ${JSON.stringify(token)}`)
      else this.print(token)
    }
    return this
  }

  /** All lines printed and not erased, without trailing spaces and empty lines at the end. */
  get text(): string {
    const lines = this.rows.map((row) => Array.from(row, (character) => character ?? ' ').join(''))
    return lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd()
  }

  private print(character: string): void {
    // After the last column, a terminal wraps only when it prints another character.
    if (this.column === this.columns) {
      this.moveTo(this.row + 1)
      this.column = 0
    }
    this.rows[this.row][this.column++] = character
  }

  private moveTo(row: number): void {
    this.row = Math.max(0, row)
    while (this.rows.length <= this.row) this.rows.push([])
  }

  private control(sequence: string): void {
    const [, parameter, kind] = /^.\[([?\d;]*)([A-Za-z])$/u.exec(sequence)!
    const eraseRight = () => {
      this.rows[this.row].length = Math.min(this.column, this.rows[this.row].length)
    }
    if (kind === 'm') return
    if (kind === 'A') this.moveTo(this.row - Number(parameter || 1))
    else if (sequence === '\x1b[K') eraseRight()
    else if (kind === 'G') this.column = Number(parameter || 1) - 1
    else if (sequence === '\x1b[J' || sequence === '\x1b[0J') {
      eraseRight()
      this.rows.length = this.row + 1
    } else if (sequence === '\x1b[?25l') this.isCursorVisible = false
    else if (sequence === '\x1b[?25h') this.isCursorVisible = true
    else if (sequence === '\x1b[?2004h') this.marksPastes = true
    else if (sequence === '\x1b[?2004l') this.marksPastes = false
    else throw new Error(`unknown control sequence ${JSON.stringify(sequence)}`)
  }
}
