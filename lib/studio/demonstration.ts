// What a stage of the course shows before it trains, or instead, as lines of a page.

import { openSession } from '../backend/devices'
import { runOnce } from '../backend/once'
import { availableCorpus } from '../data/available'
import { loadText } from '../data/corpus'
import type { Tensor } from '../graph/tensor'
import { trainOptions } from '../options'
import { seedFrom } from '../random/philox'
import { matrix } from '../stages/matrix'
import type { Harness, LookingHarness, Stage } from '../stages/stage'
import { CharTokenizer } from '../tokenizer/char'
import type { GivenText } from './runner'

/** A heading, a sentence, the rows of a tensor, or a text with its title. */
export interface Shown {
  readonly kind: 'title' | 'say' | 'show' | 'quote'
  readonly text: string
  /** Of a quote. */
  readonly title?: string
}

/** Whether a stage has something to show without a training. */
export const canDemonstrate = (stage: Stage) => stage.numbers === undefined || stage.look !== undefined

/**
 * Runs a stage without its training.
 *
 * @param text only for a stage that trains
 */
export async function demonstrate(stage: Stage, text: GivenText): Promise<readonly Shown[]> {
  const shown: Shown[] = []
  const harness = printing(shown)
  if (!stage.numbers) await stage.run(harness)
  else stage.look?.(await withText(harness, stage.numbers, text))
  return shown
}

function printing(shown: Shown[]): Harness {
  return {
    seed: seedFrom(BigInt(trainOptions.seed.default.words)),
    title: (text) => shown.push({ kind: 'title', text }),
    say: (text = '') => shown.push({ kind: 'say', text }),
    show: (tensor: Tensor) => shown.push({ kind: 'show', text: matrix(tensor).join('\n') }),
    quote: (title, text) => shown.push({ kind: 'quote', title, text }),
    async compute(program, inputs) {
      const session = await openSession({})
      try {
        return { device: session.device, y: await runOnce(session, program, inputs) }
      } finally {
        await session.dispose()
      }
    },
  }
}

async function withText(
  harness: Harness,
  numbers: LookingHarness['numbers'],
  given: GivenText,
): Promise<LookingHarness> {
  const { text, name } = await loadText([given ?? (await availableCorpus('studio'))])
  return { ...harness, text, textName: name, tokenizer: CharTokenizer.fromText(text), numbers }
}
