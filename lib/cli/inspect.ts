// `nano-gpt inspect`: how surprising each token of a text is to a model, and what it attends to.

import { load, type Model } from '../api/model'
import { NanoGptError, option, say as phrase } from '../errors'
import type { Values } from '../model/inspect'
import { checkOptions, inspectOptions, loadOptions, pick } from '../options'
import { writeHead } from '../options/heads'
import { describeTokenizer } from './facts'
import { bold, dim, hasColors, hasDrawingCharacters, heat, json, plural, say } from './output'
import { field, lineColumns } from './progress'
import { standardInput } from './sources'
import { contentOf, linesOf, pieceOf } from './tokenize'
import { modelPath } from './which_model'
import { columnsOf } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

/** What is known of a token. The first one has no loss. */
interface Row {
  readonly piece: string
  readonly loss?: number
  /** The attention that it pays to tokens 0, 1, … */
  readonly attention: ArrayLike<number>
}

const openNames = Object.keys(loadOptions) as (keyof typeof loadOptions)[]
/** Losses in nats from which the next background is used. */
const steps = [0.5, 1.5, 3, 5] as const
/** The widths of columns, and of the bar of a loss, which is a cell per nat. */
const [tokenWidth, barWidth] = [12, 8]
/** Only sources with at least this share of the attention are shown, and at most so many. */
const [leastShare, mostSources] = [0.01, 3]
/** A space at the end of a token would be invisible. */
const space = hasDrawingCharacters ? '␣' : '_'
/** The most attention weights that are printed as JSON: about 80 MB. */
const mostWeights = 4_000_000

export async function inspectCommand({ json: asJson, ...flags }: Flags): Promise<void> {
  const { text: given, layer, head, without, ...checked } = checkOptions('inspect', inspectOptions, flags)
  const text = given ?? (await standardInput('inspect', 'Give it with --text, or pipe it into the command.'))
  const path = await modelPath(checked.model)
  await using model = await load(path, pick(checked, openNames))
  const tokens = tokensOf(model, text, given === undefined)
  const layers = model.activationNames.filter((name) => name.endsWith('.heads')).length
  refuseBeyond('layer', layer, layers, 'the model has')
  const losses = tokens.length > 1 ? await model.tokenLosses(tokens, { without }) : new Float32Array(0)
  const loss = losses.length > 0 ? losses.reduce((sum, each) => sum + each, 0) / losses.length : undefined

  if (asJson) {
    const size = (layer === undefined ? layers : 1) * (head === undefined ? model.config.heads : 1)
    refuseLarge(size * tokens.length ** 2)
    const found = await model.attention(tokens, { layers: layer, without })
    refuseBeyond('head', head, found.shape[1], 'a layer has')
    return json({
      type: 'result',
      model: path,
      device: model.device,
      loss: loss ?? null,
      tokens: Array.from(tokens, (id, i) => ({
        id,
        ...contentOf(model.tokenizer.bytesOf(id)),
        loss: losses[i - 1] ?? null,
        probability: i > 0 ? Math.exp(-losses[i - 1]) : null,
      })),
      attention: matricesOf(found, layer ?? 0, head),
    })
  }

  const shown = layer ?? layers - 1
  const weights = layers > 0 ? await model.attention(tokens, { layers: shown, without }) : undefined
  refuseBeyond('head', head, weights?.shape[1] ?? 0, 'a layer has')
  const rows = Array.from(
    tokens,
    (id, i): Row => ({
      piece: pieceOf(model.tokenizer.bytesOf(id)).replaceAll(' ', space),
      loss: losses[i - 1],
      attention: weights ? attentionOf(weights, i, head) : [],
    }),
  )
  if (hasColors) {
    const pieces = rows.map(({ piece }) => piece)
    for (const line of linesOf(pieces, lineColumns(), (piece, i) => heat(piece, levelOf(rows[i].loss))))
      say(line)
    say(`\n${legend()}\n`)
  }
  for (const line of tableOf(rows)) say(line)
  say()
  field('model', `${path}, ${describeTokenizer(model.tokenizer)}`)
  if (loss !== undefined)
    field('loss', `${loss.toFixed(4)} nats per token, the mean of ${plural(losses.length, 'token')}`)
  if (weights) {
    const which = head === undefined ? `the mean of ${plural(weights.shape[1], 'head')}` : `head ${head}`
    field('attention', `layer ${shown} of 0 to ${layers - 1}, ${which}`)
  }
  if (without?.length) field('without', without.map(writeHead).join(', '))
}

function tokensOf(model: Model, text: string, isPiped: boolean) {
  const tokens = model.tokenizer.encode(text)
  const { blockSize } = model.config
  if (tokens.length >= 1 && tokens.length <= blockSize) return tokens
  throw new NanoGptError('option', {
    where: 'inspect',
    ...(isPiped ? { subject: 'standard input' } : { option: 'text' }),
    reason:
      tokens.length === 0
        ? 'it is empty'
        : `it has ${tokens.length} tokens, and the model reads at most ${blockSize} at a time, its block size`,
    remedy: tokens.length === 0 ? 'give at least one token' : 'give a shorter text',
  })
}

