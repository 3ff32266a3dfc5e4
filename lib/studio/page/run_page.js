// The view of one run.

import { Curve } from './curve.js'
import { html } from './html.js'
import { Loss } from './loss.js'
import { Try } from './playground.js'
import { RunHead } from './run_head.js'
import { Samples } from './samples.js'
import { shown } from './state.js'
import { Warnings } from './warnings.js'

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
      <${Curve} run=${run} />
      <${Samples} run=${run} />
    </section>
    ${run.evaluations.length > 0 && html`<${Try} run=${run} key=${run.id} />`}
    <${Warnings} run=${run} />
  `
}
