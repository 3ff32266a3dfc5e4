// The texts that a model wrote along its run, and the slider that leads to them.

import { signal } from '@preact/signals'
import { html } from './html.mjs'
import { count } from './words.mjs'

/** The step of the chosen sample. null: always the newest. */
export const chosenStep = signal(null)

/** The chosen sample of a run: the one nearest to the chosen step. */
export function chosenSample({ samples }) {
  const step = chosenStep.value
  if (step === null || samples.length === 0) return samples.at(-1)
  return samples.reduce((near, each) =>
    Math.abs(each.step - step) < Math.abs(near.step - step) ? each : near,
  )
}

export function choose({ samples }, step) {
  const near = samples.reduce(
    (best, each) => (best && Math.abs(best.step - step) <= Math.abs(each.step - step) ? best : each),
    undefined,
  )
  chosenStep.value = near === samples.at(-1) ? null : (near?.step ?? null)
}

export function Samples({ run }) {
  const { samples, steps } = run
  const sample = chosenSample(run)
  if (steps === 0) return null
  if (!sample)
    return html`<p class="muted samples">The first sample of its writing appears here in a moment.</p>`
  const at = samples.indexOf(sample)
  const move = (by) => choose(run, samples[Math.min(samples.length - 1, Math.max(0, at + by))].step)
  const keys = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    Home: -samples.length,
    End: samples.length,
  }
  return html`
    <div class="samples">
      <input
        class="slider"
        type="range"
        aria-label="Samples along the run"
        aria-valuetext="after ${count(sample.step)} steps"
        min="0"
        max=${steps}
        step="1"
        value=${sample.step}
        onInput=${(event) => {
          choose(run, Number(event.target.value))
          // The slider rests on a sample.
          event.target.value = chosenSample(run).step
        }}
        onKeyDown=${(event) => {
          if (!(event.key in keys)) return
          event.preventDefault()
          move(keys[event.key])
        }}
      />
      <div class="row">
        <h3>What it wrote after ${count(sample.step)} steps</h3>
        <div class="buttons">
          <button class="button small" disabled=${at === 0} onClick=${() => move(-1)}>Earlier</button>
          <button class="button small" disabled=${at === samples.length - 1} onClick=${() => move(1)}>Later</button>
        </div>
      </div>
      <div class="sample" tabindex="0" role="region" aria-label="Sample">${sample.text.trim() || html`<span class="muted">(only blank lines)</span>`}</div>
    </div>
  `
}
