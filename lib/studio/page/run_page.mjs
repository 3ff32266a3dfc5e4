// The page of one run: its title and progress, and several views of it.

import { Attention } from './attention.mjs'
import { html } from './html.mjs'
import { Learning } from './learning.mjs'
import { Try } from './playground.mjs'
import { RunHead } from './run_head.mjs'
import { Speed } from './speed.mjs'
import { addressOfRun, route, shown } from './state.mjs'
import { Step } from './step.mjs'
import { Surprise } from './surprise.mjs'
import { Timeline } from './timeline.mjs'

/** The views, in their order. All but the first need a model that is saved. */
const views = [
  { name: 'learning', title: 'How it learns', View: Learning },
  { name: 'writing', title: 'Watch it write', View: Try },
  { name: 'reading', title: 'Watch it read', View: Surprise },
  { name: 'attention', title: 'Where it looks', View: Attention },
  { name: 'step', title: 'One step', View: Step },
  // Speed does not depend on the weights.
  { name: 'speed', title: 'Where the time goes', View: Speed, isTimeless: true },
]

export function RunPage() {
  const run = shown.value
  if (run === null) return html`<p class="muted">Reading the run…</p>`
  if (run.missing) return html`<p class="problem">${run.missing}</p><p><a href="#">Back to the runs</a></p>`
  const { name, View, isTimeless } = views.find((view) => view.name === route.value.parts[1]) ?? views[0]
  return html`
    <${RunHead} run=${run} />
    <nav class="views" aria-label="Views of the run">
      ${views.map(
        (view) => html`
          <a href=${addressOfRun(run.id, view.name)} aria-current=${view.name === name ? 'page' : undefined}>${view.title}</a>
        `,
      )}
    </nav>
    ${run.isSaved && !isTimeless && html`<${Timeline} run=${run} key=${run.id} />`}
    ${
      name === 'learning' || run.isSaved
        ? html`<${View} run=${run} key=${`${run.id} ${name}`} />`
        : html`<p class="empty">This view opens when the model is saved for the first time, in a moment.</p>`
    }
  `
}
