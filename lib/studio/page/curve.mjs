// The curve of the losses of a run, and the sample that is shown, pinned along it. Beside them it can show
// losses of a reference.

import { Curves } from './curves.mjs'
import { html } from './html.mjs'
import { choose, chosenSample } from './samples.mjs'
import { choices, count } from './words.mjs'

export function Curve({ run, reference }) {
  const last = run.evaluations.at(-1)
  const label = last
    ? `Curve of the losses. After ${count(last.step)} steps: ${choices(last.valLoss).toFixed(1)} choices.`
    : 'Curve of the losses, still empty.'
  const sample = chosenSample(run)
  const { evaluations, points, steps, unit } = run
  return html`
    <div class="legend" aria-hidden="true">
      <span><span class="line train"></span>on the text it trains on</span>
      <span><span class="line valid"></span>on text it has never seen</span>
      ${reference && html`<span><span class="line reference"></span>the reference</span>`}
    </div>
    <p class="axis-title muted" aria-hidden="true">As if choosing among … ${unit}s</p>
    <${Curves}
      runs=${[{ name: '', evaluations, points, color: '--accent', soft: '--soft' }]}
      lines=${[lineOf(reference, steps)]}
      marks=${sample ? [sample.step] : []}
      end=${steps}
      label=${label}
      onChoose=${(step) => choose(run, step)}
    />
  `
}

/** Losses along the run. If only the last one is known, it is a level. */
function lineOf(reference, steps) {
  if (!reference) return []
  const along = reference.filter(([step]) => step > 0)
  return along.length > 1
    ? along.filter(([step]) => step <= steps)
    : [0, steps].map((step) => [step, along[0][1]])
}
