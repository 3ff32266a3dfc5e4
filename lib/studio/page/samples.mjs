// The texts that a model wrote along its run.

import { html } from './html.mjs'
import { choose, chosenSample } from './stops.mjs'
import { plural } from './words.mjs'

const isTraining = ({ state }) => state === 'preparing' || state === 'running'

export function Samples({ run }) {
  const { samples, steps } = run
  const sample = chosenSample(run)
  if (steps === 0) return null
  if (!sample)
    return html`
      <p class="muted samples">
        ${isTraining(run) ? 'The first sample of its writing appears here in a moment.' : 'This run wrote no samples. In “Watch it write” it writes now.'}
      </p>
    `
  const at = samples.indexOf(sample)
  return html`
    <div class="samples">
      <div class="row">
        <h3>What it wrote after ${plural(sample.step, 'step')}</h3>
        <div class="buttons">
          <button class="button small" disabled=${at === 0} onClick=${() => choose(run, samples[at - 1].step)}>Earlier</button>
          <button
            class="button small"
            disabled=${at === samples.length - 1}
            onClick=${() => choose(run, samples[at + 1].step)}
          >
            Later
          </button>
        </div>
      </div>
      <div class="sample" tabindex="0" role="region" aria-label="Sample">${sample.text.trim() || html`<span class="muted">(only blank lines)</span>`}</div>
    </div>
  `
}
