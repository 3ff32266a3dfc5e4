// What each stage writes, beside each other.

import { html } from './html.mjs'
import { runOf, stages, titleOfText } from './stages_state.mjs'
import { choicesWords } from './words.mjs'

/** UTF-16 code units of a sample. */
const longest = 160

export function Strip({ shown, go }) {
  const trained = stages.value.filter(({ numbers }) => numbers !== null)
  return html`
    <section aria-labelledby="strip-title">
      <h2 id="strip-title">What each stage writes</h2>
      <p class="muted strip-text">The newest sample of each stage that has read ${titleOfText.value}. The number says how well it guesses: as if choosing among so many characters.</p>
      <ol class="strip">
        ${trained.map((stage) => {
          const run = runOf(stage)
          const sample = run?.samples.at(-1)
          const losses = run?.evaluations.map(({ valLoss }) => valLoss) ?? []
          return html`
            <li class=${stage === shown ? 'at' : ''}>
              <button onClick=${() => go(stages.value.indexOf(stage))}><b>${stage.number}</b> ${stage.title}</button>
              <span class="number muted">${losses.length > 0 ? choicesWords(Math.min(...losses)) : ''}</span>
              ${
                sample
                  ? html`<p class="sample">${sample.text.trim().slice(0, longest)}${' '}…</p>`
                  : html`<p class="muted">Not run yet.</p>`
              }
            </li>
          `
        })}
      </ol>
    </section>
  `
}
