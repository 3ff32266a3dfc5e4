// The playground: what its lines mean, what its keyboard passes on, and whole sessions in a
// pseudo-terminal.

import { readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { load } from '../../lib/api/model'
import { explain } from '../../lib/cli/errors'
import { Keyboard, textOf } from '../../lib/cli/keyboard'
import { completionsOf, entryOf, Settings, surface } from '../../lib/cli/playground_settings'
import { completeOptions } from '../../lib/options'
import { train } from '../../lib/train/train'
import { decoder, short, temporaryFolder } from '../support/runs'
import { ended, inTerminal, startInTerminal } from './command'
import { Screen } from './screen'

jest.setTimeout(60_000)

const messageOf = (work: () => void) => {
  try {
    work()
  } catch (error) {
    return explain(error, surface).message
  }
  throw new Error('nothing was thrown')
}

describe('a line', () => {
  test.each([
    ['ROMEO:', { kind: 'text', text: 'ROMEO:' }],
    ['', { kind: 'text', text: '' }],
    [' /help', { kind: 'text', text: ' /help' }],
    ['a⏎b⇥c', { kind: 'text', text: 'a\nb\tc' }],
    ['//path', { kind: 'text', text: '/path' }],
    ['/help', { kind: 'command', name: 'help', argument: '' }],
    ['/exit', { kind: 'command', name: 'quit', argument: '' }],
    ['/model  runs/my run ', { kind: 'command', name: 'model', argument: 'runs/my run' }],
    ['/top-k 40', { kind: 'setting', name: 'topK', argument: '40' }],
    ['/temperature', { kind: 'setting', name: 'temperature' }],
    ['/temperature  ', { kind: 'setting', name: 'temperature' }],
    ['/stop  a ', { kind: 'setting', name: 'stop', argument: ' a ' }],
  ])('%j', (line, entry) => {
    expect(entryOf(line)).toEqual(entry)
  })

  test.each([
    ['/temprature 1', 'Did you mean /temperature?'],
    ['/temp 1', 'Did you mean /temperature?'],
    ['/topK 1', 'Did you mean /top-k?'],
    ['/setings', 'Did you mean /settings?'],
    ['/prompt a', 'there is no command "/prompt"'],
    ['/constructor', 'there is no command "/constructor"'],
    ['/', 'there is no command "/"'],
  ])('%j is no command', (line, message) => {
    expect(messageOf(() => entryOf(line))).toContain(message)
    expect(messageOf(() => entryOf(line))).toMatch(/a text that begins with \/ is written with \/\/$/)
  })

  test('any text can be written', () => {
    const plain = fc.string({ unit: 'grapheme' }).filter((text) => !/[⏎⇥]/.test(text))
    fc.assert(
      fc.property(plain, (text) => {
        const line = text.replaceAll('\n', '⏎').replaceAll('\t', '⇥')
        expect(entryOf(line.startsWith('/') ? `/${line}` : line)).toEqual({ kind: 'text', text })
      }),
    )
  })
})

describe('settings', () => {
  test('are the options of generation, with values as on the command line', () => {
    const settings = new Settings({ temperature: 0.8, prompt: ['a'], n: 3 })
    const names = Object.keys(completeOptions).filter((name) => !['prompt', 'n', 'signal'].includes(name))
    expect(settings.all().map(({ word }) => word)).toEqual(
      names.map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
    )
    settings.set('topK', '40 ')
    settings.set('window', 'roll')
    settings.set('seed', '18446744073709551615')
    settings.set('stop', '\\n\\n')
    settings.set('stop', ' a')
    settings.set('without', '0.3, 2.1')
    expect(settings.options).toEqual({
      ...{ temperature: 0.8, topK: 40, window: 'roll', seed: 2n ** 64n - 1n, stop: ['\n\n', ' a'] },
      without: [
        { layer: 0, head: 3 },
        { layer: 2, head: 1 },
      ],
    })
    expect(settings.all().filter(({ isDefault }) => !isDefault)).toMatchObject([
      { word: 'temperature', value: '0.8' },
      { word: 'top-k', value: '40' },
      { word: 'stop', value: '"\\n\\n", " a"' },
      { word: 'window', value: 'roll' },
      { word: 'seed', value: '18446744073709551615' },
      { word: 'without', value: '0.3, 2.1' },
    ])
    expect(settings.shown('maxTokens')).toEqual({
      ...{ word: 'max-tokens', value: '500', isDefault: true },
      help: 'maximum number of tokens to generate (default: 500)',
    })
    settings.reset('/stop')
    settings.reset('top-k')
    expect(Object.keys(settings.options)).toEqual(['temperature', 'window', 'seed', 'without'])
    settings.reset('')
    expect(settings.options).toEqual({})
  })

  test.each([
    ['topP', '2', '/top-p is 2: must be at most 1'],
    ['temperature', 'warm', '/temperature is "warm": must be a number, such as 0.001 or 1e-3'],
    ['window', 'rol', `/window is "rol": must be 'exact' or 'roll'. Did you mean /window roll?`],
    ['seed', '-1', '/seed is "-1": must be a whole number from 0 to 18446744073709551615'],
    ['without', '3', '/without is "3": must be heads as layer.head, such as 0.3 or 0.3,2.1'],
  ])('/%s %s is rejected, and changes nothing', (name, value, message) => {
    const given = { topP: 0.9, window: 'exact', temperature: 2, seed: 7n, without: [{ layer: 0, head: 0 }] }
    const settings = new Settings(given)
    expect(messageOf(() => settings.set(name, value))).toBe(message)
    expect(messageOf(() => settings.reset('tempreture'))).toBe(
      'there is no setting "tempreture". Did you mean /reset temperature?',
    )
    expect(settings.options).toEqual(given)
  })

  test('the Tab key completes commands, names and values', () => {
    const runs = ['runs/a', 'runs/b']
    expect(completionsOf('/te', runs)).toEqual(['/temperature '])
    expect(completionsOf('/', runs)).toEqual(expect.arrayContaining(['/quit ', '/model ', '/seed ']))
    expect(completionsOf('/model ', runs)).toEqual(['/model runs/a', '/model runs/b'])
    expect(completionsOf('/window r', runs)).toEqual(['/window roll'])
    expect(completionsOf('/reset top', runs)).toEqual(['/reset top-k', '/reset top-p'])
    expect([completionsOf('The', runs), completionsOf('/seed 1', runs), completionsOf('', runs)]).toEqual([
      [],
      [],
      [],
    ])
  })
})

describe('the keyboard', () => {
  /** The lines that pass, each of which is read as soon as the one before has. */
  function linesOf(chunks: readonly Uint8Array[]): string {
    const keyboard = new Keyboard(() => {})
    keyboard.readLine()
    for (const chunk of chunks) {
      keyboard.write(chunk)
      keyboard.readLine()
    }
    return String(keyboard.read() ?? '')
  }

  const [begin, end] = ['\x1b[200~', '\x1b[201~']
  const pasted = fc
    .array(fc.constantFrom('a', '\r', '\n', '\r\n', '\t', 'é', '😀', '\x1b', '[', '\x03'))
    .map((parts) => parts.join(''))

  test('a pasted text is one line, however its bytes arrive', () => {
    const cuts = fc.array(fc.nat({ max: 200 }))
    fc.assert(
      fc.property(pasted, pasted, cuts, (first, second, places) => {
        const bytes = Buffer.from(`x${begin}${first}${end}y${begin}${second}${end}z`)
        const at = [...new Set([0, ...places.filter((place) => place < bytes.length), bytes.length])]
        at.sort((a, b) => a - b)
        const chunks = at.slice(1).map((to, i) => bytes.subarray(at[i], to))
        const plain = (text: string) => text.replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]/gu, '')
        // A lone Escape at the end of a chunk is a key, so that the first marker must not be cut there.
        fc.pre(!chunks.some((chunk, i) => chunk.at(-1) === 0x1b && isOutside(bytes, at[i + 1])))
        expect(textOf(linesOf(chunks))).toBe(`x${plain(first)}y${plain(second)}z`)
      }),
    )
  })

  /** Whether the byte before a place is the Escape of a marker that begins a pasted text. */
  const isOutside = (bytes: Buffer, place: number) =>
    bytes
      .subarray(place - 1)
      .toString()
      .startsWith(begin)

  test('what is typed while a line is processed waits; Ctrl-C discards it', () => {
    const interrupts = jest.fn()
    const keyboard = new Keyboard(interrupts)
    const read = () => String(keyboard.read() ?? '')
    keyboard.readLine()
    keyboard.write('one\rtwo\rthr')
    expect(read()).toBe('one\r')
    keyboard.write('ee\r')
    expect(read()).toBe('')
    keyboard.readLine()
    expect(read()).toBe('two\r')
    keyboard.readLine()
    expect(read()).toBe('three\r')
    keyboard.write('four\r\x03fi')
    expect(interrupts).toHaveBeenCalledTimes(1)
    keyboard.write('ve')
    keyboard.readLine()
    expect(read()).toBe('five')
    // While a line is read, Ctrl-C is a key like others.
    keyboard.write('\x03 a\x1b\rb')
    expect(read()).toBe('\x03 a⏎b')
    expect(interrupts).toHaveBeenCalledTimes(1)
  })
})

