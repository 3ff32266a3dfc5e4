// `nano-gpt bench`: measures, and prints a line for each result as it comes.

import { availableParallelism } from 'node:os'
import * as v from 'valibot'
import { benchmarks } from '../bench'
import { chipNames } from '../bench/chips'
import {
  type Change,
  changeOf,
  differences,
  prepareSave,
  readBaseline,
  type Saved,
  saveResults,
} from '../bench/file'
import { linesOf, titles, totalOf } from '../bench/report'
import { type BenchOptions, type Kind, kinds, type Result } from '../bench/result'
import { findPython, type Python, type Rival } from '../bench/rivals'
import { NanoGptError, show, suggest } from '../errors'
import { precisions } from '../graph/program'
import { checkOptions, count, oneOf } from '../options'
import { kebab } from './flags'
import { bold, dim, json, note, say } from './output'

const defaultRounds = 7

const schema = v.strictObject({
  only: v.optional(v.string()),
  rounds: v.optional(count, defaultRounds),
  threads: v.optional(count, () => availableParallelism()),
  batchSize: v.optional(count),
  device: v.optional(v.string()),
  instructionSet: v.optional(v.string()),
  precision: v.optional(oneOf(precisions)),
  paper: v.optional(oneOf(chipNames)),
  compare: v.optional(
    v.pipe(
      v.picklist(['torch', 'mlx', 'torch,mlx'], 'must be torch, mlx or torch,mlx'),
      v.transform((names) => names.split(',') as Rival[]),
    ),
  ),
  python: v.optional(v.string()),
  save: v.optional(v.string()),
  baseline: v.optional(v.string()),
  json: v.optional(v.boolean(), false),
})

type Options = v.InferOutput<typeof schema>

export async function benchCommand(kindName: string | undefined, given: v.InferInput<typeof schema>) {
  const asked = findKind(kindName ?? 'steps')
  const options = checkOptions('bench', schema, given)
  refuseContradictions(asked, options, given)
  const kind = options.paper ? 'paper' : asked
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline)
  if (options.save !== undefined) await prepareSave(options.save)
  const python = options.compare && findPython(options.compare, options.python)
  const printer = options.json ? new Printer(baseline) : new TablePrinter(kind, baseline, !!python)
  const results: Result[] = []
  for await (const result of benchmarks[kind](toBench(options, python))) {
    results.push(result)
    printer.print(result)
  }
  printer.end()
  if (options.save === undefined) return
  await saveResults(options.save, results, python?.versions)
  if (!options.json) say(dim(`\nSaved to ${options.save}`))
}

function findKind(name: string): Kind {
  const found = kinds.find((kind) => kind === name)
  if (found) return found
  const close = suggest(name, kinds)
  const hint = close ? ` Did you mean ${close}?` : ''
  throw new NanoGptError(
    'option',
    `bench: there is nothing called ${show(name)} to measure; there are ${kinds.join(', ')}.${hint}`,
  )
}

function refuseContradictions(kind: Kind, options: Options, given: v.InferInput<typeof schema>): void {
  const { compare, python, batchSize, precision, paper } = options
  const refuse = (message: string) => {
    throw new NanoGptError('option', `bench: ${message}`)
  }
  if (python !== undefined && !compare) refuse('--python is for --compare torch, mlx or torch,mlx: give both')
  if (kind === 'roofline' && compare) refuse('roofline looks at nano-gpt alone: leave --compare out')
  if (compare?.includes('mlx') && kind !== 'steps') refuse('--compare mlx is for steps: give --compare torch')
  if (paper && kind !== 'roofline') refuse('--paper is for the roofline: nano-gpt bench roofline --paper …')
  for (const name of ['rounds', 'threads', 'device', 'instructionSet'] as const) {
    if (paper && given[name] !== undefined) refuse(`--paper measures nothing: leave --${kebab(name)} out`)
  }
  if (kind === 'generate' && precision) refuse('generate computes in f32: leave --precision out')
  if (kind === 'generate' && batchSize) refuse('generate writes one sequence: leave --batch-size out')
}

function toBench(options: Options, python: Python | undefined): BenchOptions {
  const { only, rounds, threads, batchSize, device, instructionSet, precision, paper, compare } = options
  return {
    only: only?.split(',').map((name) => name.trim()),
    rounds,
    threads,
    batchSize,
    device,
    instructionSet,
    precision,
    paper,
    compare,
    python: python?.path,
    note: options.json ? undefined : note,
  }
}

/** One object a line. */
class Printer {
  constructor(protected readonly baseline: Saved | undefined) {}

  print(result: Result): void {
    const change = this.change(result)
    json({ type: 'bench', ...result, ...(change && { baseline: change }) })
  }

  end(): void {}

  protected change(result: Result): Change | undefined {
    return this.baseline && changeOf(result, this.baseline)
  }
}

/** A table for people. */
class TablePrinter extends Printer {
  private readonly extras: { readonly torch: boolean; readonly baseline: boolean }
  private readonly differing = new Set<string>()
  /** Op by op. */
  private readonly ofSteps: boolean
  private titled = false
  private beyondBound = false

  constructor(
    private readonly kind: Kind,
    baseline: Saved | undefined,
    torch: boolean,
  ) {
    super(baseline)
    this.extras = { torch, baseline: !!baseline }
    this.ofSteps = kind === 'roofline' || kind === 'paper'
  }

  override print(result: Result): void {
    if (!this.titled) this.title(result)
    const isTotal = this.ofSteps && result.part === 1
    if (isTotal) this.total(result)
    else for (const line of linesOf(result, this.extras, this.change(result))) say(line)
    if (result.share !== undefined && result.share > 1) this.beyondBound = true
    if (this.baseline) for (const each of differences(result, this.baseline)) this.differing.add(each)
  }

  override end(): void {
    if (this.beyondBound)
      say(dim('Above 100% of the bound: its data was in the caches, which are faster than memory.'))
    for (const each of this.differing) say(dim(`The baseline was measured with ${each}.`))
  }

  private title({ device, threads, precision, preset, batchSize }: Result): void {
    const what = this.ofSteps ? `${preset}, batches of ${batchSize}, ` : ''
    const where = this.kind === 'paper' ? `on paper: ${device}` : `device ${device}, ${threads} threads`
    say(dim(`${what}${where}${precision ? `, ${precision}` : ''}`))
    say(bold(titles(this.kind, this.extras)))
    this.titled = true
  }

  /** The next case has a table of its own. */
  private total(result: Result): void {
    say(bold(totalOf(result)))
    this.titled = false
  }
}
