// Errors as the command line words them: options become flags, calls become commands, and a user's
// text stays verbatim.

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { explain } from '../../lib/cli/errors'
import { command, shellQuoted } from '../../lib/cli/output'
import { argumentsOf, surfaceOf } from '../../lib/cli/surface'
import { inlineText, listed, NanoGptError, option, say, show } from '../../lib/errors'

const train = surfaceOf({ command: 'train' })

/** Texts that rewriting a message could damage: option names, paths, code and quotes. */
const fragment = fc.oneof(
  fc.constantFrom(
    'batchSize',
    'notes/trainSet.txt',
    'runs/gradientAccumulationSteps',
    '`data`',
    '{ text }',
    'train: ',
    '--out',
  ),
  fc.constantFrom(
    "device: 'auto'",
    'train({ resume: "a" })',
    'learningRate is 3',
    ' ',
    "'",
    'é',
    '🙂',
    '$1',
    '\\',
  ),
  fc.string(),
)
const anyText = fc.array(fragment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
const printable = anyText.filter((text) => !/[\p{Cc}\p{Zl}\p{Zp}"]/u.test(text) && text.length <= 200)

test('the names of options, subjects and calls', () => {
  const { option: word, subject, call, inlineText } = train
  expect(word('batchSize')).toBe('--batch-size')
  expect(word('device', 'auto')).toBe('--device auto')
  expect(word('data', 'my text.txt')).toMatch(/^--data ['"]my text\.txt['"]$/)
  expect([word('bias', true), word('bias', false)]).toEqual(['--bias', '--no-bias'])
  expect(word('signal')).toBe('`signal`')
  expect(word('without', [{ layer: 0, head: 3 }])).toBe('--without 0.3')
  expect([subject('gradientAccumulationSteps'), subject('my batchSize'), subject('signal')]).toEqual([
    '--gradient-accumulation-steps',
    'my batchSize',
    'signal',
  ])
  expect(call('train', { resume: 'runs/a' })).toBe(command('train', '--resume', 'runs/a'))
  expect(call('train', { resume: 'a b', steps: 5, bias: false, data: { text: 'x' } })).toBe(
    command('train', '--resume', 'a b', '--steps', '5', '--no-bias', '--text', 'x'),
  )
  expect(call('load', { path: 'a' })).toBe("load({ path: 'a' })")
  expect(inlineText).toBe('--text')
})

test('an option is a flag if the command has it', () => {
  expect(surfaceOf({ command: 'generate' }).subject('topK')).toBe('--top-k')
  expect(train.subject('topK')).toBe('topK')
  // A remedy may name a flag of another command.
  expect(surfaceOf({ command: 'generate' }).option('out')).toBe('--out')
  expect(surfaceOf({ command: 'train', inlineText: true }).subject('data')).toBe('--text')
})

test("a user's text appears verbatim, and the rest of the message does not depend on it", () => {
  fc.assert(
    fc.property(printable, printable, (value, path) => {
      const error = new NanoGptError('option', {
        where: 'train',
        option: 'data',
        value,
        reason: say`there is no ${path}; ${listed(['out', 'resume'])} of ${inlineText}`,
        remedy: say`Give ${option('batchSize')}`,
      })
      const message = error.describe(train)
      expect(message).toBe(
        `--data is "${value}": there is no ${path}; --out or --resume of --text. Give --batch-size`,
      )
      expect(explain(error, train)).toMatchObject({ message, option: '--data', value })
    }),
  )
})

test('subjects that are not options are unchanged', () => {
  fc.assert(
    fc.property(printable, anyText, (subject, value) => {
      const error = new NanoGptError('config', { subject, value, reason: 'must be a number' })
      expect(error.describe(train)).toBe(`${subject} is ${show(value)}: must be a number`)
    }),
  )
})

const onUnix = process.platform === 'win32' ? test.skip : test

onUnix('a shell parses a printed command into the original arguments', () => {
  const argument = anyText.filter((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text))
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 5 }), (args) => {
      const quoted = args.map((each) => shellQuoted(each, 'linux')).join(' ')
      // The `x` marks the start of each argument.
      const { stdout } = spawnSync('sh', ['-c', `for a in ${quoted}; do printf 'x%s\\0' "$a"; done`], {
        encoding: 'utf8',
      })
      expect(stdout).toBe(args.map((each) => `x${each}\0`).join(''))
    }),
    { numRuns: 60 },
  )
})

onUnix('a shell parses a suggested call into its arguments, whatever the path', () => {
  const path = printable.filter((text) => !/\p{Surrogate}/u.test(text))
  fc.assert(
    fc.property(path, (resume) => {
      const line = train.call('train', { resume })
      const { stdout } = spawnSync(
        'sh',
        ['-c', `nano() { shift; printf '%s\\0' "$@"; }; ${line.replace(/^.*? train /, 'nano train ')}`],
        {
          encoding: 'utf8',
        },
      )
      expect(stdout).toBe(
        argumentsOf({ resume })
          .map((each) => `${each}\0`)
          .join(''),
      )
    }),
    { numRuns: 60 },
  )
})

test('quoting for Windows doubles backslashes only before a double quote', () => {
  expect(shellQuoted('C:\\a b\\', 'win32')).toBe('"C:\\a b\\\\"')
  expect(shellQuoted('say "x"', 'win32')).toBe('"say \\"x\\""')
  expect(shellQuoted('', 'win32')).toBe('""')
})
