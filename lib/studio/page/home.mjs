// The first view: start a run, and the table of runs.

import { html } from './html.mjs'
import { NewRun } from './new_run.mjs'
import { RunsTable } from './runs_table.mjs'

export function Home() {
  return html`
    <section class="hero">
      <h1>Grow a language model on your own text</h1>
      <p class="lead">
        It reads the text and learns to guess which letter comes next. After a minute or two it writes by itself.
      </p>
      <${NewRun} />
      <p class="muted to-stages">
        How does it work? <a href="#stages">The ten stages</a> build such a model, one idea at a time.
      </p>
    </section>
    <${RunsTable} />
  `
}
