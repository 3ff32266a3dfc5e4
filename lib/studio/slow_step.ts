// One training step in slow motion: what the page shows of it.

import type { OneStep, Trial, WeightReport } from '../train/one_step'
import type { Moment } from './moments'
import type { OpenedStep } from './opened_step'
import { RequestError } from './respond'

export interface SlowStep {
  readonly step: number
  /** loss: how surprising the token is after those before it, in nats. null: the first. */
  readonly tokens: readonly { readonly text: string; readonly loss: number | null }[]
  readonly loss: number
  readonly lossAfter: number | null
  readonly gradientNorm: number
  readonly rateFraction: number
  readonly plain: readonly Trial[]
  readonly parameters: readonly {
    readonly path: string
    readonly shape: readonly number[]
    /** The element with the largest gradient. */
    readonly largest: number
  }[]
  readonly weight: WeightReport
  /** How much closer the page can look at the curve of the weight. */
  readonly zooms: readonly number[]
  /** The token that the row of the weight belongs to, if each row belongs to one. */
  readonly token: string | null
}

/** How much closer the page can look at the curve of a weight. */
const zooms = [1, 10, 100, 1000]

/** A weight, or the one with the largest gradient. */
export function slowStep(
  opened: OpenedStep,
  moment: Moment,
  { path, index, zoom = 1 }: Readonly<Record<string, unknown>>,
): Promise<SlowStep> {
  if (!zooms.some((each) => each === zoom))
    throw new RequestError(400, `The zoom must be one of ${zooms.join(', ')}.`)
  return opened.with(moment, async (one) => {
    const { tokens, losses, gradients, ...overview } = one.overview
    const steepest = gradients.reduce((most, each) =>
      Math.abs(each.gradient) > Math.abs(most.gradient) ? each : most,
    )
    const chosen = gradients.find((each) => each.path === path)
    if (path !== undefined && !chosen) throw new RequestError(400, 'The model has no such weight.')
    const { shape, ...own } = chosen ?? steepest
    const weight = await one.weight(own.path, (index as number | undefined) ?? own.largest, zoom as number)
    return {
      ...overview,
      tokens: Array.from(tokens, (id, i) => ({
        text: one.tokenizer.decode([id]),
        loss: i === 0 ? null : losses[i - 1],
      })),
      parameters: gradients.map(({ path, shape, largest }) => ({ path, shape, largest })),
      weight,
      zooms,
      token: tokenOfRow(one, weight, shape),
    }
  })
}

/** The tables of the embedding and of the output have a row for each token. */
function tokenOfRow({ tokenizer }: OneStep, { path, index }: WeightReport, shape: readonly number[]) {
  if (!/^(tokenEmbedding|head)\./.test(path) || shape[0] !== tokenizer.vocabSize) return null
  return tokenizer.decode([Math.floor(index / (shape[1] ?? 1))])
}