function refuseBeyond(name: 'layer' | 'head', value: number | undefined, count: number, has: string): void {
  if (value === undefined || value < count) return
  const which = count === 0 ? 'no attention' : `the ${name}s 0 to ${count - 1}`
  throw new NanoGptError('option', { where: 'inspect', option: name, value, reason: `${has} ${which}` })
}

function refuseLarge(weights: number): void {
  if (weights <= mostWeights) return
  throw new NanoGptError('option', {
    ...{ where: 'inspect', option: 'text' },
    reason: `there are ${weights.toLocaleString('en-US')} attention weights, and at most ${mostWeights.toLocaleString('en-US')} are printed`,
    remedy: phrase`give a shorter text, or a ${option('layer')} and a ${option('head')}`,
  })
}

/** The attention of each layer and head as nested arrays. */
function matricesOf({ shape, data }: Values, firstLayer: number, only: number | undefined) {
  const [layers, heads, T] = shape
  const chosen = only === undefined ? Array.from({ length: heads }, (_, head) => head) : [only]
  return Array.from({ length: layers }, (_, layer) =>
    chosen.map((head) => ({
      layer: firstLayer + layer,
      head,
      weights: Array.from({ length: T }, (_, t) => {
        const row = ((layer * heads + head) * T + t) * T
        return Array.from(data.subarray(row, row + T))
      }),
    })),
  ).flat()
}

/** The attention that token t pays in one layer: of a head, or the mean of all. */
function attentionOf({ shape, data }: Values, t: number, head: number | undefined): Float64Array {
  const [, heads, T] = shape
  const chosen = head === undefined ? Array.from({ length: heads }, (_, each) => each) : [head]
  const sums = new Float64Array(t + 1)
  for (const each of chosen) {
    for (let s = 0; s <= t; s++) sums[s] += data[(each * T + t) * T + s] / chosen.length
  }
  return sums
}

/** A line for each token: its loss with a bar, its probability, and what it attends to most. */
export function tableOf(rows: readonly Row[], columns = lineColumns()): string[] {
  const digits = String(rows.length - 1).length
  const width = Math.min(tokenWidth, Math.max('token'.length, ...rows.map(({ piece }) => columnsOf(piece))))
  const bar = hasDrawingCharacters ? '█' : '#'
  const head = `${'#'.padStart(digits)}  ${'token'.padEnd(width)}  ${'loss'.padStart(5)}  ${''.padEnd(barWidth)}  ${'chance'.padStart(7)}  `
  const lines = rows.map(({ piece, loss, attention }, i) => {
    const chance = loss === undefined ? '' : percent(Math.exp(-loss), 1)
    const start = [
      String(i).padStart(digits),
      fitted(piece, width),
      (loss?.toFixed(2) ?? '').padStart(5),
      bar.repeat(Math.min(barWidth, Math.round(loss ?? 0))).padEnd(barWidth),
      chance.padStart(7),
    ].join('  ')
    return `${start}  ${sourcesOf(rows, attention, columns - columnsOf(start) - 2)}`.trimEnd()
  })
  const hasAttention = rows.some(({ attention }) => attention.length > 0)
  return [bold(`${head}${hasAttention ? 'attends to' : ''}`.trimEnd()), ...lines]
}

/** The tokens with most of the attention, as far as they fit: `3:the 41%, 0:T 20%`. */
function sourcesOf(rows: readonly Row[], attention: ArrayLike<number>, columns: number): string {
  const sources = Array.from(attention, (share, s) => ({ share, s }))
    .filter(({ share }) => share >= leastShare)
    .sort((a, b) => b.share - a.share)
    .slice(0, mostSources)
  let line = ''
  for (const { share, s } of sources) {
    const piece = fitted(rows[s].piece, Math.min(tokenWidth, columnsOf(rows[s].piece)))
    const more = `${line === '' ? '' : ', '}${s}:${piece} ${percent(share, 0)}`
    if (columnsOf(line + more) > columns) break
    line += more
  }
  return line
}

/** A text in exactly `width` columns: padded, or cut. */
function fitted(text: string, width: number): string {
  let shown = text
  if (columnsOf(text) > width) {
    shown = ''
    for (const character of text) {
      if (columnsOf(shown + character) > width - 1) break
      shown += character
    }
    shown += '…'
  }
  return shown + ' '.repeat(Math.max(0, width - columnsOf(shown)))
}

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)}%`
}

/** The background of a loss, from 0; undefined for a token without one. */
function levelOf(loss: number | undefined): number | undefined {
  return loss === undefined ? undefined : steps.filter((step) => loss >= step).length
}

function legend(): string {
  const labels = [`below ${steps[0]}`, ...steps.map((step) => `from ${step}`)]
  return `${labels.map((label, level) => heat(` ${label} `, level)).join('')} ${dim('nats')}`
}
