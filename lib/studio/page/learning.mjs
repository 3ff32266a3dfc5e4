// The view of how a run learns: its loss in words, its curve, and the samples along it.

import { Curve } from './curve.mjs'
import { html } from './html.mjs'
import { Loss } from './loss.mjs'
import { Samples } from './samples.mjs'
import { Warnings } from './warnings.mjs'

export function Learning({ run }) {
  return html`
    <${Loss} run=${run} />
    <section class="card flush" aria-labelledby="curve-title">
      <h2 id="curve-title">How it learns</h2>
      <p class="muted">
        The lower the curve, the better it guesses. Click the curve, or move the slider, to read what it wrote at that point.
      </p>
      ${run.steps > 0 ? html`<${Curve} run=${run} />` : html`<p class="waiting muted">The curve begins with the first step.</p>`}
      <${Samples} run=${run} />
    </section>
    <${Warnings} run=${run} />
  `
}
