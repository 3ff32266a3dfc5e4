// The curve of the losses of a run, and the chosen step. Beside them it can show losses of a reference, and
// those of the run that a fork continues.

import { Curves } from './curves.mjs'
import { forkOf, parent } from './forks.mjs'
import { html } from './html.mjs'
import { chosenStep } from './state.mjs'
import { choose } from './stops.mjs'
import { choices, plural } from './words.mjs'

export function Curve({ run, reference }) {
  const last = run.evaluations.at(-1)
  const label = last
    ? `Curve of the losses. After ${plural(last.step, 'step')}: ${choices(last.valLoss).toFixed(1)} choices.`
    : 'Curve of the losses, still empty.'
  const fork = forkOf(run)
  const other = fork?.parent === parent.value?.id ? parent.value : null
  const { evaluations, points, step, unit } = run
  const end = Math.max(run.steps, other?.step ?? 0)
  const marked = chosenStep.value ?? step
  return html`
    <div class="legend" aria-hidden="true">
      <span><span class="line train"></span>on the text it trains on</span>
      <span><span class="line valid"></span>on text it has never seen</span>
      ${reference && html`<span><span class="line reference"></span>the reference</span>`}
      ${other && html`<span><span class="line other"></span>the same without the change</span>`}
    </div>
    <p class="axis-title muted" aria-hidden="true">As if choosing among … ${unit}s</p>
    <${Curves}
      runs=${[{ name: '', evaluations, points, color: '--accent', soft: '--soft' }]}
      lines=${[lineOf(reference, run.steps), withoutChange(fork, other)]}
      marks=${marked > 0 || chosenStep.value !== null ? [marked] : []}
      split=${fork?.step}
      begin=${fork ? Math.max(0, Math.floor(fork.step - (end - fork.step) / 4)) : 0}
      end=${end}
      label=${label}
      onChoose=${(at) => choose(run, at)}
    />
  `
}

/** The losses of the run that a fork continues, from where both are the same. */
function withoutChange(fork, other) {
  if (!other) return []
  const begin = other.evaluations.findLast(({ step }) => step <= fork.step)?.step ?? 0
  return other.evaluations.filter(({ step }) => step >= begin).map(({ step, valLoss }) => [step, valLoss])
}

/** Losses along the run. If only the last one is known, it is a level. */
function lineOf(reference, steps) {
  if (!reference) return []
  const along = reference.filter(([step]) => step > 0)
  return along.length > 1
    ? along.filter(([step]) => step <= steps)
    : [0, steps].map((step) => [step, along[0][1]])
}
