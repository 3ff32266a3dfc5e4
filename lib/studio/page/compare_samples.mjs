// What several runs wrote at the same step, side by side, with one slider for all.

import { letterOf } from './compare_table.mjs'
import { html } from './html.mjs'
import { plural } from './words.mjs'

/** The newest sample of a run up to a step. */
const sampleAt = ({ samples }, step) => samples.findLast((each) => each.step <= step) ?? samples[0]

/** `step`: a signal; null: the newest step for which all have samples. */
export function CompareSamples({ runs, step }) {
  const withSamples = runs.filter(({ samples }) => samples.length > 0)
  const steps = [...new Set(runs.flatMap(({ samples }) => samples.map((each) => each.step)))].sort(
    (a, b) => a - b,
  )
  if (steps.length === 0) return null
  const newest = Math.min(...withSamples.map(({ samples }) => samples.at(-1).step))
  const wanted = step.value ?? newest
  // The slider rests on steps that have a sample.
  const at = Math.max(
    0,
    steps.findLastIndex((each) => each <= wanted),
  )
  return html`
    <section aria-labelledby="wrote-title">
      <h2 id="wrote-title">What they wrote after ${plural(steps[at], 'step')}</h2>
      <input
        class="together"
        type="range"
        aria-label="Step of the samples"
        aria-valuetext=${`after ${plural(steps[at], 'step')}`}
        min="0"
        max=${steps.length - 1}
        step="1"
        value=${at}
        onInput=${(event) => {
          step.value = steps[Number(event.target.value)]
        }}
      />
      <div class="side-by-side">
        ${runs.map((run, i) => {
          const sample = sampleAt(run, steps[at])
          return html`
            <div key=${run.id}>
              <h3><span class=${`line run-${i + 1}`}></span>${letterOf(i)}${sample && sample.step !== steps[at] ? html`<span class="muted"> after ${plural(sample.step, 'step')}</span>` : ''}</h3>
              <div class="sample" style=${{ borderColor: `var(--run-${i + 1})` }} tabindex="0" role="region" aria-label=${`Sample of ${letterOf(i)}`}>
                ${sample ? sample.text.trim() || html`<span class="muted">(only blank lines)</span>` : html`<span class="muted">(It wrote no samples.)</span>`}
              </div>
            </div>
          `
        })}
      </div>
    </section>
  `
}
