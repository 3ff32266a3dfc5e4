// `nano-gpt tokenize`: shows how a text is divided into tokens.

import { readCheckpoint } from '../checkpoint/checkpoint'
import { loadText } from '../data/corpus'
import { isStandardInput } from '../data/read'
import { sequenceLength } from '../data/utf8'
import { NanoGptError, option, say as phrase } from '../errors'
import { type Checked, checkOptions, loadOptions, tokenizeOptions, trainOptions } from '../options'
import { createTokenizer, type Tokenizer, tokenizerFromJSON } from '../tokenizer'
import { bytesIn } from '../tokenizer/bits'
import { describeTokenizer } from './facts'
import { usage } from './grammar'
import { count, dim, hasColors, json, plural, say, shade } from './output'
import { field, lineColumns } from './progress'
import { notice, sourcesOf, standardInput } from './sources'
import { modelPath } from './which_model'
import { columnsOf } from './words'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly text?: string
  readonly json?: boolean
}

type Options = Checked<typeof tokenizeOptions>

/** The most tokens that are printed, unless as JSON. */
const mostTokens = 1000
/** Between tokens where there are no colors. */
const separator = '|'

export async function tokenizeCommand(words: readonly string[], { json: asJson, text, ...flags }: Flags) {
  const checked = checkOptions('tokenize', tokenizeOptions, flags)
  const data = sourcesOf({ data: checked.data, text })
  const options = { ...checked, ...(data && { data }) }
  refuseContradictions(options)
  if (words.length === 0 && data?.some((source) => typeof source === 'string' && isStandardInput(source)))
    throw usage('tokenize', 'standard input is the text to learn from', 'Give the other text as an argument.')
  const { tokenizer, model } = await findTokenizer(options, asJson)
  const given =
    words.length > 0
      ? words.join(' ')
      : await standardInput('tokenize', 'Give it as an argument, or pipe it into the command.')
  const tokens = tokenizer.encode(given)
  const bytes = bytesIn(tokenizer, tokens)
  if (asJson) {
    return json({
      type: 'result',
      model: model ?? null,
      tokenizer: tokenizer.type,
      vocabSize: tokenizer.vocabSize,
      bytes,
      bytesPerToken: tokens.length > 0 ? bytes / tokens.length : null,
      tokens: Array.from(tokens, (id) => ({ id, ...contentOf(tokenizer.bytesOf(id)) })),
    })
  }
  const shown = tokens.subarray(0, mostTokens)
  for (const line of linesOf(Array.from(shown, (id) => pieceOf(tokenizer.bytesOf(id))))) say(line)
  if (shown.length < tokens.length)
    say(dim(`… the first ${count(shown.length)} tokens; --json prints all ${count(tokens.length)}`))
  say()
  if (shown.length > 0) field('ids', Array.from(shown).join(' '))
  const length = tokens.length > 0 ? `, ${(bytes / tokens.length).toFixed(2)} bytes per token` : ''
  field('tokens', `${count(tokens.length)} for ${plural(bytes, 'byte')} of UTF-8${length}`)
  field('tokenizer', `${describeTokenizer(tokenizer)}${model === undefined ? '' : ` (${model})`}`)
}

function refuseContradictions(options: Options): void {
  const other = (['tokenizer', 'vocabSize', 'data'] as const).find((name) => options[name] !== undefined)
  const ofModel = (['model', 'checkpoint', 'base'] as const).find((name) => options[name] !== undefined)
  if (ofModel !== undefined && other !== undefined) {
    throw new NanoGptError('option', {
      reason: phrase`${option(ofModel)} and ${option(other)} are both given, but a model has its own tokenizer`,
      remedy: 'leave one of them out',
    })
  }
  const { applies } = trainOptions.vocabSize
  if (options.vocabSize === undefined || applies.values.some((name) => name === options.tokenizer)) return
  const only = phrase`${option(applies.option, applies.values[0])}`
  throw new NanoGptError('option', {
    ...{ where: 'tokenize', option: 'vocabSize', value: options.vocabSize },
    reason: phrase`it applies only to ${only}`,
    remedy: phrase`leave it out, or give ${only}`,
  })
}

/** A new tokenizer, or that of a model with the path of the model. */
async function findTokenizer(
  { model, checkpoint, base, tokenizer, vocabSize, data, lineEndings }: Options,
  asJson?: boolean,
): Promise<{ tokenizer: Tokenizer; model?: string }> {
  if (tokenizer === undefined && data === undefined) {
    const path = await modelPath(model)
    const prefer = checkpoint ?? loadOptions.checkpoint.default
    const { info } = await readCheckpoint(path, prefer, undefined, { base })
    return { tokenizer: tokenizerFromJSON(info.tokenizer), model: path }
  }
  const name = tokenizer ?? trainOptions.tokenizer.default
  const learned = data && (await loadText(data, { lineEndings, notice: asJson ? undefined : notice }))
  try {
    const size = vocabSize ?? trainOptions.vocabSize.default
    return { tokenizer: await createTokenizer(name, learned?.text ?? '', size) }
  } catch (error) {
    // A tokenizer that needs no text ignores the empty one.
    if (learned || !(error instanceof NanoGptError) || error.code !== 'empty_text') throw error
    throw new NanoGptError('option', {
      ...{ where: 'tokenize', option: 'tokenizer', value: name },
      reason: 'its vocabulary comes from a text, and none is given',
      remedy: phrase`give a text as ${option('data')}, or a trained model as ${option('model')} instead`,
    })
  }
}

/** A token in JSON: its text, or its bytes if it is not text. */
export function contentOf(bytes: Uint8Array): { text: string } | { bytes: number[] } {
  const text = Buffer.from(bytes).toString('utf8')
  return Buffer.from(text).equals(bytes) ? { text } : { bytes: [...bytes] }
}

/** A token as it is shown: bytes of incomplete characters in hexadecimal, and no control characters. */
export function pieceOf(bytes: Uint8Array): string {
  let piece = ''
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i)
    const character = Buffer.from(bytes.subarray(i, i + length)).toString('utf8')
    piece += length === 0 ? `<${hex(bytes[i], 2)}>` : visible(character)
    i += Math.max(1, length)
  }
  return piece
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function visible(character: string): string {
  if (!/[\p{C}\p{Zl}\p{Zp}]/u.test(character)) return character
  return escapes[character] ?? `<U+${hex(character.codePointAt(0)!, 4)}>`
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}

/**
 * Lines of tokens. A line ends after a line feed, and where the next token does not fit.
 *
 * @param paint makes the boundaries of tokens visible where there are colors. Default: `shade`
 */
export function linesOf(pieces: readonly string[], columns = lineColumns(), paint = shade): string[] {
  const lines: string[] = []
  let line = ''
  let width = 0
  pieces.forEach((piece, i) => {
    const mark = hasColors || i === pieces.length - 1 ? '' : separator
    const wide = columnsOf(piece + mark)
    if (width > 0 && (width + wide > columns || pieces[i - 1].endsWith('\\n'))) {
      lines.push(line)
      line = ''
      width = 0
    }
    line += paint(piece, i) + mark
    width += wide
  })
  return line === '' ? lines : [...lines, line]
}
