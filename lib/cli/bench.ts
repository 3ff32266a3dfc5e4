// `nano-gpt bench`: prints a line for each result as it is measured.

import { availableParallelism } from 'node:os'
import { benchmarks } from '../bench'
import { type Competitor, findPython, type Python } from '../bench/competitors'
import {
  type Change,
  changeOf,
  differences,
  prepareSave,
  readBaseline,
  type Saved,
  saveResults,
} from '../bench/file'
import type { Kind } from '../bench/kinds'
import { linesOf, titles, totalOf } from '../bench/report'
import type { BenchOptions, Result } from '../bench/result'
import { NanoGptError, option, type Phrase, say as phrase, show, suggest } from '../errors'
import {
  type BenchmarkName,
  benchOptions,
  type Checked,
  checkOptions,
  benchmarkNames as kinds,
  measuringOptions,
  rowOf,
} from '../options'
import { alternatives } from './flags'
import { usage } from './grammar'
import { bold, dim, json, note, say } from './output'

type Options = Checked<typeof benchOptions>

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

export async function benchCommand(name: string | undefined, { json: asJson, ...flags }: Flags) {
  const asked = name === undefined ? kinds[0] : findKind(name)
  const options = checkOptions('bench', benchOptions, flags)
  refuseContradictions(asked, options)
  const competitors = options.compare?.split(',') as Competitor[] | undefined
  const kind = options.paper === undefined ? asked : 'paper'
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline)
  if (options.save !== undefined) await prepareSave(options.save)
  const python = competitors && findPython(competitors, options.python)
  const printer = asJson ? new Printer(baseline) : new TablePrinter(kind, baseline, !!python)
  const results: Result[] = []
  const notes = asJson ? undefined : note
  for await (const result of benchmarks[kind](toBench(options, competitors, python, notes))) {
    results.push(result)
    printer.print(result)
  }
  printer.end()
  if (options.save === undefined) return
  await saveResults(options.save, results, python?.versions)
  if (!asJson) say(dim(`\nSaved to ${options.save}`))
}

function findKind(name: string): BenchmarkName {
  const found = kinds.find((kind) => kind === name)
  if (found) return found
  const close = suggest(name, kinds)
  const remedy = close === undefined ? `There are ${alternatives(kinds, 'and')}.` : `Did you mean ${close}?`
  throw usage('bench', `there is no benchmark ${show(name)}`, remedy)
}

function refuseContradictions(kind: BenchmarkName, options: Options): void {
  const refuse = (name: keyof Options, reason: string | Phrase, remedy: string | Phrase = 'leave it out') => {
    throw new NanoGptError('option', { where: 'bench', option: name, value: options[name], reason, remedy })
  }
  for (const name of Object.keys(options) as (keyof Options)[]) {
    const of = rowOf(benchOptions, name).applies?.values
    if (of === undefined || of.includes(kind)) continue
    refuse(name, `it applies only to ${alternatives(of)}, but the benchmark is ${kind}`)
  }
  const { compare, python, paper } = options
  if (python !== undefined && compare === undefined) {
    refuse(
      'python',
      phrase`it is used only with ${option('compare')}`,
      phrase`give ${option('compare')} as well`,
    )
  }
  if (compare?.includes('mlx') && kind !== 'steps') {
    refuse('compare', 'MLX is measured only for steps', phrase`give ${option('compare', 'torch')}`)
  }
  if (paper === undefined) return
  const idle = measuringOptions.find((name) => options[name] !== undefined)
  if (idle) refuse(idle, phrase`it has no effect with ${option('paper')}, which measures nothing`)
}

function toBench(
  options: Options,
  compare: readonly Competitor[] | undefined,
  python: Python | undefined,
  note: BenchOptions['note'],
): BenchOptions {
  const { rounds = benchOptions.rounds.default, threads = availableParallelism() } = options
  const { only, batchSize, device, instructionSet, precision, paper } = options
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
    note,
  }
}

/** Prints one JSON object per line. */
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

/** Prints a table. */
class TablePrinter extends Printer {
  private readonly extras: { readonly torch: boolean; readonly baseline: boolean }
  private readonly differing = new Set<string>()
  /** Whether the table lists the ops of a step. */
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
      say(dim('Above 100% of the bound: the data fits into the caches, which are faster than memory.'))
    for (const each of this.differing) say(dim(`The baseline was measured with ${each}.`))
  }

  private title({ device, threads, precision, preset, batchSize }: Result): void {
    const what = this.ofSteps ? `${preset}, batches of ${batchSize}, ` : ''
    const where = this.kind === 'paper' ? `on paper: ${device}` : `device ${device}, ${threads} threads`
    say(dim(`${what}${where}${precision ? `, ${precision}` : ''}`))
    say(bold(titles(this.kind, this.extras)))
    this.titled = true
  }

  /** Ends the table of a case. The next case begins a new one. */
  private total(result: Result): void {
    say(bold(totalOf(result)))
    this.titled = false
  }
}
