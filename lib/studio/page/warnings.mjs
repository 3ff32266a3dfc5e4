// What went wrong while a run went on.

import { html } from './html.mjs'
import { count } from './words.mjs'

export function Warnings({ run }) {
  if (run.warnings.length === 0) return null
  return html`
    <section aria-labelledby="warnings-title">
      <h2 id="warnings-title">Warnings</h2>
      <ul>
        ${run.warnings.map(({ step, message }) => html`<li>Step ${count(step)}: ${message}</li>`)}
      </ul>
    </section>
  `
}
