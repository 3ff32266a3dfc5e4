// The view of how a run learns: its loss in words, its curve, and the samples along it.

import { Curve } from './curve.mjs'
import { ForkNote, Forks } from './forks.mjs'
import { html } from './html.mjs'
import { Loss } from './loss.mjs'
import { Samples } from './samples.mjs'
import { Warnings } from './warnings.mjs'
import { WeightsPicture } from './weights_picture.mjs'

export function Learning({ run }) {
  return html`
    <${Loss} run=${run} />
    <${ForkNote} run=${run} />
    <section class="card flush" aria-labelledby="curve-title">
      <h2 id="curve-title">The learning curve</h2>
      <p class="muted">
        The lower the curve, the better it guesses. Click the curve to read what it wrote at that point.
      </p>
      ${run.steps > 0 ? html`<${Curve} run=${run} />` : html`<p class="waiting muted">The curve begins with the first step.</p>`}
      <${Samples} run=${run} />
    </section>
    ${run.isSaved && html`<${WeightsPicture} run=${run} key=${run.id} />`}
    <${Forks} run=${run} />
    <${Warnings} run=${run} />
  `
}
