// Each option in a command's table is a flag of that command, and its help comes from its row.

import { CommanderError } from 'commander'
import { describe as described } from '../../lib/cli/flags'
import type { CliCommand } from '../../lib/cli/grammar'
import { createProgram } from '../../lib/cli/program'
import { flagOf, nearestFlag, type TableName, tables } from '../../lib/cli/tables'
import { NanoGptError } from '../../lib/errors'
import { type OptionRow, rowOf, type Table, trainOptions } from '../../lib/options'

const names = Object.keys(tables) as TableName[]

/** Parses a command's arguments without running the command. */
function parse(name: TableName, ...args: string[]): Record<string, unknown> {
  const command = createProgram().commands.find((each) => each.name() === name) as CliCommand
  command.refuseMissingValues(args)
  command.action(() => {})
  command.parse(args, { from: 'user' })
  return command.opts()
}

function refusal(name: TableName, ...args: string[]): NanoGptError {
  try {
    parse(name, ...args)
  } catch (error) {
    if (error instanceof NanoGptError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test.each(names)('%s: one flag per row, two per boolean, and no others', (name) => {
  const command = createProgram().commands.find((each) => each.name() === name)!
  const flags = command.options.map(({ long }) => long)
  const rows = Object.entries(tables[name] as Table).filter(([, row]) => !row.commandLine?.hidden)
  const own = ['--json', '--text', '--no-out', '--dry-run', '--no-dry-run']
  const expected = rows.flatMap(([key, row]) =>
    row.type.ts === 'boolean' ? [flagOf(key), flagOf(key, false)] : [flagOf(key)],
  )
  expect(flags).toEqual(expect.arrayContaining(expected))
  expect(flags.filter((flag) => expected.includes(flag!) || !own.includes(flag!)).sort()).toEqual(
    [...expected].sort(),
  )
  // Commander derives an option's name from its flag, which must give the table's name.
  for (const option of command.options) {
    if (option.negate || option.long === '--json') continue
    expect(flagOf(option.attributeName())).toBe(option.long)
  }
})

test('values are parsed by type; a repeated flag overrides or appends', () => {
  expect(
    parse('train', '--steps', '1e9', '--learning-rate', '1e-3', '--seed', String(2n ** 64n - 1n)),
  ).toEqual({
    steps: 1e9,
    learningRate: 1e-3,
    seed: 2n ** 64n - 1n,
  })
  expect(parse('train', '--no-bias', '--qk-norm', '--no-qk-norm', '--no-out', '--gradient-clip=inf')).toEqual(
    {
      bias: false,
      qkNorm: false,
      out: false,
      gradientClip: Infinity,
    },
  )
  expect(parse('train', '--data', 'a.txt', '--data', '-', '--out', 'a', '--out', 'b')).toEqual({
    data: ['a.txt', '-'],
    out: 'b',
  })
  expect(parse('generate', '--prompt', 'a', '--prompt=--json', '--stop', '\n', '--n', '2')).toEqual({
    prompt: ['a', '--json'],
    stop: ['\n'],
    n: 2,
  })
  expect(parse('train')).toEqual({})
})

test('flags of a sweep take several values; a switch is true without one', () => {
  const args = ['--learning-rate', '1e-3,3e-3', '--seed', '1,2', '--seed', '3', '--optimizer', 'adamw,muon']
  expect(parse('sweep', ...args, '--gradient-clip', '1,inf', '--steps=5', '--no-bias')).toEqual({
    learningRate: [1e-3, 3e-3],
    seed: [1n, 2n, 3n],
    optimizer: ['adamw', 'muon'],
    gradientClip: [1, null],
    steps: [5],
    bias: false,
  })
  expect(parse('sweep', '--qk-norm', '--bias', 'true,false')).toEqual({ qkNorm: true, bias: [true, false] })
  expect(refusal('sweep', '--bias', 'yes').message).toBe('bias is "yes": must be true or false')
  expect(refusal('sweep', '--seed', '1,x').message).toMatch(/^seed is "1,x": must be a whole number/)
})

test.each([
  ['--steps', '1x'],
  ['--steps', ''],
  ['--steps', '0x10'],
  ['--steps', '1.5'],
  ['--learning-rate', 'NaN'],
  ['--seed', String(2n ** 64n)],
])('%s %p is rejected with the name of the flag', (flag, value) => {
  const error = refusal('train', flag, value)
  expect(error).toMatchObject({ code: 'option', value })
  expect(flagOf(error.option!)).toBe(flag)
})

test.each<[TableName, string[], string]>([
  ['train', ['--data'], '--data requires a value'],
  ['train', ['--data', '--steps', '5'], '--data requires a value'],
  ['generate', ['--prompt', '--help'], '--prompt requires a value'],
  ['evaluate', ['--model', '--json'], '--model requires a value'],
])('%s %j', (name, args, reason) => expect(refusal(name, ...args)).toMatchObject({ code: 'usage', reason }))

test('the remedy for a missing value suggests = for values that start with dashes', () => {
  expect(refusal('generate', '--prompt', '--json').remedy).toMatch(
    /^If --json is the value, write --prompt=--json\. See ".*generate --help"$/,
  )
})

test.each<[TableName, string, string | undefined]>([
  ['train', '--lr', '--learning-rate'],
  ['train', '--lr=3', '--learning-rate'],
  ['train', '--epochs', '--steps'],
  ['train', '--batch-siz', '--batch-size'],
  ['train', '--batchSize', '--batch-size'],
  ['train', '--no-biass', '--no-bias'],
  ['train', '--no-steps', '--steps'],
  ['train', '--dryrun', '--dry-run'],
  ['train', '--jsn', '--json'],
  ['generate', '-n', '--n'],
  ['generate', '--temp', '--temperature'],
  ['generate', '--max-new-tokens', '--max-tokens'],
  ['evaluate', '--file', '--data'],
  ['evaluate', '--nope', undefined],
  ['train', '--signal', undefined],
])('%s %s: did you mean %s?', (name, given, expected) => {
  expect(nearestFlag(given, name)).toBe(expected)
  const { code, reason, remedy } = refusal(name, given)
  expect({ code, reason }).toEqual({ code: 'usage', reason: `there is no option ${given}` })
  expect(remedy).toMatch(new RegExp(`See ".* ${name} --help"$`))
  expect(remedy!.startsWith(expected === undefined ? 'See ' : `Did you mean ${expected}? See `)).toBe(true)
})

test('a description has the choices, the condition and the default', () => {
  const of = (name: keyof typeof trainOptions) => described(rowOf(trainOptions, name))
  for (const choice of trainOptions.activation.type.choices!) expect(of('activation')).toContain(choice)
  // This row's help already names the choices.
  expect(of('norm')).toBe("normalization: 'layer' for LayerNorm, or 'rms' for RMSNorm (default: layer)")
  expect(of('momentum')).toMatch(
    /\(only with --optimizer muon or sgd; default: 0\.9 for sgd, 0\.95 for muon\)$/,
  )
  expect(of('minutes')).toMatch(/\(only with --preset auto; default: 3\)$/)
  expect(of('attentionDropout')).toMatch(/\(default: --dropout\)$/)
  expect(of('bias')).toMatch(/\(default: yes\)$/)
  expect(of('gradientClip')).toMatch(/\(default: no limit\)$/)
  expect(of('layers')).toBe('number of transformer blocks')
})

test('a new row is described without further code', () => {
  const row = { ...trainOptions.warmup, help: 'a number', default: 3 } as OptionRow
  expect(described(row)).toBe('a number (default: 3)')
  // `kind` is an argument of the command, not a flag.
  const applies = { option: 'kind', values: ['steps', 'ops'] }
  expect(described({ ...row, applies })).toBe('a number (only for steps or ops; default: 3)')
})

test.each(names)('%s --help fits 80 columns and names every flag once', (name) => {
  const program = createProgram()
  const command = program.commands.find((each) => each.name() === name)!
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 })
  expect(() => command.parse(['--help'], { from: 'user' })).toThrow(CommanderError)
  for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  for (const { long, hidden } of command.options) {
    if (hidden) continue
    const plain = long!.replace('--', '')
    const found = help.match(new RegExp(`^ {2}--(\\[no-\\])?${plain}( |$)`, 'gm'))
    expect([plain, found?.length]).toEqual([plain, 1])
  }
  expect(help).not.toMatch(/undefined|\[object|NaN/)
})