const folder = temporaryFolder()

/** A playground in a terminal. */
class Session {
  private output = ''
  readonly child
  readonly result

  constructor(args: readonly string[], env: Record<string, string> = {}, columns = 80) {
    const all = { NANO_GPT_CACHE: folder.path('cache'), ...env }
    const options = ['generate', '--device', 'js', '--max-tokens', '12', ...args]
    this.child = startInTerminal(options, columns, { cwd: folder.path(), env: all })
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.output += text
    })
    this.result = ended(this.child)
  }

  /** Types keys and returns what is printed, until the output matches; by default, up to a prompt. */
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the cursor is after the prompt
  async type(keys: string, until = /\n.*>(\x1b\[39m)? \x1b\[3G$/): Promise<string> {
    const from = this.output.length
    this.child.stdin.write(keys)
    return this.until(until, from)
  }

  // biome-ignore lint/suspicious/noControlCharactersInRegex: the cursor is after the prompt
  async until(pattern = />(\x1b\[39m)? \x1b\[3G$/, from = 0): Promise<string> {
    const deadline = Date.now() + 10_000
    while (!pattern.test(this.output.slice(from))) {
      if (this.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`no ${pattern} in ${JSON.stringify(this.output.slice(from))}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return this.output.slice(from)
  }

  /** The code of the process and the screen after it. */
  async end(columns = 80) {
    const { code } = await this.result
    return { code, screen: new Screen(columns).write(this.output.replaceAll('\x07', '')) }
  }
}

inTerminal('in a terminal', () => {
  beforeAll(async () => {
    const make = async (options: object, name: string) =>
      (await train({ ...options, device: 'js', out: folder.path('runs', name) })).dispose()
    await make({ ...short, steps: 1 }, 'other')
    await make({ ...short, tokenizer: 'byte', steps: 1 }, 'bytes')
    await make({ ...decoder, steps: 10 }, 'one')
  })

  test('texts, settings, another model, and leaving', async () => {
    const session = new Session(['--seed', '5'])
    await session.until()
    await session.type('The cat\r')
    await session.type('/max-tokens 5\r')
    await session.type('/top-p 7\r')
    await session.type('Ünknown\r')
    await session.type('/again\r')
    await session.type('/more\r')
    await session.type('/model other\r')
    await session.type('\r')
    await session.type('/quit\r', /2004l/)
    const { code, screen } = await session.end()
    expect(code).toBe(0)
    expect([screen.marksPastes, screen.isCursorVisible]).toEqual([false, true])
    const texts: string[] = []
    for (const [path, prompt, maxTokens] of [
      ['one', 'The cat', 12],
      ['one', 'The cat', 5],
      ['other', '', 5],
    ] as const) {
      const model = await load(folder.path('runs', path), { device: 'js' })
      texts.push(await model.generate({ prompt, maxTokens, seed: 5 }))
      if (prompt !== '' && maxTokens === 5)
        texts.push(await model.generate({ prompt: prompt + texts[1], maxTokens, seed: 5 }))
      await model.dispose()
    }
    const facts = (tokens: number) => `seed 5, ${tokens} tokens in \\S+ m?s`
    const lines = (text: string) =>
      text
        .replace(/\n$/, '')
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replace(/ +(?=\n|$)/g, '')
    const wanted = [
      'nano-gpt playground',
      'runs/one, after 10 steps on text, char: a vocabulary of \\d+ characters',
      'Type the beginning of a text and press Enter. /help lists the commands.',
      '',
      '> The cat',
      `The cat${lines(texts[0])}`,
      facts(12),
      '',
      '> /max-tokens 5',
      '/max-tokens {2}5',
      '',
      '> /top-p 7',
      '/top-p is 7: must be at most 1',
      '',
      '> Ünknown',
      'the character "Ü" .* is not in the vocabulary[^>]*',
      '> /again',
      `The cat${lines(texts[1])}`,
      facts(5),
      '',
      '> /more',
      `… ${lines(texts[2])}`,
      facts(5),
      '',
      '> /model other',
      'runs/other, after 1 step on text, char: a vocabulary of \\d+ characters',
      '',
      '>',
      lines(texts[3]),
      facts(5),
      '',
      '> /quit',
    ]
    expect(screen.text).toMatch(new RegExp(`^${wanted.join('\\n')}$`))
  })

  test('the base of the first model is not that of another', async () => {
    const [base, out] = [folder.path('runs', 'one'), folder.path('adapted')]
    const options = { from: base, data: decoder.data, loraRank: 1, steps: 1, device: 'js', out } as const
    await (await train(options)).dispose()
    const session = new Session(['--model', 'adapted', '--base', 'runs/one'])
    await session.until()
    expect(await session.type('/model runs/other\r')).toContain('runs/other, after 1 step')
    await session.type('/quit\r', /2004l/)
    expect((await session.end()).code).toBe(0)
  })

  test('Ctrl-C stops a text, empties a line, and leaves', async () => {
    const session = new Session(['--max-tokens', '1000000', '--model', 'runs/one'])
    await session.until()
    await session.type('The\r', /The[\s\S]{20}/)
    const stopped = await session.type('typed ahead\r\x03')
    expect(stopped).toMatch(/seed \d+, [\d,]+ tokens in .* m?s, stopped/)
    expect(stopped).not.toContain('typed ahead')
    await session.type('/max-tokens 3\r')
    expect(await session.type('/again\r')).toMatch(/The.*[\s\S]*3 tokens/)
    await session.type('a line', /a line/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the line is drawn again
    await session.type('\x03', /\x1b\[3G$/)
    await session.type('\x03', /Ctrl-C again leaves\.[\s\S]*3G$/)
    await session.type('/seed 3\r')
    await session.type('\x03', /Ctrl-C again leaves\.[\s\S]*3G$/)
    await session.type('\x03', /2004l/)
    const { code, screen } = await session.end()
    expect(code).toBe(0)
    expect(screen.text).not.toContain('a line')
  })

  test('a second Ctrl-C after a text leaves, and so does Ctrl-D on an empty line', async () => {
    const session = new Session(['--max-tokens', '1000000'])
    await session.until()
    await session.type('The\r', /The[\s\S]{20}/)
    await session.type('\x03')
    await session.type('\x03', /2004l/)
    expect((await session.end()).code).toBe(0)
    const other = new Session([])
    await other.until()
    await other.type('ab\x04', /ab/)
    await other.type('\x7f\x7f\x04', /2004l/)
    expect((await other.end()).code).toBe(0)
  })

  test('a pasted text of several lines, and a text that is longer than the screen is wide', async () => {
    const session = new Session([], {}, 40)
    await session.until()
    const long = 'the cat sat on a mat and saw what the dog had done '.repeat(2)
    const shown = await session.type(`\x1b[200~The cat\r\nsat ${long}\x1b[201~\r`)
    expect(shown).toContain('The cat⏎sat the cat')
    expect(shown).toContain(`The cat\r\nsat ${long}`)
    await session.type('\x04', /2004l/)
    const { screen } = await session.end(40)
    expect(screen.text).toContain(`The cat\nsat ${long}`.slice(0, 40))
  })

  test('control characters that a model generates do not reach the terminal', async () => {
    const session = new Session(['--model', 'runs/bytes', '--seed', '1', '--max-tokens', '400'])
    await session.until()
    await session.type('The\r')
    await session.type('/quit\r', /2004l/)
    const { stdout } = await session.result
    const model = await load(folder.path('runs', 'bytes'), { device: 'js' })
    const text = await model.generate({ prompt: 'The', seed: 1, maxTokens: 400 })
    await model.dispose()
    const shown = text.replace(/[^\P{Cc}\n\t]/gu, '·')
    // A byte model that has learned nothing generates any of them.
    expect(new Set(text.match(/[^\P{Cc}\n\t]/gu)).size).toBeGreaterThan(10)
    expect(stdout.replaceAll('\r\n', '\n')).toContain(`${shown}\n`.replace(/\n\n$/, '\n'))
  })

  test('the history is kept', async () => {
    const env = { NANO_GPT_CACHE: folder.path('history') }
    const session = new Session([], env)
    await session.until()
    await session.type('The cat\r')
    await session.type('/seed 3\r')
    await session.type('/quit\r', /2004l/)
    expect((await session.end()).code).toBe(0)
    expect(readFileSync(folder.path('history', 'playground_history'), 'utf8')).toBe(
      'The cat\n/seed 3\n/quit\n',
    )
    const again = new Session([], env)
    await again.until()
    await again.type('\x1b[A\x1b[A', /\/seed 3/)
    await again.type('\r', /\/seed {2}3/)
    await again.type('/quit\r', /2004l/)
    await again.end()
    // One that cannot be read or written is no error.
    writeFileSync(folder.path('file'), '')
    const none = new Session([], { NANO_GPT_CACHE: folder.path('file') })
    await none.until()
    await none.type('The\r')
    await none.type('/quit\r', /2004l/)
    expect((await none.end()).code).toBe(0)
  })

  test('help, and NO_COLOR', async () => {
    const session = new Session([], { NO_COLOR: '1' })
    await session.until()
    const help = await session.type('/help\r')
    for (const word of ['again', 'more', 'model', 'quit', 'temperature', 'max-tokens', 'without'])
      expect(help).toMatch(new RegExp(`^ {2}/${word} `, 'm'))
    for (const line of help.split('\r\n')) expect(line.length).toBeLessThanOrEqual(80)
    await session.type('The\r')
    await session.type('/settings\r')
    await session.type('/quit\r', /2004l/)
    const { stdout } = await session.result
    for (const part of stdout.split('\x1b')) expect(part).not.toMatch(/^\[[\d;]*m/)
  })

  test('SIGTERM restores the terminal', async () => {
    const session = new Session(['--max-tokens', '1000000'])
    await session.until()
    await session.type('The\r', /The[\s\S]{20}/)
    const { pid } = session.child
    // The shell of `script` has become the command.
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), 'SIGTERM')
    const { code, screen } = await session.end()
    expect([code, screen.marksPastes]).toEqual([143, false])
    expect(screen.text).toMatch(/^seed \d+, .*, stopped$/m)
  })

  test.each<[string[], Record<string, string>]>([
    [['--prompt', ''], {}],
    [['--n', '1'], {}],
    [['--json'], {}],
    [[], { TERM: 'dumb' }],
    [[], { CI: 'true' }],
  ])('%j %j: no playground', async (args, env) => {
    const session = new Session(['--seed', '5', ...args], env)
    const { code, stdout } = await session.result
    expect(code).toBe(0)
    const model = await load(folder.path('runs', 'one'), { device: 'js' })
    const text = await model.generate({ seed: 5, maxTokens: 12 })
    await model.dispose()
    const printed = stdout.replaceAll('\r\n', '\n')
    expect(printed).toContain(args.includes('--json') ? JSON.stringify(text) : `${text}\n`)
    expect(printed).not.toContain('playground')
  })
})
