// The loss in words.

import { html } from './html.mjs'
import { chosenStep } from './state.mjs'
import { choicesWords, plural } from './words.mjs'

export function Loss({ run }) {
  const { evaluations, unit } = run
  const best = evaluations.reduce((low, each) => (low && low.valLoss <= each.valLoss ? low : each), null)
  if (!best)
    return html`
      <section class="loss">
        <p class="big muted">It has read nothing yet</p>
        <p class="muted">First it is tested as it is: with random weights it can only guess blindly.</p>
      </section>
    `
  const step = chosenStep.value
  if (step !== null) {
    const then = evaluations.findLast((each) => each.step <= step) ?? evaluations[0]
    return html`
      <section class="loss" aria-live="polite">
        <p class="big">
          It guessed the next ${unit} as if choosing among <strong>${choicesWords(then.valLoss)}</strong>
        </p>
        <p class="muted">
          That was after ${plural(then.step, 'step')}, with a validation loss of ${then.valLoss.toFixed(2)} nats. Its best so far is
          ${' '}${choicesWords(best.valLoss)}.
        </p>
      </section>
    `
  }
  const first = evaluations[0]
  return html`
    <section class="loss" aria-live="polite">
      <p class="big">
        It guesses the next ${unit} as if choosing among <strong>${choicesWords(best.valLoss)}</strong>
      </p>
      <p class="muted">
        ${best.step > first.step && first.step === 0 ? `The fewer, the better: at first it was ${choicesWords(first.valLoss)}. ` : ''}
        ${unit === 'token' ? 'A token is a word, or a piece of one. ' : ''}Measured after ${plural(best.step, 'step')} on a part of the text that it never trains on.
        Written as a loss, it is ${best.valLoss.toFixed(2)} nats.
      </p>
    </section>
  `
}
