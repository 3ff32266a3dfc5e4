// The view of one run.

import { Curve } from './curve.mjs'
import { html } from './html.mjs'
import { Loss } from './loss.mjs'
import { Try } from './playground.mjs'
import { RunHead } from './run_head.mjs'
import { Samples } from './samples.mjs'
import { shown } from './state.mjs'
import { Surprise } from './surprise.mjs'
import { Warnings } from './warnings.mjs'

export function RunPage() {
  const run = shown.value
  if (run === null) return html`<p class="muted">Reading the run…</p>`
  if (run.missing) return html`<p class="problem">${run.missing}</p><p><a href="#">Back to the runs</a></p>`
  return html`
    <${RunHead} run=${run} />
    <${Loss} run=${run} />
    <section class="card flush" aria-labelledby="curve-title">
      <h2 id="curve-title">How it learns</h2>
      <p class="muted">
        The lower the curve, the better it guesses. Click the curve, or move the slider, to read what it wrote at that point.
      </p>
      ${run.steps > 0 ? html`<${Curve} run=${run} />` : html`<p class="waiting muted">The curve begins with the first step.</p>`}
      <${Samples} run=${run} />
    </section>
    ${run.isSaved && html`<${Try} run=${run} key=${run.id} />`}
    ${run.isSaved && html`<${Surprise} run=${run} key=${`surprise ${run.id}`} />`}
    <${Warnings} run=${run} />
  `
}
