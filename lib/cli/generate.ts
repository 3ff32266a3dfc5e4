// `nano-gpt generate`: prints text from a trained model as it is generated.

import { randomInt } from 'node:crypto'
import { load } from '../api/model'
import type { CompletionPiece } from '../generate/completions'
import { checkOptions, completeOptions, loadOptions, pick } from '../options'
import { describeModel } from './facts'
import { dim, isTerminal, json, note, stream } from './output'
import { tables } from './tables'
import { modelPath } from './which_model'

interface Flags extends Readonly<Record<string, unknown>> {
  readonly json?: boolean
}

const openNames = Object.keys(loadOptions) as (keyof typeof loadOptions)[]
const generationNames = Object.keys(completeOptions) as (keyof typeof completeOptions)[]

export async function generateCommand({ json: asJson, ...flags }: Flags): Promise<void> {
  // Options are checked before a large file is read.
  const checked = checkOptions('generate', tables.generate, flags)
  const generation = pick(checked, generationNames)
  const { prompt = [''], n = completeOptions.n.default, seed = BigInt(randomInt(2 ** 32)) } = generation
  const path = await modelPath(checked.model)
  // Anything that says which texts are wanted generates them, as it does in a pipe.
  const isAsked = generation.prompt !== undefined || generation.n !== undefined || asJson
  if (!isAsked && isTerminal && process.stdin.isTTY) {
    const { playground } = await import('./playground.js')
    return playground(path, pick(checked, openNames), generation)
  }
  const begun = performance.now()
  const model = await load(path, pick(checked, openNames))
  try {
    // Without --model, print which model was chosen: to stderr, because the text may go to a file.
    if (checked.model === undefined && !asJson) note(dim(describeModel(path, model)))
    const pieces = model.streamAll({ ...generation, seed })
    const texts = new Texts(prompt, n, seed)
    await texts.print(pieces, asJson)
    if (!asJson) return
    const seconds = (performance.now() - begun) / 1000
    const { step } = model.info
    json({ type: 'result', model: path, step, device: model.device, ...texts.result(), seconds })
  } finally {
    await model.dispose()
  }
}

/** Prints the texts of a call. */
class Texts {
  private readonly prompts: readonly string[]
  private readonly parts: CompletionPiece[][]

  constructor(
    prompts: readonly string[],
    private readonly n: number,
    private readonly seed: bigint,
  ) {
    this.prompts = prompts.flatMap((prompt) => Array<string>(n).fill(prompt))
    this.parts = this.prompts.map(() => [])
  }

  /** Prints a single text piece by piece, and several texts in order, each when it is complete. */
  async print(pieces: AsyncIterable<CompletionPiece>, asJson = false): Promise<void> {
    const several = this.prompts.length > 1
    let next = 0
    for await (const piece of pieces) {
      const first = this.parts[piece.index].length === 0
      this.parts[piece.index].push(piece)
      if (asJson) {
        // The prompt is printed with the first piece, so a prompt that cannot be encoded prints
        // nothing.
        if (first && !several && this.prompts[0] !== '') json({ type: 'text', text: this.prompts[0] })
        json({ type: 'text', ...(several && { index: piece.index }), text: piece.text })
      } else if (!several) {
        if (first) await stream(this.prompts[0])
        await stream(piece.text)
      } else {
        for (; this.isWhole(next); next++) await this.printWhole(next)
      }
    }
    if (!asJson && !several) await stream('\n')
  }

  /** The last object of `--json`: the fields of a single text, or a list of several. */
  result() {
    const completions = this.parts.map((pieces, index) => ({
      prompt: this.prompts[index],
      text: this.prompts[index] + pieces.map(({ text }) => text).join(''),
      logProbabilities: pieces.flatMap(({ logProbabilities }) => logProbabilities),
      finish: pieces.at(-1)?.finish,
      seed: String(this.seedOf(index)),
    }))
    return completions.length === 1 ? completions[0] : { completions }
  }

  private seedOf(index: number): bigint {
    return BigInt.asUintN(64, this.seed + BigInt(index % this.n))
  }

  private isWhole(index: number): boolean {
    return this.parts[index]?.at(-1)?.finish !== undefined
  }

  private async printWhole(index: number): Promise<void> {
    const text = this.parts[index].map((piece) => piece.text).join('')
    await stream(dim(`── ${index + 1} of ${this.parts.length}, seed ${this.seedOf(index)}\n`))
    await stream(`${this.prompts[index]}${text}\n`)
  }
}
